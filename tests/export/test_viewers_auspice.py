"""Auspice's JSON: by Nextstrain's own validation, and as its page in Chromium shows it.

Both programs are no part of a Python environment for tests: ``augur`` is looked for on the PATH, or under
``CARVING_AUGUR``, and ``auspice`` under ``CARVING_AUSPICE``. Auspice 2.66 does not start with the webpack
that npm takes for it by itself (5.113), but does with 5.97.
"""

import dataclasses
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest

from carving.export import ExportOptions, formats
from carving.tree import Tree
from tests.export.test_viewers_edges import EDGES
from tests.export.viewers.reading import expected, need
from tests.trees import random_tree

pytestmark = pytest.mark.slow

CHROMIUM = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --window-size=1400,1000"
GREY = "#adb1b3"


def _program(name: str, install: str) -> str:
    found = os.environ.get(f"CARVING_{name.upper()}") or shutil.which(name)
    return need(found, name, f"{install}; say where it is with CARVING_{name.upper()}")


@pytest.mark.parametrize("edge", EDGES)
def test_augur_finds_nothing_to_say_about_a_dataset(edge: str, tmp_path: Path):
    augur = _program("augur", "pip install nextstrain-augur, into an environment of its own")
    formats()["auspice"].write_into(EDGES[edge](), tmp_path, ExportOptions())
    done = subprocess.run(
        [augur, "validate", "export-v2", tmp_path / "tree.json"], capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.rstrip().endswith("succeeded."), said


def coloured() -> Tree:
    """Names of letters only, since the page makes its ids of them; three labels, one colour not given."""
    generator = np.random.default_rng(8)
    tree = random_tree(15, generator=generator, states=9, names=[f"leaf{sign}" for sign in "abcdefghijklmno"])
    labels = np.array(["AFR", "EUR", "SAS", ""], dtype=object)[tree.leaves.node % 4]
    return dataclasses.replace(
        tree, labels={"continent": labels}, colors={"continent": {"AFR": "#ff8800", "EUR": "#0094ff"}}
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Auspice that has one dataset, ``tree``."""
    auspice = _program("auspice", "npm install auspice@2.66 webpack@5.97")
    folder = tmp_path_factory.mktemp("datasets")
    formats()["auspice"].write_into(coloured(), folder, ExportOptions(branch_length="distance"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [auspice, "view", "--datasetDir", str(folder)]
    if auspice.endswith(".js"):
        command.insert(0, need(shutil.which("node"), "node", "apt-get install nodejs"))
    with open(folder / "log", "wb") as log:
        running = subprocess.Popen(
            command, env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port)}, stdout=log, stderr=log
        )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(120):
            try:
                with urlopen(address):
                    break
            except OSError:
                assert running.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        running.terminate()
        running.wait(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="selenium is not installed: pip install selenium"
    )
    options = webdriver.ChromeOptions()
    options.binary_location = need(shutil.which("chromium"), "Chromium", "apt-get install chromium")
    for flag in CHROMIUM.split():
        options.add_argument(flag)
    driver = need(shutil.which("chromedriver"), "Chromium's driver", "apt-get install chromium-driver")
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()


def shown(browser: Any, address: str) -> str:
    """Open a page, wait for its tree, and give its text."""
    browser.get(address)
    for _ in range(120):
        if browser.execute_script("return document.querySelectorAll('text.tipLabel').length"):
            return browser.execute_script("return document.body.innerText")
        time.sleep(0.25)
    raise AssertionError(browser.execute_script("return document.body.innerText"))


def _drawn(browser: Any, selector: str, *attributes: str) -> list[list[str]]:
    script = (
        "return [...document.querySelectorAll(arguments[0])].map(one => arguments[1].map(name =>"
        " name == 'text' ? one.textContent : name == 'stroke' ? one.style.stroke : one.getAttribute(name)))"
    )
    return browser.execute_script(script, selector, attributes)


def test_the_page_shows_the_names_and_the_colours_of_the_labels(server: str, browser: Any):
    tree = coloured()
    text = shown(browser, f"{server}/tree")
    assert f"Showing {len(tree.leaves)} of {len(tree.leaves)} genomes" in text
    heights = {round(float(y) - 2): name for name, y in _drawn(browser, "text.tipLabel", "text", "y")}
    assert sorted(heights.values()) == sorted(tree.leaves.name)
    colors = {}
    for height, stroke in _drawn(browser, "circle.tip", "cy", "stroke"):
        red, green, blue = map(int, re.findall(r"\d+", stroke))
        colors[heights[round(float(height))]] = f"#{red:02x}{green:02x}{blue:02x}"
    label = dict(zip(tree.leaves.name, tree.labels["continent"], strict=True))
    third = {colors[name] for name in label if label[name] == "SAS"}
    given = {"AFR": "#ff8800", "EUR": "#0094ff", "": GREY, "SAS": third.pop()}
    assert not third
    assert len(set(given.values())) == 4
    assert colors == {name: given[label[name]] for name in label}
    # the legend is all that there is between these two words
    legend = text[text.index("Phylogeny") : text.index("Divergence")].splitlines()
    assert {"continent", "AFR", "EUR", "SAS"} <= {*legend}


def test_the_page_draws_the_branches_and_their_lengths(server: str, browser: Any):
    reading = expected(coloured())
    shown(browser, f"{server}/tree")
    place, start, span = {}, {}, {}
    ids = {re.sub(r"\W", "-", name): name for name in reading.parent}
    for key, path in _drawn(browser, "path.branch", "id", "d"):
        kind, name = key.removeprefix("branch").split("_", 1)
        x0, y0, x1, y1 = map(float, re.findall(r"-?[\d.]+", path))
        if kind == "S":
            start[ids[name]], place[ids[name]] = x0, (x1, y1)
        else:
            span[ids[name]] = (x0, *sorted((y0, y1)))
    (root,) = [name for name, parent in reading.parent.items() if parent is None]
    depth = dict.fromkeys(reading.parent, 0.0)
    for name in reading.parent:
        vertex: str | None = name
        while vertex is not None:
            depth[name] += reading.length.get(vertex, 0.0)
            vertex = reading.parent[vertex]
    scale = max(x for x, _ in place.values()) - place[root][0]
    longest = max(depth.values())
    for name, parent in reading.parent.items():
        assert (place[name][0] - place[root][0]) / scale == pytest.approx(depth[name] / longest, abs=1e-3)
        if parent is not None:
            across, top, bottom = span[parent]
            # a branch starts half a line's width before the upright line of its parent
            assert start[name] == pytest.approx(across, abs=6)
            assert top - 0.1 <= place[name][1] <= bottom + 0.1


def test_a_filter_leaves_the_tips_of_a_label(server: str, browser: Any):
    tree = coloured()
    text = shown(browser, f"{server}/tree?f_continent=EUR")
    count = int((tree.labels["continent"] == "EUR").sum())
    assert f"Showing {count} of {len(tree.leaves)} genomes" in text
    assert f"EUR ({count})" in text
