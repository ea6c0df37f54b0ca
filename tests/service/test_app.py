"""Every endpoint against the library: what the service answers is what the library says."""

import io

import numpy as np
import orjson
import pandas
import pyarrow
import pytest
from starlette.testclient import TestClient

import carving
from carving.errors import CarvingError
from carving.export import ExportOptions, formats
from carving.service import Settings, create_app
from carving.service._bodies import BODIES
from carving.service._problems import Refusal
from tests.service.workspaces import ALPHABET, NAMES
from tests.tree.runs import pattern_samples

API = "/api/v1"


def columns(answer) -> dict[str, np.ndarray]:
    """A table that was asked for as .npz: the very bits."""
    assert answer.status_code == 200, answer.text
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as file:
        return dict(file)


def npz_of(samples: np.ndarray, names=None) -> bytes:
    file = io.BytesIO()
    if names is None:
        np.savez_compressed(file, samples=samples)
    else:
        np.savez_compressed(file, samples=samples, names=np.array(names))
    return file.getvalue()


def post(served, path: str, samples: np.ndarray, **parameters):
    headers = {"Content-Type": "application/x-npz", "Accept": "application/x-npz"}
    return columns(
        served.client.post(f"{API}{path}", content=npz_of(samples), headers=headers, params=parameters)
    )


# ---- stores


def test_stores_are_described(served):
    answer = served.client.get(f"{API}/stores").json()
    assert answer["unreadable"] == {}
    assert [store["name"] for store in answer["stores"]] == ["checkpoints", "sequences"]
    run = carving.open_checkpoints(served.folder / "sequences")
    one = served.client.get(f"{API}/stores/sequences").json()
    assert one == answer["stores"][1]
    assert (one["ages"], one["oldest_age"]) == (len(run), run.ages[-1])
    assert (one["visible"], one["visible_size"], one["alphabet"]) == ("potts", run.visible_size, ALPHABET)


def test_ages_of_a_store(served):
    run = carving.open_checkpoints(served.folder / "checkpoints")
    answer = served.client.get(f"{API}/stores/checkpoints/ages").json()
    assert answer["columns"]["age"] == run.ages.tolist()
    assert answer["columns"]["quality"] == pytest.approx(run.metrics["quality"])


@pytest.mark.parametrize("store", ["checkpoints", "sequences"])
def test_a_machine_comes_whole(served, store):
    run = carving.open_checkpoints(served.folder / store)
    path = f"{API}/stores/{store}/machines/1000"
    parameters = columns(served.client.get(path, headers={"Accept": "application/x-npz"}))
    for name, values in parameters.items():
        assert np.array_equal(values, getattr(run.at_age(1000), name).numpy())
    facts = served.client.get(path).json()
    weights = run.at_age(1000).weights.double().reshape(-1, run.at_age(1000).hidden_size).numpy()
    assert facts["singular_values"] == pytest.approx(_singular(weights), abs=1e-6)
    assert served.client.get(f"{API}/stores/{store}/machines/999").status_code == 404


def _singular(weights: np.ndarray) -> list[float]:
    """From the eigenvalues of W Wᵀ."""
    return np.sqrt(np.linalg.eigvalsh(weights.T @ weights)[::-1].clip(min=0))[:20].tolist()


# ---- fixed points


@pytest.mark.parametrize("store", ["checkpoints", "sequences"])
@pytest.mark.parametrize("order", [1, 2])
def test_fixed_points_are_the_library_s(served, store, order):
    run = carving.open_checkpoints(served.folder / store)
    samples = pattern_samples(9, visible=run.visible.name, seed=3)
    ours = post(served, f"/stores/{store}/fixed-points", samples, age=100, order=order)
    theirs = carving.fixed_points(run.at_age(100), samples, order=order)
    closeness = float(theirs.error.max()) + float(ours["error"].max()) + 1e-12
    assert np.abs(ours["visible"] - theirs.visible.numpy()).max() <= closeness
    assert np.abs(ours["hidden"] - theirs.hidden.numpy()).max() <= closeness
    assert ours["free_energy"] == pytest.approx(theirs.free_energy.numpy(), abs=1e-9)
    assert np.array_equal(ours["stable"], theirs.stable.numpy())
    assert ours["converged"].all()


def test_the_oldest_machine_is_the_usual_one(served):
    samples = pattern_samples(2)
    oldest = post(served, "/stores/checkpoints/fixed-points", samples, age=1000)
    usual = post(served, "/stores/checkpoints/fixed-points", samples)
    assert np.allclose(oldest["visible"], usual["visible"], atol=1e-9)


def test_trajectories_lead_through_the_fixed_points(served):
    run = carving.open_checkpoints(served.folder / "checkpoints")
    samples = pattern_samples(3, seed=5)
    found = post(served, "/stores/checkpoints/trajectories", samples, points=True)
    assert found["age"].tolist() == [1000, 100, 10, 1] * 3
    points = carving.fixed_points(run.at_age(1000), samples)
    for age in (1000, 100, 10, 1):
        if age != 1000:
            points = carving.fixed_points(run.at_age(age), points.visible, hidden=points.hidden)
        here = found["age"] == age
        assert np.allclose(found["visible"][here], points.visible.numpy(), atol=1e-8)
        assert np.allclose(found["free_energy"][here], points.free_energy.numpy(), atol=1e-9)


# ---- trees


@pytest.mark.parametrize("name", ["tree", "families"])
def test_a_tree_is_described(served, name):
    tree = served.trees[name]
    facts = served.client.get(f"{API}/trees/{name}").json()
    assert (facts["samples"], facts["nodes"], facts["states"]) == (
        30,
        len(tree.nodes),
        int(tree.ages.groups[0]),
    )
    assert facts["store"] == {"tree": "checkpoints", "families": "sequences"}[name]
    assert facts["labels"] == ["colour"]
    assert "checkpoints" not in facts["provenance"]  # a path of this machine


def test_tables_of_a_tree(served):
    tree = served.trees["tree"]
    wanted = {"Accept": "application/x-npz"}
    nodes = columns(served.client.get(f"{API}/trees/tree/nodes?points=true", headers=wanted))
    assert np.array_equal(nodes["visible"], tree.nodes.visible, equal_nan=True)
    assert np.array_equal(nodes["free_energy"], tree.nodes.free_energy, equal_nan=True)
    assert nodes["name"].tolist() == tree.nodes.name.tolist()
    leaves = columns(served.client.get(f"{API}/trees/tree/leaves", headers=wanted))
    assert leaves["name"].tolist() == NAMES
    assert leaves["colour"].tolist() == tree.labels["colour"].tolist()
    ages = columns(served.client.get(f"{API}/trees/tree/ages", headers=wanted))
    assert np.array_equal(ages["groups"], tree.ages.groups)


@pytest.mark.parametrize("age", [1, 10, 11, 1000])
def test_partitions(served, age):
    answer = served.client.get(f"{API}/trees/tree/partitions/{age}").json()
    assert answer["columns"]["node"] == served.trees["tree"].partition(age).tolist()
    assert answer["columns"]["name"] == NAMES


def test_an_age_outside_is_refused(served):
    answer = served.client.get(f"{API}/trees/tree/partitions/1001")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "choose one from 1 to 1000" in answer.json()["detail"]


def test_pages_put_together_are_the_whole(served):
    names = []
    for offset in range(0, 33, 7):
        answer = served.client.get(f"{API}/trees/tree/leaves", params={"offset": offset, "limit": 7})
        assert answer.headers["x-total-count"] == "30"
        names += answer.json()["columns"]["name"]
    assert names == NAMES


def test_the_same_table_in_every_kind(served):
    def get(kind: str) -> bytes:
        return served.client.get(f"{API}/trees/tree/nodes?points=true", headers={"Accept": kind}).content

    tree = served.trees["tree"]
    as_json = orjson.loads(get("application/json"))["columns"]
    as_csv = pandas.read_csv(io.BytesIO(get("text/csv")))
    with pyarrow.ipc.open_stream(get("application/vnd.apache.arrow.stream")) as stream:
        as_arrow = stream.read_all()
    for number in range(tree.nodes.visible.shape[1]):
        assert as_csv[f"visible.{number}"].tolist() == [row[number] for row in as_json["visible"]]
    assert as_arrow["visible"].to_pylist() == as_json["visible"] == tree.nodes.visible.tolist()
    assert as_arrow["name"].to_pylist() == as_json["name"] == as_csv["name"].tolist()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html, text/*;q=0.8", "text/csv"),
        ("application/json;q=0.1, text/csv;q=0.9", "text/csv"),
        ("application/*", "application/json"),
        ("application/json;q=0, */*;q=0.1", "text/csv"),
    ],
)
def test_what_is_accepted_is_given(served, accept, kind):
    answer = served.client.get(f"{API}/trees/tree/ages", headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == kind


def test_what_nobody_accepts_is_refused(served):
    assert served.client.get(f"{API}/trees/tree/ages", headers={"Accept": "image/png"}).status_code == 406


@pytest.mark.parametrize("name", [name for name, each in formats().items() if each.suffix])
def test_exports_are_the_library_s(served, tmp_path, name):
    # the page and the file know the same tree: its store, read back
    each, tree = formats()[name], carving.load_tree(served.folder / "tree")
    each.write(tree, tmp_path / each.target, ExportOptions())
    answer = served.client.get(f"{API}/trees/tree/exports/{name}")
    assert answer.status_code == 200
    assert answer.content == (tmp_path / each.target).read_bytes()


def test_exports_have_options(served):
    answer = served.client.get(f"{API}/trees/tree/exports/newick", params={"branch_length": "log-age"})
    usual = served.client.get(f"{API}/trees/tree/exports/newick")
    assert answer.content != usual.content
    assert served.client.get(f"{API}/trees/tree/exports/docx").status_code == 422


# ---- placements


@pytest.mark.parametrize(("name", "visible"), [("tree", "bernoulli"), ("families", "potts")])
def test_placements_are_the_library_s(served, name, visible):
    tree = served.trees[name]
    run = carving.open_checkpoints(served.folder / {"tree": "checkpoints", "families": "sequences"}[name])
    samples = pattern_samples(20, visible=visible, seed=11)
    ours, theirs = post(served, f"/trees/{name}/placements", samples), tree.place(samples, run)
    assert np.array_equal(ours["node"], theirs.node)
    assert np.array_equal(ours["age"], theirs.age)
    assert ours["distance"] == pytest.approx(theirs.distance, abs=1e-8)
    assert ours["node_name"].tolist() == tree.nodes.name[theirs.node].tolist()


def test_every_kind_of_body_is_the_same_sample(served):
    samples = pattern_samples(4, visible="potts", seed=2)
    letters = ["".join(ALPHABET[code] for code in row) for row in samples.tolist()]
    names = [f"s{number}" for number in range(4)]
    bodies = {
        "application/json": orjson.dumps({"samples": samples.tolist(), "names": names}),
        "application/json; charset=utf-8": orjson.dumps({"samples": letters, "names": names}),
        "text/x-fasta": "".join(
            f">{name}\n{row}\n" for name, row in zip(names, letters, strict=True)
        ).encode(),
        "text/csv": "".join(",".join(map(str, row)) + "\n" for row in samples.tolist()).encode(),
        "application/x-npz": npz_of(samples, names),
    }
    answers = {
        kind: served.client.post(
            f"{API}/trees/families/placements", content=body, headers={"Content-Type": kind}
        )
        for kind, body in bodies.items()
    }
    first = answers["application/json"].json()["columns"]
    for kind, answer in answers.items():
        assert answer.status_code == 200, (kind, answer.text)
        assert answer.json()["columns"]["node"] == first["node"], kind
    assert answers["text/x-fasta"].json()["columns"]["name"] == names


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"samples": [[0, 1]]}, 422, "24"),
        ({"samples": []}, 422, "at least one"),
        ({"samples": [[0, 1], [1]]}, 422, "row 1 has 1"),
        ({"samples": [[2] * 24]}, 422, ""),
        ({"samples": [[0.5] * 24]}, 422, ""),
        ({"samples": [["a"] * 24]}, 422, "whole numbers"),
        ({"samples": [[10**30] * 24]}, 422, ""),
        ({"samples": [[0] * 24] * 2, "names": ["a", "a"]}, 422, "already"),
        ({"samples": [[0] * 24], "names": ["a", "b"]}, 422, "1 samples"),
        ({"rows": [[0] * 24]}, 422, "give an object"),
        ([[0] * 24], 422, "give an object"),
    ],
)
def test_what_is_no_samples_is_refused(served, body, status, words):
    answer = served.client.post(f"{API}/trees/tree/placements", json=body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]


def test_a_body_that_is_not_json_is_a_bad_request(served):
    for content in (b"{", b'{"samples": [[NaN]]}', b"\xff", b"[" * 10_000):
        answer = served.client.post(
            f"{API}/trees/tree/placements", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400, content


def test_no_damage_of_an_archive_is_an_error_of_the_service():
    whole, generator = npz_of(np.zeros((20, 24), dtype=np.uint8)), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in generator.integers(0, len(whole), generator.integers(1, 10)).tolist():
            damaged[place] = int(generator.integers(256))
        try:
            BODIES["application/x-npz"].read(io.BytesIO(damaged), None, 2**20)
        except (CarvingError, Refusal):
            refused += 1
    assert refused > 200


def test_other_kinds_of_body_are_refused(served):
    answer = served.client.post(
        f"{API}/trees/tree/placements", content=b"x", headers={"Content-Type": "application/pickle"}
    )
    assert answer.status_code == 415


def test_what_is_not_there_is_not_found(served):
    for path in ("/stores/none", "/trees/none", "/trees/none/nodes", "/nothing"):
        answer = served.client.get(API + path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


# ---- health and description


def test_health_ready_metrics(served):
    assert served.client.get("/health").json()["status"] == "ok"
    assert served.client.get("/ready").status_code == 200
    served.client.get(f"{API}/stores")
    text = served.client.get("/metrics").text
    assert 'carving_requests_total{method="GET",route="/api/v1/stores",status="200"}' in text


def test_the_examples_of_the_description_run(served):
    """Every path that needs no body answers with its own examples."""
    document = served.client.get(f"{API}/openapi.json").json()
    asked = 0
    for path, operations in document["paths"].items():
        operation = operations.get("get")
        # jobs have names of their own, given when they are submitted
        if operation is None or "{job}" in path:
            continue
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                example = (parameter["schema"].get("examples") or [parameter.get("example")])[0]
                assert example is not None, (path, parameter["name"])
                path = path.replace("{" + parameter["name"] + "}", str(example).replace("8000", "1000"))
        answer = served.client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        asked += 1
    assert asked >= 14


# ---- who may ask


def test_without_the_token_nothing_is_said(tmp_path):
    settings = Settings(token="a token of some length")
    with TestClient(create_app(tmp_path, settings), base_url="http://127.0.0.1") as client:
        for path in (f"{API}/stores", f"{API}/openapi.json", "/metrics", "/docs"):
            for header in (
                {},
                {"Authorization": "Bearer x"},
                {"Authorization": "Basic a token of some length"},
            ):
                answer = client.get(path, headers=header)
                assert answer.status_code == 401, path
                assert answer.headers["www-authenticate"].startswith("Bearer")
        right = {"Authorization": "Bearer a token of some length"}
        assert client.get(f"{API}/stores", headers=right).status_code == 200
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[", "localhost@evil.example"]
)
def test_other_hosts_are_refused_without_a_token(served, host):
    assert served.client.get(f"{API}/stores", headers={"Host": host}).status_code in (400, 403)


def test_pages_from_elsewhere_may_not_change_anything(served):
    headers = {"Origin": "https://evil.example"}
    answer = served.client.post(f"{API}/trees/tree/placements", json={"samples": [[0] * 24]}, headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in served.client.get(f"{API}/stores", headers=headers).headers


def test_origins_that_are_named_may_read(tmp_path):
    settings = Settings(origins=("https://lab.example",))
    with TestClient(create_app(tmp_path, settings), base_url="http://127.0.0.1") as client:
        answer = client.get(f"{API}/stores", headers={"Origin": "https://lab.example"})
        assert answer.headers["access-control-allow-origin"] == "https://lab.example"


def test_bodies_have_a_largest_size(tmp_path):
    settings = Settings(document_bytes=1000, upload_bytes=5000)
    with TestClient(create_app(tmp_path, settings), base_url="http://127.0.0.1") as client:
        for kind, most in (("application/json", 1000), ("application/x-npz", 5000)):
            headers = {"Content-Type": kind}
            path = f"{API}/trees/none/placements"
            assert client.post(path, content=b"0" * (most + 1), headers=headers).status_code == 413
            assert client.post(path, content=b"0" * most, headers=headers).status_code == 404


def test_too_many_samples_are_refused(tmp_path):
    from tests.service.workspaces import make_workspace

    make_workspace(tmp_path)
    with TestClient(create_app(tmp_path, Settings(rows=3)), base_url="http://127.0.0.1") as client:
        answer = client.post(f"{API}/trees/tree/placements", json={"samples": [[0] * 24] * 4})
        assert answer.status_code == 413
        assert "at most 3" in answer.json()["detail"]


def test_a_client_that_goes_away_is_no_failure_of_the_service(served, caplog):
    messages = [
        {"type": "http.request", "body": b'{"samples"', "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": f"{API}/trees/tree/placements",
        "query_string": b"", "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1),
    }  # fmt: skip
    sent = []

    async def receive() -> dict:
        return messages.pop(0)

    async def send(message: dict) -> None:
        sent.append(message)

    served.client.portal.call(served.client.app, scope, receive, send)
    assert sent[0]["status"] == 400
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
