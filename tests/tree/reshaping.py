"""Trees with labels for tests of what is made of them, and their leaves counted one by one."""

import io

import dendropy
import numpy as np
from hypothesis import strategies as st

from carving.export import write_newick
from carving.tree import Tree
from tests.trees import random_tree

KINDS = ["a", "b", "c", ""]


def grown(leaves: int, seed: int, added_root: bool, trajectories: bool = True) -> Tree:
    generator = np.random.default_rng(seed)
    return random_tree(
        leaves,
        generator=generator,
        added_root=added_root and leaves > 1,
        trajectories=trajectories,
        labels={"kind": generator.choice(KINDS, leaves).tolist()},
    )


trees = st.builds(
    grown,
    leaves=st.integers(1, 16),
    seed=st.integers(0, 10**6),
    added_root=st.booleans(),
    trajectories=st.booleans(),
)


def clades(tree: Tree) -> dict[str, frozenset[str]]:
    """The leaves that each node holds, by their names."""
    names = tree.leaves.name
    return {
        str(name): frozenset(names[tree.members(node)].tolist()) for node, name in enumerate(tree.nodes.name)
    }


def groups(tree: Tree, age: int) -> dict[str, str]:
    """The node of every leaf at an age."""
    return dict(zip(tree.leaves.name, tree.nodes.name[tree.partition(age)], strict=True))


def an_age(tree: Tree, data: st.DataObject) -> int:
    """Any age in the range of a tree, be there a checkpoint or not."""
    return data.draw(st.integers(int(tree.ages.updates[-1]), int(tree.ages.updates[0])), label="age")


def some_leaves(tree: Tree, data: st.DataObject) -> list[int]:
    return data.draw(st.lists(st.integers(0, len(tree.leaves) - 1), min_size=1, unique=True), label="kept")


def of_one_state(labels: list[str]) -> Tree:
    generator = np.random.default_rng(0)
    return random_tree(len(labels), generator=generator, states=1, ages=1, labels={"kind": labels})


def splits(tree: Tree) -> set[frozenset[str]]:
    """The clades that DendroPy finds in the tree's Newick."""
    target = io.StringIO()
    write_newick(tree, target)
    read = dendropy.Tree.get(data=target.getvalue(), schema="newick", rooting="force-rooted")
    return {
        frozenset(leaf.taxon.label for leaf in node.leaf_iter())
        for node in read.preorder_internal_node_iter()
    }
