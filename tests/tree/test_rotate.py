"""Leaves in another order: siblings stand as they were asked to, and nothing else changes."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.tree import Tree
from tests.tree.reshaping import clades, of_one_state, splits, trees
from tests.trees import random_tree, small_tree

orders = st.sampled_from(["size", "similarity", "label:kind"])


@given(tree=trees, by=orders)
def test_rotating_changes_no_clade_and_no_leaf(tree: Tree, by: str):
    rotated = tree.rotate(by)
    assert clades(rotated) == clades(tree)

    def rows(of: Tree) -> set[tuple]:
        return set(zip(of.leaves.name, of.leaves.node, of.leaves.distance, of.labels["kind"], strict=True))

    assert rows(rotated) == rows(tree)
    assert rotated.nodes is tree.nodes


@given(tree=trees, by=orders)
def test_leaves_of_every_node_stand_together(tree: Tree, by: str):
    rotated = tree.rotate(by)
    for node in range(len(tree.nodes)):
        assert (np.diff(rotated.members(node)) == 1).all()


@given(tree=trees, by=st.sampled_from(["size", "label:kind"]))
def test_rotating_again_changes_nothing(tree: Tree, by: str):
    once = tree.rotate(by)
    assert once.rotate(by).leaves.name.tolist() == once.leaves.name.tolist()


def _siblings(tree: Tree, node: int) -> list[int]:
    """The children of a node as they are drawn: by the first leaf that they hold."""
    return sorted(tree.children.of(node).tolist(), key=lambda child: tree.members(child)[0])


@given(tree=trees)
def test_the_largest_sibling_comes_first(tree: Tree):
    rotated = tree.rotate("size")
    for node in range(len(tree.nodes)):
        sizes = [rotated.nodes.size[child] for child in _siblings(rotated, node)]
        assert sizes == sorted(sizes, reverse=True)


@given(tree=trees)
def test_siblings_stand_by_their_most_frequent_label(tree: Tree):
    rotated = tree.rotate("label:kind")

    def key(node: int) -> tuple:
        labels = Counter(label for label in rotated.labels["kind"][rotated.members(node)] if label)
        most = max(sorted(labels), key=lambda label: labels[label], default="~")
        return most, -rotated.nodes.size[node]

    for node in range(len(tree.nodes)):
        keys = [key(child) for child in _siblings(rotated, node)]
        assert keys == sorted(keys)
    for node in set(rotated.leaves.node):
        own = [label or "~" for label in rotated.labels["kind"][rotated.members(node)]]
        assert own == sorted(own)


def test_numbers_in_labels_count_as_numbers():
    labels = ["chr10", "chr9", "", "chr2", "chr02"]
    tree = of_one_state(labels).rotate("label:kind")
    assert tree.labels["kind"].tolist() == ["chr02", "chr2", "chr9", "chr10", ""]


def _states_as_drawn(tree: Tree) -> list[int]:
    return list(dict.fromkeys(tree.leaves.node.tolist()))


def test_many_branches_of_one_node_stand_by_similarity():
    tree = random_tree(9, generator=np.random.default_rng(4), states=9, ages=2, sites=1)
    points = np.random.default_rng(4).permutation(np.linspace(0, 1, 9))
    visible = np.append(points, 0.5)[:, None]
    star = replace(
        tree,
        nodes=tree.nodes.take(
            np.append(np.arange(9), tree.root), parent=np.append(np.full(9, 9), -1), visible=visible
        ),
        states=tree.states.take(np.arange(0), visible=np.empty((0, 1), dtype="f4")),
    )
    along = visible[_states_as_drawn(star.rotate("similarity")), 0]
    assert (np.diff(along) > 0).all() or (np.diff(along) < 0).all()


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("name", "choose from size, similarity, label:COLUMN"),
        ("label:", "choose from size, similarity, label:COLUMN"),
        ("label:digit", "this tree has the label columns continent"),
    ],
)
def test_an_unknown_order_is_refused_with_those_there_are(by: str, message: str):
    with pytest.raises(InvalidInput, match=message):
        small_tree().rotate(by)


def test_too_many_states_for_similarity_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("carving.tree.reshape._rotate.MOST_STATES", 2)
    with pytest.raises(InvalidInput, match="3 states.*2 is the most.*--smallest.*--at-age"):
        small_tree().rotate("similarity")


@given(tree=trees, by=orders)
def test_dendropy_finds_the_same_clades_after_rotating(tree: Tree, by: str):
    assume(len(tree.leaves) > 1)
    assert splits(tree.rotate(by)) == splits(tree)
