"""Where the vertices of a tree lie that is drawn with branch lengths: numbers only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from carving.report._age_axis import UPDATES
from carving.tree.topology import Topology, topology

if TYPE_CHECKING:
    from carving.tree import Tree

AGES = ("log-age", "birth-age")
UNITS = {
    "distance": "distance per site",
    "log-age": UPDATES,
    "birth-age": UPDATES,
    "free-energy": "|ΔΓ| along the branches",
}


@dataclass(frozen=True, eq=False)
class Phylogram:
    """Places of the vertices: the nodes of a tree, then its leaves.

    Attributes
    ----------
    kept : numpy.ndarray of int64
        The vertices that are drawn, children before their parent.
    parent : numpy.ndarray of int64, shape (vertices,)
    x : numpy.ndarray of float64, shape (vertices,)
        Sum of the branch lengths from the root; for ages log(1 + age).
    y : numpy.ndarray of float64, shape (vertices,)
        The place among the leaves: ½, 1½, … for leaves, the middle of its children for a node.
    low, high : numpy.ndarray of float64, shape (vertices,)
        Places of the first and the last child; the vertex' own where it has none.
    tips : numpy.ndarray of int64, shape (leaves,)
        The leaves, as indices of leaves, in the order of their places.
    nodes : int
    """

    kept: np.ndarray
    parent: np.ndarray
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tips: np.ndarray
    nodes: int

    @property
    def inner(self) -> np.ndarray:
        """The nodes that are drawn, the root last."""
        return self.kept[self.kept < self.nodes]

    @property
    def joints(self) -> np.ndarray:
        """Those of them whose children lie at different places."""
        return self.inner[self.high[self.inner] > self.low[self.inner]]

    @property
    def long_leaves(self) -> np.ndarray:
        """The vertices of leaves that have a branch which can be seen."""
        leaves = self.kept[self.kept >= self.nodes]
        return leaves[self.x[leaves] > self.x[self.parent[leaves]]]


# points, of lines above nodes
NODE_WIDTH = 1.0


def leaf_width(count: int, room: float) -> float:
    """Points that the line of a leaf may be wide, of so many in so many inches."""
    return float(np.clip(0.6 * 72 * room / count, 0.2, NODE_WIDTH))


def phylogram(tree: "Tree", branch_length: str, columns: Sequence[str] = ()) -> Phylogram:
    """Place the vertices; siblings in the order of their first leaf, as in exports.

    Leaves of one state, whose order says nothing, are sorted by their labels in these columns and then by the
    length of their branches.
    """
    shape = topology(tree, branch_length=branch_length)
    parents, lengths = shape.parent.tolist(), shape.length.tolist()
    start = float(np.log1p(_root_age(tree, branch_length))) if branch_length in AGES else 0.0
    x = [start] * len(parents)
    order = shape.order.tolist()
    for vertex in reversed(order):
        if parents[vertex] >= 0:
            x[vertex] = x[parents[vertex]] + lengths[vertex]
    tips = _sorted_tips(tree, shape, columns)
    low, high = np.full(len(parents), np.inf), np.full(len(parents), -np.inf)
    low[shape.nodes + tips] = high[shape.nodes + tips] = np.arange(len(tips)) + 0.5
    first, last = low.tolist(), high.tolist()
    for vertex in order:
        above = parents[vertex]
        if above >= 0:
            middle = (first[vertex] + last[vertex]) / 2
            first[above], last[above] = min(first[above], middle), max(last[above], middle)
    low, high = np.array(first), np.array(last)
    kept = shape.order
    y = np.full(len(parents), np.nan)
    y[kept] = (low[kept] + high[kept]) / 2
    return Phylogram(
        kept=kept, parent=shape.parent, x=np.array(x), y=y, low=low, high=high, tips=tips, nodes=shape.nodes
    )


def order_of_nodes(tree: "Tree") -> np.ndarray:
    """How many samples come before each node's: siblings in the order of their first leaf."""
    nodes = tree.nodes
    first = np.full(len(nodes), len(tree.leaves))
    np.minimum.at(first, tree.leaves.node, np.arange(len(tree.leaves)))
    firsts = first.tolist()
    for child, parent in enumerate(nodes.parent[:-1].tolist()):
        firsts[parent] = min(firsts[parent], firsts[child])
    first = np.array(firsts)
    begin = [0.0] * len(nodes)
    sizes = nodes.size.tolist()
    for node in range(len(nodes) - 1, -1, -1):
        at = begin[node]
        children = tree.children.of(node)
        for child in children[np.argsort(first[children], kind="stable")].tolist():
            begin[child] = at
            at += sizes[child]
    return np.array(begin)


def _root_age(tree: "Tree", branch_length: str) -> float:
    """Where ages begin: a root is born no later than anything below it, if births are asked for."""
    nodes = tree.nodes
    if branch_length == "log-age":
        return float(nodes.age[-1])
    return float(np.where(np.isfinite(nodes.birth_age), nodes.birth_age, nodes.age).min())


def _sorted_tips(tree: "Tree", shape: Topology, columns: Sequence[str]) -> np.ndarray:
    tips = shape.order[shape.order >= shape.nodes] - shape.nodes
    node = tree.leaves.node[tips]
    # leaves of a state follow on each other
    state = np.cumsum(np.append(0, node[1:] != node[:-1]))
    keys = [shape.length[shape.nodes + tips]]
    for column in reversed(columns):
        labels = tree.labels[column]
        counts = Counter(labels.tolist())
        rank = {label: place for place, (label, _) in enumerate(sorted(counts.items(), key=_frequent_first))}
        keys.append(np.array([rank[label] for label in labels[tips].tolist()]))
    return tips[np.lexsort([*keys, state])]


def _frequent_first(counted: tuple[str, int]) -> tuple[bool, int, str]:
    """Unknown labels last."""
    label, count = counted
    return not label, -count, label


def runs(labels: list[str]) -> list[tuple[int, int, str]]:
    """Neighbours that have the same label: first, one past the last, the label."""
    ends = [i for i in range(1, len(labels)) if labels[i] != labels[i - 1]]
    bounds = [0, *ends, len(labels)]
    return [(a, b, labels[a]) for a, b in pairwise(bounds)]
