"""Ways through a tree for writers: parents first, leaves as spans, lengths from the root. No recursion."""

from dataclasses import dataclass

import numpy as np

from carving.tree.topology import Topology


@dataclass(frozen=True, eq=False)
class Walk:
    """The vertices of ``Topology.order``, each with what is below it.

    Attributes
    ----------
    shape
        The tree.
    parent : numpy.ndarray of int64, shape (kept,)
        Where in the order the parent of each vertex is; -1 for the root, which comes last.
    below : numpy.ndarray of int64, shape (kept,)
        How many vertices are below each; they are the ones just before it.
    leaves : numpy.ndarray of int64, shape (leaves,)
        The leaves from first to last, as indices.
    first, last : numpy.ndarray of int64, shape (kept,)
        Of each vertex the leaves ``leaves[first:last]``.
    """

    shape: Topology
    parent: np.ndarray
    below: np.ndarray
    leaves: np.ndarray
    first: np.ndarray
    last: np.ndarray


def walk(shape: Topology) -> Walk:
    """See ``Walk``."""
    order = shape.order
    place = np.full(len(shape.parent), -1)
    place[order] = np.arange(len(order))
    above = shape.parent[order]
    parent = np.where(above >= 0, place[above], -1)
    held = [1] * len(order)
    for vertex, its_parent in enumerate(parent[:-1].tolist()):
        held[its_parent] += held[vertex]
    below = np.array(held) - 1
    is_leaf = order >= shape.nodes
    leaves_before = np.concatenate([[0], np.cumsum(is_leaf)])
    here = np.arange(len(order))
    return Walk(
        shape=shape,
        parent=parent,
        below=below,
        leaves=order[is_leaf] - shape.nodes,
        first=leaves_before[here - below],
        last=leaves_before[here + 1],
    )


def parents_first(way: Walk) -> tuple[np.ndarray, np.ndarray]:
    """The vertices with parents before their children and siblings in order, and the depth of each."""
    order, depth = way.shape.order, way.shape.depth
    # before a vertex come all that end before it, but not those below it, and those that it is in
    rank = np.arange(len(order)) - way.below + depth
    vertices, depths = np.empty_like(order), np.empty_like(depth)
    vertices[rank], depths[rank] = order, depth
    return vertices, depths


def from_root(way: Walk) -> np.ndarray:
    """The length of all branches between the root and each vertex of the order together."""
    total = way.shape.length[way.shape.order].tolist()
    total[-1] = 0.0
    for vertex in range(len(total) - 2, -1, -1):
        total[vertex] += total[way.parent.item(vertex)]
    return np.array(total)


def majority(way: Walk, codes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Of what more than half of the leaves below each vertex is, by weight; the unknown do not count.

    Boyer and Moore's vote (1991) from the leaves up leaves one candidate a vertex, whose weight is then
    taken from running sums: linear in the vertices, however many codes there are.

    Parameters
    ----------
    way
        The tree.
    codes : numpy.ndarray of int64, shape (leaves,)
        What each leaf is; -1: unknown.
    weight : numpy.ndarray of int64, shape (leaves,)
        How much each leaf counts.

    Returns
    -------
    numpy.ndarray of int64, shape (kept,)
        A code, or -1 where nothing has more than half.
    """
    code, load = codes[way.leaves], np.where(codes[way.leaves] < 0, 0, weight[way.leaves])
    candidate = _candidates(way, code, load)
    # leaves sorted by code, then by place: those of one code in a span lie side by side
    leaves = len(code)
    key = code * leaves + np.arange(leaves)
    by_key = np.argsort(key, kind="stable")
    sums = np.concatenate([[0], np.cumsum(load[by_key])])
    start, stop = (np.searchsorted(key[by_key], candidate * leaves + edge) for edge in (way.first, way.last))
    running = np.concatenate([[0], np.cumsum(load)])
    known = running[way.last] - running[way.first]
    return np.where((candidate >= 0) & (2 * (sums[stop] - sums[start]) > known), candidate, -1)


def _candidates(way: Walk, code: np.ndarray, load: np.ndarray) -> np.ndarray:
    votes, lead = [-1] * len(way.parent), [0] * len(way.parent)
    is_leaf = np.flatnonzero(way.below == 0).tolist()
    for vertex, vote, its_load in zip(is_leaf, code.tolist(), load.tolist(), strict=True):
        votes[vertex], lead[vertex] = vote, its_load
    for vertex, parent in enumerate(way.parent[:-1].tolist()):
        if votes[vertex] == votes[parent]:
            lead[parent] += lead[vertex]
        elif lead[vertex] <= lead[parent]:
            lead[parent] -= lead[vertex]
        else:
            votes[parent], lead[parent] = votes[vertex], lead[vertex] - lead[parent]
    return np.array(votes)
