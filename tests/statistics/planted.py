"""Labelled trees for tests of statistics: labels that are a level of the tree, or at random, with gaps."""

from dataclasses import replace
from typing import Any

import numpy as np

from carving.tree import Tree
from tests.trees import random_tree


def labelled_tree(seed: int, *, leaves: int, labels: int, unknown: float = 0.0, **shape: Any) -> Tree:
    """A random tree with labels at random in the column "random", some of them unknown.

    The first leaves have one of each label, so that all are there.
    """
    draw = np.random.default_rng(seed)
    tree = random_tree(leaves, generator=draw, **shape)
    column = np.array([f"label {number}" for number in draw.integers(labels, size=leaves)], dtype=object)
    column[:labels] = [f"label {number}" for number in range(labels)]
    column[labels:][draw.random(leaves - labels) < unknown] = ""
    return replace(tree, labels={"random": column})


def with_planted(tree: Tree, age: int) -> Tree:
    """The same tree with the column "planted": the groups at an age, with every tenth sample mislabelled."""
    groups = tree.partition(age)
    column = np.array([f"group {group}" for group in groups], dtype=object)
    column[::10] = np.roll(column[::10], 1)
    return replace(tree, labels={**tree.labels, "planted": column})


def shuffled(tree: Tree, column: str, seed: int) -> Tree:
    """The same tree with the labels of a column dealt out anew."""
    labels = np.random.default_rng(seed).permutation(tree.labels[column])
    return replace(tree, labels={**tree.labels, column: labels})


def members_by_partition(tree: Tree) -> list[set[int]]:
    """The leaves of each node, climbed one step at a time."""
    members: list[set[int]] = [set() for _ in tree.nodes.name]
    for leaf, node in enumerate(tree.leaves.node.tolist()):
        while node >= 0:
            members[node].add(leaf)
            node = int(tree.nodes.parent[node])
    return members
