"""Requests that do not go well: sent again, halved, or refused with the library's own errors."""

import gzip
import io
import json
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

import carving
from carving.client._http import Session
from carving.client.connecting import connect
from carving.client.connection import Connection
from carving.client.tree import RemoteTree
from carving.errors import (
    CorruptStore,
    InvalidInput,
    MissingDependency,
    MissingFile,
    NotAllowed,
    OutOfMemory,
    OutputExists,
    ServiceFailure,
)
from carving.service import Settings, _problems
from tests.client.serving import served
from tests.tree.runs import pattern_samples

TOKEN = "a-token-of-some-length"


@pytest.fixture(autouse=True)
def waits(monkeypatch) -> list[float]:
    """How long was waited between requests, which is not done here."""
    seconds: list[float] = []
    monkeypatch.setattr("carving.client._http.time.sleep", seconds.append)
    return seconds


def session(answer: Callable[[httpx.Request], httpx.Response], retries: int = 3) -> Session:
    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://service")
    return Session(client, retries=retries)


def problem(status: int, detail: str = "no", **headers: str) -> httpx.Response:
    headers = {"Content-Type": "application/problem+json"} | headers
    return httpx.Response(status, headers=headers, content=json.dumps({"detail": detail}))


def in_turn(*answers: httpx.Response | Exception) -> tuple[Session, list[httpx.Request]]:
    """Who gives these answers one after the other, and what was asked."""
    left, asked = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        this = left.pop(0)
        if isinstance(this, Exception):
            raise this
        return this

    return session(answer), asked


# ---- errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInput),
        (401, NotAllowed),
        (403, NotAllowed),
        (404, MissingFile),
        (406, InvalidInput),
        (408, ServiceFailure),
        (409, InvalidInput),
        (413, InvalidInput),
        (415, InvalidInput),
        (422, InvalidInput),
        (429, ServiceFailure),
        (500, ServiceFailure),
        (504, ServiceFailure),
        (507, ServiceFailure),
    ],
)
def test_problems_are_the_library_s_errors(status, kind):
    asking, asked = in_turn(problem(status, "what\nis wrong"))
    with pytest.raises(carving.CarvingError) as error:
        asking.json("/x")
    assert type(error.value) is kind
    assert str(error.value).startswith("http://service: ")
    assert "token" in str(error.value) if status == 401 else "what is wrong" in str(error.value)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "kind", [MissingFile, OutputExists, CorruptStore, MissingDependency, OutOfMemory, InvalidInput]
)
def test_errors_of_the_library_arrive_as_they_left(kind):
    app = FastAPI()
    _problems.install(app)

    @app.get("/x")
    def fails() -> None:
        raise kind("all is lost")

    with TestClient(app) as client:
        answer = client.get("/x")
    asking, _ = in_turn(httpx.Response(answer.status_code, headers=answer.headers, content=answer.content))
    with pytest.raises(kind, match="all is lost"):
        asking.json("/x")


def test_what_is_no_service_of_carving_is_named():
    for answer in (
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b"[]"),
        httpx.Response(404, content=b"<html>not here"),
        httpx.Response(404, headers={"Content-Type": "application/problem+json"}, content=b"[]"),
    ):
        asking, _ = in_turn(answer)
        with pytest.raises(carving.CarvingError, match="check the address"):
            asking.json("/health")


def test_who_leads_elsewhere_is_not_followed():
    asking, asked = in_turn(httpx.Response(307, headers={"Location": "https://other.example/"}))
    with pytest.raises(ServiceFailure, match="https://other.example/"):
        asking.json("/x")
    assert len(asked) == 1


def test_nobody_there_is_one_line_with_the_address():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ServiceFailure, match="carve serve") as error:
        connect(address)
    assert isinstance(error.value, ConnectionError)
    assert address in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8765",
        "ftp://host",
        "http://",
        "http://h:p",
        "http://[",
        "http://h/?a=1",
        "http://u:p@h",
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(InvalidInput):
        connect(url)


@pytest.mark.parametrize("token", ["two words", "line\nend", "ü" * 20])
def test_what_is_no_token_is_refused_without_showing_it(token):
    with pytest.raises(InvalidInput) as error:
        connect("http://127.0.0.1:1", token=token)
    assert token not in str(error.value)


def test_without_httpx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    with pytest.raises(MissingDependency, match=r"carving\[client\]"):
        connect("http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("version", "refused"), [("0.9.3", False), ("1.0.0", True), ("unknown", False), (3, True)]
)
def test_another_major_version_is_refused(version, refused, monkeypatch):
    from carving.client import connecting

    asking, _ = in_turn(httpx.Response(200, content=json.dumps({"status": "ok", "version": version})))
    monkeypatch.setattr(connecting, "version_of", lambda _: "0.1.0")
    if refused:
        with pytest.raises(ServiceFailure):
            connecting._checked(asking)
    else:
        assert isinstance(connecting._checked(asking), Connection)


def test_a_connection_that_was_closed_says_so(both):
    with connect(both.remote.url) as remote:
        tree = remote.load_tree("tree")
    for ask in (lambda: tree.nodes, lambda: remote.trees, lambda: remote.place(tree, pattern_samples(1))):
        with pytest.raises(InvalidInput, match="closed"):
            ask()


# ---- again


def test_a_busy_service_is_asked_again(waits):
    asking, asked = in_turn(
        problem(503, **{"Retry-After": "7"}),
        problem(502),
        httpx.ConnectError("refused"),
        httpx.Response(200, content=b"{}"),
    )
    assert asking.json("/x") == {}
    assert len(asked) == 4
    assert waits[0] == 7
    assert waits[1] < waits[2] < 2


def test_a_body_is_sent_whole_each_time():
    asking, asked = in_turn(httpx.ReadError("gone"), problem(503), httpx.Response(200, content=b"yes"))
    assert asking.content("POST", "/x", accept="*/*", body=b"abc", kind="text/csv") == b"yes"
    assert [request.content for request in asked] == [b"abc"] * 3


@pytest.mark.parametrize(
    "what", [problem(503), httpx.ConnectError("refused"), httpx.RemoteProtocolError("cut")]
)
def test_at_some_point_it_is_enough(what, waits):
    asking, asked = in_turn(*[what] * 4)
    with pytest.raises(ServiceFailure):
        asking.json("/x")
    assert (len(asked), len(waits)) == (4, 3)


def test_too_many_requests_are_sent_again_only_when_told_to():
    asking, asked = in_turn(problem(429), problem(200))
    with pytest.raises(ServiceFailure):
        asking.json("/x")
    assert len(asked) == 1
    asking, asked = in_turn(problem(429, **{"Retry-After": "1"}), httpx.Response(200, content=b"{}"))
    asking.json("/x")
    assert len(asked) == 2


def test_an_answer_that_is_late_is_not_asked_for_again():
    asking, asked = in_turn(httpx.ReadTimeout("late"))
    with pytest.raises(ServiceFailure, match="no answer in time"):
        asking.json("/x")
    assert len(asked) == 1


def test_a_download_that_breaks_begins_anew():
    def broken() -> Iterator[bytes]:
        yield b"half of "
        raise httpx.ReadError("gone")

    asking, _ = in_turn(httpx.Response(200, content=broken()), httpx.Response(200, content=b"the whole"))
    file = io.BytesIO()
    asking.download("/x", file)
    assert file.getvalue() == b"the whole"


# ---- the real service with small limits


@pytest.fixture(scope="module")
def small(both) -> Iterator[str]:
    """One that takes five rows, and asks for a token."""
    with served(both.folder, Settings(rows=5, token=TOKEN)) as address:
        yield address


def test_samples_are_sent_in_parts_that_the_service_takes(small, both):
    samples, seen = pattern_samples(23, seed=8), []
    with connect(small, token=TOKEN) as remote:
        placed = remote.place("tree", samples, progress=seen.append)
        points = remote.fixed_points("checkpoints", samples)
        followed = remote.open_checkpoints("checkpoints").trajectories(samples)
    whole = both.trees["tree"].place(samples, both.run("checkpoints"))
    np.testing.assert_array_equal(placed.node, whole.node)
    np.testing.assert_allclose(placed.distance, whole.distance, atol=1e-6)
    exact = carving.fixed_points(both.run("checkpoints")[-1], samples)
    assert float((points.visible - exact.visible).abs().max()) <= 2e-6
    np.testing.assert_allclose(followed.visible[:, 0], exact.visible, atol=2e-6)
    assert [each.done for each in seen] == sorted({each.done for each in seen})
    assert (seen[-1].done, seen[-1].total) == (23, 23)


def test_the_token_may_come_from_the_environment(small, monkeypatch):
    monkeypatch.setenv("CARVING_TOKEN", TOKEN)
    with connect(small) as remote:
        assert remote.trees == ["families", "tree"]
        assert TOKEN not in repr(remote) + repr(vars(remote))


@pytest.mark.parametrize("token", [None, "another-token-of-length"])
def test_without_the_right_token_nothing_is_had(small, token, monkeypatch):
    monkeypatch.delenv("CARVING_TOKEN", raising=False)
    with connect(small, token=token) as remote, pytest.raises(PermissionError, match="CARVING_TOKEN"):
        remote.load_tree("tree")


def test_names_are_one_segment_whatever_they_hold(both):
    for name in (
        "../stores",
        "tree/nodes",
        "tree?x=1",
        "tree#x",
        "",
        ".",
        "..",
        "nothing",
        "%2e%2e",
        "a b\n",
        "é",
    ):
        with pytest.raises(MissingFile):
            both.remote.load_tree(name)


def test_several_threads_may_ask_at_once(both):
    samples, found = pattern_samples(4, seed=1), []
    threads = [
        threading.Thread(target=lambda: found.append(both.remote.place("tree", samples))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for each in found:
        np.testing.assert_array_equal(each.node, found[0].node)


# ---- a service that is not to be trusted


def whole_tree(content: bytes) -> RemoteTree:
    asking, _ = in_turn(httpx.Response(200, content=b"{}"), httpx.Response(200, content=content))
    return RemoteTree(asking, "tree")


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"{}")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        gzip.compress(b"no zip", mtime=0),
        *map(
            zipped, ("../tree.zarr/x", "/etc/x", "tree.zarr/../../x", "tree.zarr/c\\..\\x", "other/zarr.json")
        ),
        zipped("tree.zarr/zarr.json"),
        zipped("tree.zarr/zarr.json")[:-30],
    ],
)
def test_what_is_no_tree_is_refused_and_leaves_nothing(content, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(carving.CarvingError, match="http://service") as error:
        whole_tree(content).local()
    assert str(tmp_path) not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_answers_are_never_unpickled():
    file = io.BytesIO()
    np.savez(file, node=np.array([print], dtype=object))
    with pytest.raises(ServiceFailure, match="damaged"):
        whole_tree(file.getvalue()).partition(1)


def test_an_answer_without_a_column_is_of_another_version():
    file = io.BytesIO()
    np.savez(file, other=np.zeros(3))
    with pytest.raises(ServiceFailure, match="'node'"):
        whole_tree(file.getvalue()).partition(1)
