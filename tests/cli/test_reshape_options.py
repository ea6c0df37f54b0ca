"""The options that say which of a tree is shown, through ``carve export``."""

from pathlib import Path

import pytest

import carving
from carving.export import write_newick
from carving.tree import Tree
from carving_cli._reshape_options import Reshape
from tests.cli.workspace import run, succeed
from tests.trees import small_tree


def test_by_default_the_whole_tree_is_shown(here: Path):
    tree = carving.load_tree(here / "tree")
    assert Reshape()(tree) is tree


def test_all_options_together_give_the_tree_at_that_age_then_its_large_states_then_their_order(here: Path):
    asked = Reshape(leaves="states", at_age=10, smallest=2, rotate="label:continent")
    # A, B and C are together at age 10; without the other two nothing is left to order
    shown = asked(small_tree())
    assert shown.leaves.name.tolist() == ["t100.2", "t10.0"]
    assert shown.leaves.size.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--leaves", "states"], lambda tree: tree.condense()),
        (["--leaves", "representatives", "--at-age", 10], lambda tree: tree.condense("representatives", 10)),
        (["--at-age", 10], lambda tree: tree.collapse(10)),
        (["--smallest", 10], lambda tree: tree),
        (["--rotate", "similarity"], lambda tree: tree.rotate("similarity")),
        (["--rotate", "label:group"], lambda tree: tree.rotate("label:group")),
    ],
)
def test_options_give_what_the_library_gives(here: Path, options: list, expected):
    tree: Tree = expected(carving.load_tree(here / "tree"))
    write_newick(tree, here / "expected.nwk")
    for target in ("shown.nwk", "-"):
        done = succeed("export", "tree", "--format", "newick", *options, "-o", target)
    assert (here / "shown.nwk").read_text() == done.stdout == (here / "expected.nwk").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rotate", "name"], "--rotate: order 'name': unknown; choose from size, similarity, label:COLUMN"),
        (["--rotate", "label:digit"], "--rotate: column 'digit': this tree has the label columns group"),
        (["--at-age", 1000], "--at-age: age 1000: outside the ages of this tree; choose one from 1 to 100"),
        (["--smallest", 11], "--smallest: smallest 11: the largest state has 10 samples"),
        (["--smallest", 0], "--smallest"),
        (["--leaves", "all"], "--leaves"),
    ],
)
def test_options_that_do_not_fit_are_bad_usage(here: Path, options: list, message: str):
    result = run("export", "tree", "--format", "newick", *options, "-o", "shown.nwk")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (here / "shown.nwk").exists()


def test_a_condensed_tree_is_not_condensed_again(here: Path):
    carving.load_tree(here / "tree").condense().save(here / "states.zarr")
    result = run("export", "states.zarr", "--format", "newick", "--leaves", "states", "-o", "shown.nwk")
    assert result.exit_code == 2
    assert "--leaves: condense: leaves of this tree stand for several samples already" in result.stderr
