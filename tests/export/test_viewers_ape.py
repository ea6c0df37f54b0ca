"""Newick and NEXUS as R's ape reads them."""

import dataclasses
import os
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from carving.errors import InvalidInput
from carving.export import ExportOptions, formats
from carving.tree.topology import BRANCH_LENGTHS
from tests.export.test_names import NAMES, named
from tests.export.viewers.reading import Reading, assert_same, expected, need
from tests.trees import chain_tree, random_tree

SCRIPT = Path(__file__).parent / "viewers" / "read_trees.R"

_CONTROL = {"line feed", "carriage return", "control character"}
_APOSTROPHES = {
    "apostrophe",
    "two apostrophes",
    "apostrophe at the ends",
    "apostrophe after a backslash",
    "both quotes",
}
# what ape makes something else of, against the rule of the format: its own loss
LOST = {
    "newick": _APOSTROPHES,
    # it takes out blanks and brackets before it looks at quotes
    "nexus": {
        *_APOSTROPHES,
        "a blank",
        "blanks at the ends",
        "two blanks",
        "double quote",
        "round brackets",
        "square brackets",
        "a comment",
        "colon",
        "comma",
        "equals",
        "nothing but a sign",
    },
}


@cache
def _program() -> str | None:
    """Rscript, where there is one that has ape."""
    program = shutil.which("Rscript")
    if program is None:
        return None
    done = subprocess.run([program, "-e", "library(ape)"], capture_output=True, check=False)
    return program if done.returncode == 0 else None


def read(format: str, paths: list[Path]) -> list[Reading | str]:
    """What ape makes of each file: the tree, or its complaint."""
    program = need(_program(), "R with ape", "apt-get install r-cran-ape")
    done = subprocess.run(
        [program, str(SCRIPT), format, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        # ape's names are in the encoding of the locale
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    results: list[Reading | str] = []
    for line in done.stdout.splitlines():
        name, *rest = line.split(" ")
        if name == "file":
            results.append(Reading())
        elif name == "error":
            results[-1] = " ".join(rest)
        else:
            parent = None if rest[0] == "-" else bytes.fromhex(rest[0]).decode()
            reading = results[-1]
            assert isinstance(reading, Reading)
            reading.add(bytes.fromhex(name).decode(), parent, float(rest[1]))
    return results


@pytest.mark.parametrize("format", ["newick", "nexus"])
def test_ape_reads_the_slow_tree(format: str, tmp_path: Path):
    paths, wanted = [], []
    for leaves in (1, 2, 3, 5, 8, 13, 21, 60):
        tree = random_tree(leaves, generator=np.random.default_rng(leaves), added_root=leaves % 2 == 0)
        for kind in BRANCH_LENGTHS:
            for keep in (False, True):
                paths.append(tmp_path / f"{len(paths)}.tree")
                formats()[format].write(tree, paths[-1], ExportOptions(branch_length=kind, keep_unary=keep))
                wanted.append(expected(tree, kind, keep_unary=keep))
    for path, reading, tree in zip(paths, read(format, paths), wanted, strict=True):
        assert isinstance(reading, Reading), f"{path}: {reading}"
        assert_same(reading, tree)


@pytest.mark.parametrize("format", ["newick", "nexus"])
def test_names_read_back_identical_but_for_the_losses_in_the_table(format: str, tmp_path: Path):
    cases = [(kind, leaf) for kind in NAMES for leaf in (True, False)]
    found, written = dict.fromkeys(cases, "refused"), {}
    for number, (kind, leaf) in enumerate(cases):
        path = tmp_path / f"{number}.tree"
        with suppress(InvalidInput):
            formats()[format].write(named(NAMES[kind], leaf=leaf), path, ExportOptions())
            written[kind, leaf] = path
    for (kind, leaf), reading in zip(written, read(format, [*written.values()]), strict=True):
        wanted = expected(named(NAMES[kind], leaf=leaf))
        same = isinstance(reading, Reading) and reading.parent == wanted.parent
        found[kind, leaf] = "read" if same else "lost"
    assert found == {
        (kind, leaf): "refused" if kind in _CONTROL else "lost" if kind in LOST[format] else "read"
        for kind, leaf in cases
    }


def test_ape_reads_a_chain_as_deep_as_any_training(tmp_path: Path):
    tree = chain_tree(1_000)
    formats()["newick"].write(tree, tmp_path / "tree.nwk", ExportOptions())
    (reading,) = read("newick", [tmp_path / "tree.nwk"])
    assert isinstance(reading, Reading), reading
    assert_same(reading, dataclasses.replace(expected(tree, deep=True), labels=None))
