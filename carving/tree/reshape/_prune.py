"""Some of the leaves, and the tree that they have among themselves."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.errors import InvalidInput
from carving.tree.topology import totals

if TYPE_CHECKING:
    from carving.tree._columns import Ages, Nodes
    from carving.tree.tree import Tree


def prune(tree: "Tree", keep: "np.ndarray | Iterable[int] | Iterable[str]") -> "Tree":
    """The tree of some of the leaves, in their order.

    Nodes that hold none of them vanish with their states, and so does an added root above one node. The
    others keep their names and points, also where they have one child now; sizes and ``ages.groups`` are
    counted again. What else ``ages`` says, and support, stays that of the whole tree.

    Parameters
    ----------
    tree
        Any tree.
    keep
        One mark for each leaf (bool), or indices or names of those that stay. For instance the large
        states: ``tree.prune(tree.nodes.size[tree.leaves.node] >= 10)``.

    Raises
    ------
    InvalidInput
        If there is no such leaf, or none would be left.
    """
    chosen = _indices(tree, keep)
    if not len(chosen):
        raise InvalidInput("prune: no leaf is kept; keep at least one")
    leaves = tree.leaves.take(chosen)
    size = totals(tree.nodes.parent, leaves.node, leaves.size)
    stays = size > 0
    if tree.has_added_root and np.count_nonzero(stays[tree.children.of(tree.root)]) == 1:
        # nothing is left that it would have to hold together
        stays[-1] = False
    rows = np.flatnonzero(stays)
    place = np.full(len(stays), -1)
    place[rows] = np.arange(len(rows))
    parent = tree.nodes.parent[rows]
    nodes = tree.nodes.take(rows, parent=np.where(parent < 0, -1, place[parent]), size=size[rows])
    states = np.flatnonzero(stays[tree.states.node])
    return replace(
        tree,
        nodes=nodes,
        leaves=replace(leaves, node=place[leaves.node]),
        states=tree.states.take(states, node=place[tree.states.node[states]]),
        ages=_recounted(tree.ages, nodes, has_added_root=tree.has_added_root and bool(stays[-1])),
        labels={name: column[chosen] for name, column in tree.labels.items()},
    )


def prune_small(tree: "Tree", smallest: int) -> "Tree":
    """The tree without the states of the oldest age that have fewer samples.

    Parameters
    ----------
    tree
        Any tree.
    smallest
        Samples that a state must have to stay.

    Raises
    ------
    InvalidInput
        If all states have fewer.
    """
    of_leaf = tree.nodes.size[tree.leaves.node]
    if of_leaf.max() < smallest:
        raise InvalidInput(
            f"smallest {smallest}: the largest state has {of_leaf.max()} samples; ask for no more than that"
        )
    return prune(tree, of_leaf >= smallest)


def _indices(tree: "Tree", keep: Any) -> np.ndarray:
    """The leaves that are meant, each once, in the tree's order."""
    if isinstance(keep, str):
        keep = [keep]
    listed = keep.tolist() if isinstance(keep, np.ndarray) and keep.dtype.kind in "UO" else keep
    if not isinstance(listed, np.ndarray):
        listed = list(listed)
        if all(isinstance(name, str) for name in listed):
            # not by way of numpy, whose text loses a last NUL
            return np.unique(np.array([tree._leaf_index(name) for name in listed], dtype=np.int64))
    given, count = np.asarray(listed), len(tree.leaves)
    if given.ndim != 1:
        raise InvalidInput(f"keep: has the shape {given.shape}; give a list, or one mark for each leaf")
    if given.dtype.kind == "b":
        if len(given) != count:
            raise InvalidInput(f"keep: has {len(given)} marks for {count} leaves; give one for each")
        return np.flatnonzero(given)
    if given.dtype.kind not in "iu":
        raise InvalidInput(f"keep: holds {given.dtype} values; give marks, indices or names of leaves")
    wrong = (given < -count) | (given >= count)
    if wrong.any():
        raise InvalidInput(f"keep: leaf {given[wrong][0]}: this tree has the leaves 0 to {count - 1}")
    return np.unique(given.astype(np.int64) % count)


def _recounted(ages: "Ages", nodes: "Nodes", *, has_added_root: bool) -> "Ages":
    """The ages with the groups that are left: a node is one from its own age down to its parent's birth."""
    until = np.append(nodes.age[nodes.parent[:-1]], -1)
    present = nodes.age
    if has_added_root:
        until[nodes.parent == len(nodes) - 1] = -1
        until, present = until[:-1], present[:-1]
    oldest_first = -ages.updates
    born = np.searchsorted(np.sort(-present), oldest_first, side="right")
    gone = np.searchsorted(np.sort(-until), oldest_first, side="right")
    groups = born - gone
    gap = np.where(groups == 1, np.nan, ages.smallest_gap)
    return replace(ages, groups=groups, smallest_gap=gap)
