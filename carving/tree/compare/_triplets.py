"""The triplet distance of rooted trees: for how many triples of leaves the trees say different things."""

from collections.abc import Callable
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.tree.compare._clades import common_leaves
from carving.tree.compare._overlaps import Distance, together

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from carving.tree.tree import Tree

# pairs of nodes, for each of which some ten numbers of 8 bytes are held at once
MOST_PAIRS = 16_000_000
# whose triples can still be counted in 63 bits
MOST_LEAVES = 2_000_000


def fits(first: "Tree", second: "Tree") -> bool:
    """Whether a triplet distance of the two can be had."""
    small = len(first.nodes) * len(second.nodes) <= MOST_PAIRS
    return small and max(len(first.leaves), len(second.leaves)) <= MOST_LEAVES


def triplet_distance(first: "Tree", second: "Tree") -> Distance:
    """For how many triples of leaves two rooted trees differ (Dobson 1975), exactly.

    Of three leaves either two are closer to each other than to the third, or the tree does not say: they
    part at one node. Triples about which the trees do not say the same are counted. A quartet distance
    looks at four leaves, without the root; triplets are its quartets of which the root is one.

    Takes time and memory in proportion to the product of the numbers of nodes, whatever the number of
    leaves. Trees with different leaves are compared on those that both have.

    Returns
    -------
    Distance
        ``of`` counts all triples.

    Raises
    ------
    InvalidInput
        If the trees have fewer than two leaves in common, or more than 16,000,000 pairs of nodes.
    """
    if not fits(first, second):
        raise InvalidInput(
            f"trees: {len(first.nodes):,} and {len(second.nodes):,} nodes are too many for triplets, which "
            f"take their product of up to {MOST_PAIRS:,}; compare clades with robinson_foulds, or younger "
            "ages with tree.collapse"
        )
    names = common_leaves([first, second])
    triples = comb(len(names), 3)
    if triples == 0:
        return Distance(count=0, of=0, leaves=len(names))
    return Distance(count=triples - _alike(first, second, names), of=triples, leaves=len(names))


def _alike(first: "Tree", second: "Tree", names: list[str]) -> int:
    """Triples on which the trees agree: the same pair inside, or all three apart in both.

    With n(u, v) the leaves that node u of the first and node v of the second tree hold together, the pairs
    of leaves that part both in u and in v are the pairs of n(u, v) less those that are together in a child
    of either (inclusion and exclusion). With one leaf outside u and v they make the triples of the first
    kind. Numbers may wrap on the way: what is left at the end is below 2⁶³.
    """
    n = together(first, second, names)
    below, beside = _sum_over_children(first), _sum_over_children(second)

    def over_rows(values: np.ndarray) -> np.ndarray:
        return below @ values

    def over_columns(values: np.ndarray) -> np.ndarray:
        return (beside @ values.T).T

    pairs = n * (n - 1) // 2
    pairs -= over_columns(pairs)
    pairs -= over_rows(pairs)
    outside = len(names) - n[:, -1:] - n[-1:, :] + n
    closer = int((pairs * outside).sum())
    return closer + _apart(n, first, second, over_rows, over_columns) // 6


def _apart(
    n: np.ndarray,
    first: "Tree",
    second: "Tree",
    over_rows: Callable[[np.ndarray], np.ndarray],
    over_columns: Callable[[np.ndarray], np.ndarray],
) -> int:
    """Ordered triples of leaves that are in three children of one node, in both trees.

    With m(i, j) the leaves of child i of u that are in child j of v, r(i) and c(j) their sums over j and
    over i, and N over both, inclusion and exclusion over which of the three share i and which share j gives

        N³ − 3 N (Σ r² + Σ c² − Σ m²) + 2 (Σ r³ + Σ c³) + 6 Σ m r c − 6 Σ m² (r + c) + 4 Σ m³.

    Children of a node are nodes, or all of them are leaves. No two leaves share a leaf as child: then only
    the terms of the other tree are left.
    """
    square, cube = n * n, n * n * n
    r, c = n[:, second.nodes.parent], n[first.nodes.parent]
    mixed = 6 * n * r * c - 6 * square * (r + c) + 4 * cube
    result = 3 * n * over_rows(over_columns(square)) + over_rows(over_columns(mixed))
    for over in (over_rows, over_columns):
        result += 2 * over(cube) - 3 * n * over(square)
    result += cube
    both = _have_leaves(first)[:, None] & _have_leaves(second)[None, :]
    result[both] = (n * (n - 1) * (n - 2))[both]
    return int(result.sum())


def _sum_over_children(tree: "Tree") -> "csr_array":
    """The matrix that sums rows over the nodes below each node."""
    from scipy.sparse import csr_array

    count = len(tree.nodes)
    ones = np.ones(count - 1, dtype=np.int64)
    return csr_array((ones, (tree.nodes.parent[:-1], np.arange(count - 1))), shape=(count, count))


def _have_leaves(tree: "Tree") -> np.ndarray:
    return np.isin(np.arange(len(tree.nodes)), tree.leaves.node)
