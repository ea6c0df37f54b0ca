"""The ways of states through learning: which rows of ``tree.states`` follow on each other."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving.tree import Tree


def trajectories(tree: "Tree") -> list[np.ndarray]:
    """For every node its rows of ``tree.states``, from old to young, and then the first of its parent.

    Lines through them meet where states merge. Empty for nodes of which no state is known.
    """
    node = tree.states.node
    # rows are from old to young already
    order = np.argsort(node, kind="stable")
    bounds = np.searchsorted(node[order], np.arange(len(tree.nodes) + 1))
    rows = [order[low:high] for low, high in pairwise(bounds.tolist())]
    result = []
    for own, parent in zip(rows, tree.nodes.parent.tolist(), strict=True):
        further = rows[parent][:1] if parent >= 0 and len(own) else own[:0]
        result.append(np.concatenate([own, further]))
    return result


def check_states(tree: "Tree") -> None:
    """Raise ``InvalidInput`` for a tree that was stored without the states of its ages."""
    if not len(tree.states):
        raise InvalidInput("tree: holds no states of its ages, of which this picture is; build it anew")


def births(tree: "Tree") -> np.ndarray:
    """For every node the row of its oldest state; -1 where none is known."""
    first = np.full(len(tree.nodes), -1)
    nodes, rows = np.unique(tree.states.node, return_index=True)
    first[nodes] = rows
    return first
