"""How a tree agrees with the family tree that its samples were drawn from."""

from dataclasses import dataclass

import numpy as np

from carving.data import TreeData
from carving.tree import Tree

# groups smaller than this share of the samples are not asked for
SHARE = 0.05
# share of a group's members that may be wrong
TOLERANCE = 0.01


@dataclass(frozen=True)
class Agreement:
    """What is missing from a tree, and what it has too much.

    Attributes
    ----------
    large
        How many true groups, of any level, have at least 5 % of the samples.
    missing
        Those that are no node to 1 % of their members, with the least error of any node.
    crossing
        (node, true group) where a node of at least 5 % of the samples overlaps a true group of any
        size by more than 1 % of it, and leaves more than that of it out, and has more than that besides.
    worst
        Largest error of a large group's best node, as a share of the group.
    """

    large: int
    missing: dict[str, float]
    crossing: list[tuple[str, str]]
    worst: float


def members(tree: Tree) -> np.ndarray:
    """Whether each node (rows) holds each leaf (columns)."""
    nodes = tree.nodes
    table = np.zeros((len(nodes.parent), len(tree.leaves.node)), dtype=bool)
    table[tree.leaves.node, np.arange(table.shape[1])] = True
    for node, parent in enumerate(nodes.parent.tolist()):  # children before parents
        if parent >= 0:
            table[parent] |= table[node]
    return table


def agreement(tree: Tree, data: TreeData) -> Agreement:
    groups = {
        f"{level} {label}": column == label
        for level, column in data.labels.items()
        for label in np.unique(column)
    }
    names, truth = list(groups), np.stack(list(groups.values())).astype(float)
    nodes = members(tree).astype(float)
    common = nodes @ truth.T
    node_size, size = nodes.sum(1)[:, None], truth.sum(1)[None]
    error = ((node_size + size - 2 * common) / size).min(0)
    large = np.flatnonzero(size[0] >= SHARE * len(data.samples))
    allowed = TOLERANCE * size
    crosses = (common > allowed) & (size - common > allowed) & (node_size - common > allowed)
    crosses &= node_size >= SHARE * len(data.samples)
    return Agreement(
        large=len(large),
        missing={names[k]: float(error[k]) for k in large if error[k] > TOLERANCE},
        crossing=[(str(tree.nodes.name[i]), names[k]) for i, k in np.argwhere(crosses)],
        worst=float(error[large].max()),
    )
