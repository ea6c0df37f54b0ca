"""Where the parts of a drawn tree lie: numbers only, nothing is drawn here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from carving.tree import Tree

# heights, in units of the row of a tip that has a picture
_SMALL_ROW = 0.11
_ALL_SMALL = 6.0
_GAP_BETWEEN_BRANCHES = 0.12
_GAP_BETWEEN_RIBBONS = 0.25
# thickness of the trunk, as a share of the rows
_TRUNK = 0.5


@dataclass(frozen=True, eq=False)
class Layout:
    """Places of all nodes of a tree, the root at the left and the oldest age at the right.

    Attributes
    ----------
    x : numpy.ndarray of float64, shape (nodes,)
        log(1 + age) of each node's birth.
    y : numpy.ndarray of float64, shape (nodes,)
        Middle of its ribbon; 0 is the top, ``height`` the bottom.
    width : numpy.ndarray of float64, shape (nodes,)
        Thickness of its ribbon, in proportion to how many samples it holds.
    joins : numpy.ndarray of float64, shape (nodes,)
        Middle of the place that its ribbon takes in its parent's; the root's own middle.
    tips : numpy.ndarray of int64
        The nodes of the oldest states, from top to bottom.
    shown : numpy.ndarray of int64
        Those of them that get a row of their own.
    height : float
    """

    x: np.ndarray
    y: np.ndarray
    width: np.ndarray
    joins: np.ndarray
    tips: np.ndarray
    shown: np.ndarray
    height: float


def lay_out(tree: "Tree", *, most_pictures: int) -> Layout:
    """Place the nodes; siblings from large to small, so that stems run along the top."""
    nodes = tree.nodes
    order = _from_top_to_bottom(tree)
    tips = order[np.diff(tree.children.offsets)[order] == 0]
    largest = tips[np.argsort(-nodes.size[tips], kind="stable")[:most_pictures]]
    is_shown = np.zeros(len(nodes), dtype=bool)
    is_shown[largest] = True

    width = nodes.size * (_TRUNK * len(largest) / nodes.size[tree.root])
    # however many there are, they take no more room than the shown ones
    small = min(_SMALL_ROW, _ALL_SMALL / max(1, len(tips) - len(largest)))
    least = np.where(is_shown[tips], 1.0, small)
    rows = np.maximum(least, width[tips] + _GAP_BETWEEN_RIBBONS * is_shown[tips]) + _gaps(tree, tips)
    ends = np.cumsum(rows)
    y = np.zeros(len(nodes))
    y[tips] = ends - rows / 2
    height = float(ends[-1])
    _middles_of_children(tree, y)
    return Layout(
        x=np.log1p(nodes.age.astype(float)),
        y=y,
        width=width,
        joins=_places_in_parent(tree, y, width, order),
        tips=tips,
        shown=tips[is_shown[tips]],
        height=height,
    )


def _from_top_to_bottom(tree: "Tree") -> np.ndarray:
    """All nodes, parents before children, siblings from large to small."""
    order, stack = [], [tree.root]
    while stack:
        node = stack.pop()
        order.append(node)
        children = tree.children.of(node)
        # the last on the stack is taken first
        stack += children[np.argsort(tree.nodes.size[children], kind="stable")].tolist()
    return np.array(order, dtype=np.int64)


def _gaps(tree: "Tree", tips: np.ndarray) -> np.ndarray:
    """A little air after a tip whose successor has another parent."""
    parents = tree.nodes.parent[tips]
    gaps = np.append(parents[1:] != parents[:-1], False)
    return gaps * min(_GAP_BETWEEN_BRANCHES, _ALL_SMALL / max(1, int(gaps.sum())))


def _middles_of_children(tree: "Tree", y: np.ndarray) -> None:
    """Put every inner node, in place, where its children's mean lies; children have smaller indices."""
    nodes = tree.nodes
    moment = np.zeros(len(nodes))
    mass = np.zeros(len(nodes))
    for node, parent in enumerate(nodes.parent.tolist()):
        if mass[node]:
            y[node] = moment[node] / mass[node]
        if parent >= 0:
            # between sizes and counts: small branches shall pull, but less than large ones
            weight = np.sqrt(nodes.size[node])
            moment[parent] += weight * y[node]
            mass[parent] += weight


def _places_in_parent(tree: "Tree", y: np.ndarray, width: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The ribbons of children lie side by side in their parent's, in the order of their rows."""
    joins = y.copy()
    filled = y - width / 2
    for node in order.tolist():
        parent = tree.nodes.parent[node]
        if parent >= 0:
            joins[node] = filled[parent] + width[node] / 2
            filled[parent] += width[node]
    return joins
