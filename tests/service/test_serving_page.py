"""The page on serving: its examples are asked of a service, and its limits are those that there are."""

import argparse
import re
import shlex
import shutil
from pathlib import Path

import click
import httpx
import numpy as np
import orjson
import pandas
import pytest
from starlette.testclient import TestClient

import carving
from carving.service import Settings, create_app
from carving_cli.commands.serve import command as serve
from carving_cli.main import carve
from tests.service.workspaces import make_workspace
from tests.test_docs import DOCS
from tests.tree.runs import pattern_samples

PAGE = (DOCS / "serving.md").read_text("utf-8")
# the tree of the demo is older than that of the tests
AGES = {"8000": "1000"}
EXTRACTED = re.compile(r"(\w+)=\$\((curl .*) \| jq -r \.(\w+)\)")


def console_lines(page: str) -> list[str]:
    """What is typed in the examples of a page, each command as one line."""
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def curl(client: httpx.Client, line: str, folder: Path) -> httpx.Response:
    """Ask as curl does."""
    options = argparse.ArgumentParser()
    options.add_argument("url")
    options.add_argument("-s", "-N", action="store_true")
    options.add_argument("-H", dest="headers", action="append", default=[])
    options.add_argument("-X", dest="method")
    options.add_argument("-d", "--data-binary", dest="body")
    options.add_argument("-o", dest="output")
    asked = options.parse_args(shlex.split(line)[1:])
    body = asked.body
    if body is not None and body.startswith("@"):
        body = (folder / body[1:]).read_text()
    answer = client.request(
        asked.method or ("GET" if body is None else "POST"),
        asked.url,
        content=body,
        headers=dict(header.split(": ", 1) for header in asked.headers),
    )
    if asked.output:
        (folder / asked.output).write_bytes(answer.content)
    return answer


def run(client: httpx.Client, lines: list[str], folder: Path) -> list[tuple[str, httpx.Response]]:
    """The answer to each command that is curl's."""
    known: dict[str, str] = {}
    answers = []
    for line in lines:
        for here, there in AGES.items():
            line = line.replace(here, there)
        extracted = EXTRACTED.fullmatch(line)
        line = extracted[2] if extracted else line
        if not line.startswith("curl "):
            continue
        for name, value in known.items():
            line = line.replace(f"${name}", value)
        answer = curl(client, line, folder)
        assert answer.is_success, f"{line}: {answer.text}"
        answers.append((line, answer))
        if extracted:
            known[extracted[1]] = answer.json()[extracted[3]]
    return answers


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> tuple[Path, list[tuple[str, httpx.Response]]]:
    folder = tmp_path_factory.mktemp("serving")
    workspace = folder / "workspace"
    workspace.mkdir()
    make_workspace(workspace)
    rows = "\n".join(",".join(map(str, row)) for row in pattern_samples(5, seed=3).tolist())
    (folder / "new.csv").write_text(rows)
    with TestClient(create_app(workspace, Settings(port=8765)), base_url="http://127.0.0.1:8765") as client:
        return folder, run(client, console_lines(PAGE), folder)


@pytest.mark.slow
def test_every_address_of_the_service_is_shown(answers):
    _, found = answers
    app = create_app(answers[0] / "workspace")
    shown = {(answer.request.method, re.sub(r"/[0-9a-f]{32}", "/{}", answer.url.path)) for _, answer in found}
    shown = {(method, path.replace("/api/v1", "")) for method, path in shown}
    missing = []
    for path, operations in app.openapi()["paths"].items():
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path.removeprefix("/api/v1")))
        for method in operations:
            if not any(m.lower() == method and pattern.fullmatch(p) for m, p in shown):
                missing.append(f"{method} {path}")
    # `page` is for the page, and kinds of jobs that are not shown are submitted like those that are
    unshown = {"get /api/v1/trees/{tree}/page"} | {
        f"post /api/v1/jobs/{kind}" for kind in ("fixed-points", "train", "transitions")
    }
    assert set(missing) <= unshown


@pytest.mark.slow
def test_the_examples_give_what_the_library_gives(answers):
    folder, _ = answers
    tree = carving.load_tree(folder / "workspace" / "tree")
    checkpoints = carving.open_checkpoints(folder / "workspace" / "checkpoints")
    placed = pandas.read_csv(folder / "placed.csv")
    expected = tree.place(pattern_samples(5, seed=3), checkpoints).node
    assert placed["node"].tolist() == expected.tolist()
    assert (folder / "tree.nwk").read_text().startswith("(")
    assert len((folder / "leaves.csv").read_text().splitlines()) == 1 + 30
    shutil.unpack_archive(folder / "tree.zarr.zip", folder / "tree.zarr")
    fetched = carving.load_tree(folder / "tree.zarr")
    assert np.array_equal(fetched.nodes.parent, tree.nodes.parent)


@pytest.mark.slow
def test_events_end_with_the_job_done(answers):
    _, found = answers
    (events,) = (answer.text for line, answer in found if line.endswith("/events"))
    last = orjson.loads(events.split("data:")[-1].partition("\n")[0])
    assert last["state"] == "done"


def test_the_service_asks_for_the_token_as_the_page_gives_it(tmp_path):
    (line,) = [line for line in console_lines(PAGE) if "Bearer" in line]
    with TestClient(
        create_app(tmp_path, Settings(token="t" * 16)), base_url="http://127.0.0.1:8765"
    ) as client:
        assert curl(client, line.replace("$CARVING_TOKEN", "t" * 16), tmp_path).status_code == 200
        assert curl(client, line.replace("$CARVING_TOKEN", "u" * 16), tmp_path).status_code == 401


@pytest.mark.parametrize(
    ("what", "setting", "unit"),
    [
        ("JSON, CSV or FASTA in a body", "document_bytes", 2**20),
        ("`.npz` in a body", "upload_bytes", 2**20),
        ("samples in a query |", "rows", 1),
        ("seconds for a request to arrive", "receive_seconds", 1),
        ("seconds for a query to be answered", "answer_seconds", 1),
        ("requests under way", "requests_at_once", 1),
        ("jobs that have not ended", "jobs_waiting", 1),
        ("jobs at once", "jobs_at_once", 1),
    ],
)
def test_limits_are_as_the_page_says(what, setting, unit):
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {what}")]
    number = re.match(r"[\d,]+", line.split(" | ")[1])
    assert number is not None
    assert int(number[0].replace(",", "")) * unit == getattr(Settings(), setting)


def test_options_of_the_command_that_the_page_names_exist():
    names = {option for parameter in serve.params for option in parameter.opts}
    named = set(re.findall(r"`(--[a-z-]+)", PAGE)) - {"--dask", "--scale"}
    assert named <= names


def test_commands_in_containers_are_understood():
    (line,) = [line for line in console_lines(PAGE) if "exec service carve" in line]
    _, name, *arguments = shlex.split(line)[shlex.split(line).index("carve") :]
    command = carve.get_command(click.Context(carve), name)
    assert command is not None
    command.make_context(name, arguments)
