"""The tree as viewers want it: one numbering of nodes and leaves, joined where there is one child.

Four kinds of branch length, each the length of the branch above a vertex:

``distance``
    Per-site Euclidean distance between the visible magnetisations of a node and its parent
    (mathematics §5, spins counted as (1 + m)/2); for a leaf that between sample and state.
``log-age``
    Difference of log(1 + age) between a node and its parent; 0 for a leaf.
``birth-age``
    The same with the ages at which branches part between checkpoints, where they have been located
    (``nodes.birth_age``); a node is born no later than those below it.
``free-energy``
    |ΔΓ| between a node and its parent, equations (3)-(5); 0 for a leaf.

A root that had to be added has no fixed point: the branches below it have length 0, but for
``log-age`` and ``birth-age``, where it counts with its age 0. The branch above a root has length 0.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving.tree.tree import Tree

BRANCH_LENGTHS = ("distance", "log-age", "birth-age", "free-energy")

# float64 values of magnetisations held at once while distances are taken
_CHUNK_VALUES = 1 << 22


@dataclass(frozen=True, eq=False)
class Topology:
    """Vertices 0 … K-1 are the nodes of a tree, K … K+n-1 its leaves; some nodes may be joined away.

    Attributes
    ----------
    parent : numpy.ndarray of int64, shape (vertices,)
        After joining; -1 for the root and for vertices that were joined away.
    length : numpy.ndarray of float64, shape (vertices,)
        Of the branch above each vertex.
    order : numpy.ndarray of int64, shape (kept,)
        The vertices that are kept, children before their parent, siblings by the first leaf that they
        hold: the order in which Newick text names them.
    depth : numpy.ndarray of int64, shape (kept,)
        Branches between each vertex of ``order`` and the root.
    nodes : int
        How many vertices are nodes: K.
    """

    parent: np.ndarray
    length: np.ndarray
    order: np.ndarray
    depth: np.ndarray
    nodes: int

    @property
    def root(self) -> int:
        """The vertex that is the root, never joined away."""
        return self.nodes - 1


def branch_lengths(tree: "Tree", kind: str) -> np.ndarray:
    """Length of the branch above every node and then every leaf, as stored: before any joining."""
    if kind not in BRANCH_LENGTHS:
        raise InvalidInput(f"branch length {kind!r}: unknown; choose from {', '.join(BRANCH_LENGTHS)}")
    nodes = tree.nodes
    child, parent = slice(0, -1), nodes.parent[:-1]
    length = np.zeros(len(nodes) + len(tree.leaves))
    if kind == "distance":
        length[: len(nodes) - 1] = _distances(tree)
        length[len(nodes) :] = tree.leaves.distance
    elif kind == "log-age":
        log_age = np.log1p(nodes.age)
        length[: len(nodes) - 1] = log_age[child] - log_age[parent]
    elif kind == "birth-age":
        log_age = np.log1p(_births(tree))
        length[: len(nodes) - 1] = log_age[child] - log_age[parent]
    else:
        length[: len(nodes) - 1] = np.abs(nodes.free_energy[child] - nodes.free_energy[parent])
    return np.nan_to_num(length, copy=False, nan=0.0) if tree.has_added_root else length


def _births(tree: "Tree") -> np.ndarray:
    """When each node is born: no later than those below it, which come before it."""
    nodes = tree.nodes
    return minima(nodes.parent, np.where(np.isfinite(nodes.birth_age), nodes.birth_age, nodes.age))


def _distances(tree: "Tree") -> np.ndarray:
    """Per-site distance between each node but the root and its parent."""
    from carving.units import Unit

    visible, parent = tree.nodes.visible, tree.nodes.parent
    if tree.visible_unit not in Unit.registry:
        raise InvalidInput(
            f"tree: unit {tree.visible_unit!r} is unknown; choose from {', '.join(Unit.registry)}"
        )
    scale = Unit.registry[tree.visible_unit].distance_scale / np.sqrt(visible.shape[1])
    rows = max(1, _CHUNK_VALUES // max(1, visible[0].size))
    result = np.empty(len(visible) - 1)
    for start in range(0, len(result), rows):
        child = np.arange(start, min(start + rows, len(result)))
        difference = (visible[child] - visible[parent[child]]).reshape(len(child), -1)
        result[child] = scale * np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return result


def topology(tree: "Tree", *, branch_length: str = "distance", keep_unary: bool = False) -> Topology:
    """The tree with its branch lengths, every node that has one child joined with it.

    Parameters
    ----------
    tree
        Any tree.
    branch_length
        One of ``BRANCH_LENGTHS``.
    keep_unary
        Join nothing. Otherwise the child stays and the lengths add; the root stays in any case.
    """
    nodes = len(tree.nodes)
    length = branch_lengths(tree, branch_length)
    parent = np.concatenate([tree.nodes.parent, tree.leaves.node])
    if not keep_unary:
        _join(parent, length, nodes)
    order, depth = post_order(parent, first_leaves(tree), nodes - 1)
    return Topology(parent=parent, length=length, order=order, depth=depth, nodes=nodes)


def _join(parent: np.ndarray, length: np.ndarray, nodes: int) -> None:
    """Take out, in place, the nodes that have one child: parents first, so that each step is final."""
    children = np.bincount(parent[parent >= 0], minlength=len(parent))
    joined = children == 1
    joined[nodes - 1] = False
    # the root is first in this order, then nodes from young to old, then leaves
    order = np.concatenate([np.arange(nodes - 1)[::-1], np.arange(nodes, len(parent))])
    for vertex in order[joined[parent[order]]].tolist():
        above = parent[vertex]
        length[vertex] += length[above]
        parent[vertex] = parent[above]
    parent[joined] = -1


def totals(parent: np.ndarray, node: np.ndarray, amount: np.ndarray | int = 1) -> np.ndarray:
    """What hangs below each node together: of leaves that hang on ``node``, each of them ``amount``.

    Parameters
    ----------
    parent
        Of each node, children before their parents, the root last.
    node
        Of each leaf.
    amount
        Of each leaf, or of every one: whole numbers.

    Returns
    -------
    numpy.ndarray of int64, shape (nodes,)
    """
    at = np.zeros(len(parent), dtype=np.int64)
    np.add.at(at, node, amount)
    result = at.tolist()
    for child, above in enumerate(parent[:-1].tolist()):
        result[above] += result[child]
    return np.array(result, dtype=np.int64)


def minima(parent: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The smallest of the values of each node and of all nodes below it.

    Parameters
    ----------
    parent
        Of each node, children before their parents, the root last.
    own
        Of each node.
    """
    result = own.tolist()
    for child, above in enumerate(parent[:-1].tolist()):
        result[above] = min(result[above], result[child])
    return np.array(result, dtype=own.dtype)


def first_leaves(tree: "Tree") -> np.ndarray:
    """The first leaf, in the order of the samples, that each node and then each leaf holds."""
    nodes, leaves = len(tree.nodes), len(tree.leaves)
    held, at = np.unique(tree.leaves.node, return_index=True)
    first = np.full(nodes, leaves)
    first[held] = at
    return np.concatenate([minima(tree.nodes.parent, first), np.arange(leaves)])


def post_order(parent: np.ndarray, first_leaf: np.ndarray, root: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices with children before parents, and the depth of each: one pass with a stack."""
    below = np.flatnonzero(parent >= 0)
    counts = np.bincount(parent[below], minlength=len(parent))
    offsets = np.concatenate([[0], np.cumsum(counts)]).tolist()
    children = below[np.lexsort((first_leaf[below], parent[below]))].tolist()
    depths = [0] * len(parent)
    order, stack = [], [root]
    while stack:
        vertex = stack.pop()
        order.append(vertex)
        mine = children[offsets[vertex] : offsets[vertex + 1]]
        deeper = depths[vertex] + 1
        for child in mine:
            depths[child] = deeper
        stack += mine
    # parents first and siblings backwards, read backwards: children first and siblings in order
    order.reverse()
    result = np.array(order, dtype=np.int64)
    return result, np.array(depths, dtype=np.int64)[result]
