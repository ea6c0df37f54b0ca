"""The page of ``carve serve`` in real Chromium: what the library finds is shown; no name is executed."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carving import build_tree, create_checkpoints, load_tree, open_checkpoints
from carving.data import Samples
from carving.tree import Tree, trajectories
from tests.report.browser.driver import open_browser, open_page, until, why_no_browser
from tests.service.process import Running, running
from tests.tree.runs import pattern_machines, pattern_samples

pytestmark = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())

TOKEN = "a token of the tests"
HOSTILE = (
    "<img src=x onerror='window.executed = 1'>",
    "</script><script>window.executed = 1</script>",
    "שלום \u202e עולם",
    "w" * 300,
)
HOSTILE_TREE = HOSTILE[0]
SAMPLES = 24


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, a tree of it, and the same tree under a name that nobody should choose."""
    folder = tmp_path_factory.mktemp("served") / "workspace"
    folder.mkdir()
    samples = pattern_samples(SAMPLES)
    names = [*HOSTILE, *(f"sample {number}" for number in range(len(HOSTILE), SAMPLES))]
    with create_checkpoints(folder / "checkpoints", samples=samples, names=names) as run:
        for age, machine in pattern_machines().items():
            run.append(machine, updates=age)
        labels = {HOSTILE[1]: [HOSTILE[0], "blue"] * (SAMPLES // 2)}
        tree = build_tree(run, samples, names=names, labels=labels)
    (folder / "tree").mkdir()
    tree.save(folder / "tree" / "tree.zarr")
    shutil.copytree(folder / "tree", folder / HOSTILE_TREE)
    return folder


@pytest.fixture(scope="module")
def tree(workspace: Path) -> Tree:
    return load_tree(workspace / "tree" / "tree.zarr")


@pytest.fixture(scope="module")
def service(workspace: Path) -> Iterator[Running]:
    with running(workspace, token=TOKEN) as service:
        yield service


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory, service: Running) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("browser"), size=(1000, 800)) as browser:
        yield browser


@pytest.fixture
def page(chromium: Any, service: Running) -> Iterator[Any]:
    """A fresh page with the tree; nothing is complained about and nothing was executed."""
    opened(chromium, service, f"#token={TOKEN.replace(' ', '+')}&tree=tree")
    yield chromium
    assert chromium.execute_script("return window.executed === undefined")
    assert [entry["message"] for entry in chromium.get_log("browser")] == []


def opened(browser: Any, service: Running, fragment: str) -> None:
    open_page(browser, f"{service.address}/{fragment}", ready="window.carving?.view")


def find(page: Any, selector: str) -> Any:
    return page.find_element("css selector", selector)


def text(page: Any, selector: str) -> str:
    return find(page, selector).get_attribute("textContent")


def write(page: Any, selector: str, content: str) -> None:
    """As if it were pasted."""
    script = (
        "arguments[0].value = arguments[1];"
        "arguments[0].dispatchEvent(new InputEvent('input', { bubbles: true }));"
    )
    page.execute_script(script, find(page, selector), content)


def placed(page: Any) -> list[list[str]]:
    """The table of placements: text, and numbers as they are stored."""
    find(page, "#place").click()
    until(lambda: "placed in" in text(page, "#place-status") or "Not placed" in text(page, "#place-status"))
    script = (
        "return Array.from(document.querySelectorAll('#placement-table tbody tr'), (row) =>"
        "  Array.from(row.cells, (cell) => cell.querySelector('data')?.value ?? cell.textContent));"
    )
    return page.execute_script(script)


def is_placed(
    rows: list[list[str]], names: list[str], values: np.ndarray, tree: Tree, workspace: Path
) -> None:
    """The table is what the library answers."""
    expected = tree.place(values, open_checkpoints(workspace / "checkpoints"))
    assert [row[0] for row in rows] == names
    assert [row[1] for row in rows] == tree.nodes.name[expected.node].tolist()
    assert [int(row[2]) for row in rows] == expected.age.tolist()
    assert [float(row[3]) for row in rows] == pytest.approx(expected.distance.tolist(), abs=1e-9)


def test_the_tree_is_that_of_the_workspace(page: Any, tree: Tree):
    script = (
        "const { tree } = window.carving.view;"
        "return [tree.nodeNames, tree.leafNames, Array.from(tree.parentOfNode)];"
    )
    assert page.execute_script(script) == [
        tree.nodes.name.tolist(),
        tree.leaves.name.tolist(),
        tree.nodes.parent.tolist(),
    ]
    until(lambda: page.execute_script("return window.carving.view.drawn"))
    assert f"{SAMPLES} samples" in text(page, "#tree-facts")
    # nobody who looks at the address sees the token
    assert "token" not in page.current_url


@pytest.mark.slow
def test_names_of_trees_and_samples_are_only_text(page: Any, tree: Tree):
    choice = find(page, "#tree-choice")
    names = [option.get_attribute("value") for option in choice.find_elements("css selector", "option")]
    assert names == sorted([HOSTILE_TREE, "tree"])
    page.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'));",
        choice,
        HOSTILE_TREE,
    )
    until(
        lambda: page.execute_script("return window.carving.view && window.carving.facts.name") == HOSTILE_TREE
    )
    for leaf, name in enumerate(HOSTILE):
        page.execute_script("window.carving.view.select(arguments[0])", len(tree.nodes) + leaf)
        assert text(page, "#panel h3 bdi") == name
    write(page, "#samples", json.dumps({"samples": pattern_samples(4).tolist(), "names": HOSTILE}))
    assert [row[0] for row in placed(page)] == list(HOSTILE)


@pytest.mark.slow
def test_pasted_samples_are_placed_and_marked(page: Any, tree: Tree, workspace: Path):
    values = pattern_samples(7, seed=5)
    write(page, "#samples", "\n".join(",".join(map(str, row)) for row in values.tolist()))
    rows = placed(page)
    is_placed(rows, [str(number) for number in range(7)], values, tree, workspace)
    marks = dict(page.execute_script("return [...window.carving.view.model.guests]"))
    found = [row[1] for row in rows]
    assert {tree.nodes.name[node]: number for node, number in marks.items()} == {
        name: found.count(name) for name in found
    }
    # its state is a link into the tree
    find(page, "#placement-table tbody button").click()
    assert text(page, "#panel h3") == f"State {found[0]}"
    find(page, "#forget").click()
    assert not find(page, "#placements").is_displayed()
    assert page.execute_script("return window.carving.view.model.guests.size") == 0


def test_a_file_is_uploaded_and_placed(page: Any, tree: Tree, workspace: Path, tmp_path: Path):
    values, names = pattern_samples(5, seed=6), ["one", "two", "three", "four", HOSTILE[0]]
    np.savez(tmp_path / "new.npz", samples=values, names=names)
    find(page, "#samples-file").send_keys(str(tmp_path / "new.npz"))
    is_placed(placed(page), names, values, tree, workspace)


@pytest.mark.slow
def test_what_is_wrong_with_samples_is_said(page: Any):
    write(page, "#samples", "0,1,1\n1,0,0")
    assert placed(page) == []
    assert "the machine has (24,)" in text(page, "#place-status")
    # the browser writes down that the service refused; that is no error of the page
    assert all("422" in entry["message"] for entry in page.get_log("browser"))


@pytest.mark.slow
def test_a_trajectory_is_that_of_the_library(page: Any, tree: Tree, workspace: Path):
    values = pattern_samples(3, seed=7)
    write(page, "#samples", "\n".join("".join(map(str, row)) for row in values.tolist()))
    rows = placed(page)
    find(page, "#placement-table tbody tr:nth-child(2) td:last-child button").click()
    until(lambda: page.find_elements("css selector", "#trajectory svg"))
    run = open_checkpoints(workspace / "checkpoints")
    expected = trajectories(run, Samples(values[1:2], np.array(["1"], dtype=object), None, "samples"))
    script = (
        "return Array.from(document.querySelectorAll('#trajectory tbody tr'), (row) =>"
        "  Array.from(row.querySelectorAll('data'), (each) => Number(each.value)));"
    )
    shown = page.execute_script(script)
    assert [row[0] for row in shown] == expected.age.tolist()
    assert [row[1] for row in shown] == pytest.approx(expected.free_energy[0].tolist(), abs=1e-9)
    node = tree.nodes.name.tolist().index(rows[1][1])
    way = [node]
    while tree.nodes.parent[way[-1]] >= 0:
        way.append(int(tree.nodes.parent[way[-1]]))
    assert page.execute_script("return window.carving.view.model.way") == way
    find(page, "#close-trajectory").click()
    assert page.execute_script("return window.carving.view.model.way") == []


def test_a_job_is_followed_to_its_end_and_its_tree_opened(page: Any, tree: Tree, workspace: Path):
    write(page, "#build-output", "another")
    # what is seen of it for a moment only
    page.execute_script(
        "window.seen = [];"
        "const jobs = document.getElementById('jobs');"
        "const watch = new MutationObserver(() => window.seen.push(jobs.textContent));"
        "watch.observe(jobs, { childList: true, characterData: true, subtree: true });"
    )
    find(page, "#build").click()
    until(lambda: "another: done" in text(page, "#job-status"))
    assert text(page, "#jobs tr td:nth-child(3)") == "done"
    seen = page.execute_script("return window.seen")
    assert any("running" in words and " of " in words for words in seen)
    until(lambda: page.find_elements("css selector", "#tree-choice option[value=another]"))
    find(page, "#tree-choice option[value=another]").click()
    until(lambda: page.execute_script("return window.carving.facts?.name") == "another")
    names = page.execute_script("return window.carving.view.tree.nodeNames")
    assert (
        names
        == load_tree(workspace / "another" / "tree.zarr").nodes.name.tolist()
        == tree.nodes.name.tolist()
    )


@pytest.mark.slow
def test_every_control_has_a_name(page: Any):
    for control in page.find_elements("css selector", "button, input, select, textarea, canvas[tabindex]"):
        if control.is_displayed():
            assert control.accessible_name, control.get_attribute("outerHTML")


@pytest.mark.slow
def test_a_token_is_asked_for_until_it_is_the_right_one(chromium: Any, service: Running):
    chromium.get(f"{service.address}/")
    chromium.execute_script("sessionStorage.clear()")
    chromium.refresh()
    for token in ("not the right one", TOKEN):
        until(lambda: find(chromium, "#token-dialog").is_displayed())
        assert not chromium.execute_script("return Boolean(window.carving?.view)")
        find(chromium, "#token").send_keys(token)
        find(chromium, "#token-dialog button").click()
    until(lambda: chromium.execute_script("return Boolean(window.carving.view)"))
    assert not find(chromium, "#token-dialog").is_displayed()
    assert chromium.execute_script("return Object.keys(localStorage).length + document.cookie.length") == 0
    assert all("401" in entry["message"] for entry in chromium.get_log("browser"))


@pytest.mark.slow
def test_placements_are_downloaded(page: Any, tree: Tree, chromium: Any):
    folder = Path(chromium.capabilities["chrome"]["userDataDir"]).parent
    write(page, "#samples", "\n".join("".join(map(str, row)) for row in pattern_samples(2).tolist()))
    rows = placed(page)
    find(page, "#download-placements").click()
    path = until(lambda: [path for path in folder.glob("placements*.csv") if path.stat().st_size])[0]
    with open(path, encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["node_name"] for row in found] == [row[1] for row in rows]


@pytest.mark.slow
def test_states_are_shown_as_images(page: Any, tree: Tree):
    field = find(page, "#image-shape")
    field.send_keys("4x6\t")
    until(lambda: page.execute_script("return window.carving.view?.data.images?.shape") == [4, 6])
    page.execute_script("window.carving.view.select(arguments[0])", tree.root)
    assert find(page, "#panel .state").is_displayed()
    assert page.current_url.endswith("#tree=tree&image=4x6")
