"""Trees of the same leaves that agree in part, and what they are to others."""

import dataclasses
import io
from collections.abc import Iterable, Sequence

import dendropy
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from carving.export import write_newick
from carving.tree import Tree
from tests.trees import random_tree

seeds = st.integers(0, 10**6)
few = settings(max_examples=30)


def random_trees(seed: int) -> list[Tree]:
    """Some trees of the same leaves, in different orders: one with some leaves exchanged, or another."""
    generator = np.random.default_rng(seed)
    leaves = int(generator.integers(3, 16))
    count = int(generator.integers(2, 9))
    base, other = (
        random_tree(leaves, generator=generator, ages=6, added_root=bool(generator.integers(2)))
        for _ in range(2)
    )
    trees = [exchanged(base if generator.random() < 0.85 else other, generator) for _ in range(count)]
    return [shuffled(tree, generator) for tree in trees]


def exchanged(tree: Tree, generator: np.random.Generator) -> Tree:
    """The same tree with up to three pairs of leaves in each other's place."""
    node = tree.leaves.node.copy()
    for _ in range(generator.integers(4)):
        i, j = generator.integers(len(node), size=2)
        node[i], node[j] = node[j], node[i]
    return dataclasses.replace(tree, leaves=dataclasses.replace(tree.leaves, node=node))


def shuffled(tree: Tree, generator: np.random.Generator) -> Tree:
    """The same tree, its leaves in another order."""
    order = generator.permutation(len(tree.leaves))
    columns = {name: getattr(tree.leaves, name)[order] for name in tree.leaves.column_types}
    return dataclasses.replace(tree, leaves=type(tree.leaves)(**columns))


def some_leaves(tree: Tree, names: Iterable[str]) -> Tree:
    kept = set(names)
    return tree.prune([name for name in tree.leaves.name if name in kept])


def sets_of(tree: Tree) -> list[frozenset[str]]:
    """The leaves of every node."""
    return [frozenset(tree.leaves.name[tree.members(node)]) for node in range(len(tree.nodes))]


def clades_of(tree: Tree) -> set[frozenset[str]]:
    return {clade for clade in sets_of(tree) if len(clade) > 1}


def newick(tree: Tree) -> str:
    file = io.StringIO()
    write_newick(tree, file)
    return file.getvalue()


def in_dendropy(trees: Sequence[Tree]) -> dendropy.TreeList:
    text = "".join(map(newick, trees))
    return dendropy.TreeList.get(data=text, schema="newick", rooting="force-rooted")
