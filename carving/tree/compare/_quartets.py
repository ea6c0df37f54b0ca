"""The quartet distance: for how many sets of four leaves two trees, without their roots, differ."""

from collections.abc import Iterator
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.tree.compare._clades import common_leaves
from carving.tree.compare._overlaps import Distance, together

if TYPE_CHECKING:
    from carving.tree.tree import Tree

# pairs of nodes, for each of which some fifty numbers of 8 bytes are held at once
MOST_PAIRS = 4_000_000
# whose quartets can still be counted in 63 bits
MOST_LEAVES = 80_000
# children, from which on products of whole blocks are faster
_MANY = 32


def fits(first: "Tree", second: "Tree") -> bool:
    """Whether a quartet distance of the two can be had."""
    small = len(first.nodes) * len(second.nodes) <= MOST_PAIRS
    return small and max(len(first.leaves), len(second.leaves)) <= MOST_LEAVES


def quartet_distance(first: "Tree", second: "Tree") -> Distance:
    """For how many sets of four leaves two trees differ (Estabrook, McMorris and Meacham 1985), exactly.

    Four leaves are resolved by a tree if some branch has two of them on either side, ab|cd; else they are
    not. Where the root is does not matter. Quartets about which the trees do not say the same are counted.

    Takes time and memory in proportion to the product of the numbers of nodes, and more time where nodes
    have many children that are nodes, whatever the number of leaves. Trees with different leaves are
    compared on those that both have.

    Returns
    -------
    Distance
        ``of`` counts all quartets.

    Raises
    ------
    InvalidInput
        If the trees have fewer than two leaves in common, more than 4,000,000 pairs of nodes, or more than
        80,000 leaves.
    """
    if not fits(first, second):
        raise InvalidInput(
            f"trees: {len(first.nodes):,} and {len(second.nodes):,} nodes, {len(first.leaves):,} leaves: "
            f"quartets take up to {MOST_PAIRS:,} pairs of nodes and {MOST_LEAVES:,} leaves; "
            "compare clades with robinson_foulds, or younger ages with tree.collapse"
        )
    names = common_leaves([first, second])
    quartets = comb(len(names), 4)
    if quartets == 0:
        return Distance(count=0, of=0, leaves=len(names))
    n = together(first, second, names)
    rows, columns = _Sides(first, n[:, -1]), _Sides(second, n[-1])
    shared = _overlaps(n)
    alike, different = _alike(shared, rows, columns), _different(shared, rows, columns)
    return Distance(
        count=rows.resolved() + columns.resolved() - 2 * alike - different, of=quartets, leaves=len(names)
    )


class _Sides:
    """The branches between nodes of a tree, each twice: the leaves beyond it, as seen from either end.

    Of K nodes the first K - 1 sides are what is below each node but the root, seen from its parent; the
    others are what is not below it, seen from the node itself. Leaves are seen from their node as well, but
    one leaf is never two of anything, so that they only count in the sizes of sides.
    """

    def __init__(self, tree: "Tree", size: np.ndarray) -> None:
        from scipy.sparse import csr_array

        branches = len(tree.nodes) - 1
        self.seen_from = np.concatenate([tree.nodes.parent[:-1], np.arange(branches)])
        self.leaves = int(size[-1])
        self.size = np.concatenate([size[:-1], self.leaves - size[:-1]])
        ones = np.ones(2 * branches, dtype=np.int64)
        places = (self.seen_from, np.arange(2 * branches))
        self._grouped = csr_array((ones, places), shape=(branches + 1, 2 * branches))

    def others(self, values: np.ndarray) -> np.ndarray:
        """For each side, in rows, the sum over all other ones that are seen from the same node."""
        return self._grouped.T @ (self._grouped @ values) - values

    def resolved(self) -> int:
        """How many quartets the tree resolves: two leaves in one side, the others in two further ones.

        Each is seen from both ends of the branches between, and so counted twice.
        """
        inside, outside = _pairs(self.size), _pairs(self.leaves - self.size)
        return int((inside * (outside - self.others(inside))).sum()) // 2


def _pairs(number: np.ndarray) -> np.ndarray:
    return number * (number - 1) // 2


def _overlaps(n: np.ndarray) -> np.ndarray:
    """How many leaves sides of the first tree and of the second share, from those that nodes do."""
    below, first, second = n[:-1, :-1], n[:-1, -1:], n[-1:, :-1]
    return np.block([[below, first - below], [second - below, n[-1, -1] - first - second + below]])


def _alike(n: np.ndarray, rows: _Sides, columns: _Sides) -> int:
    """Quartets ab|cd of both trees: a and b in a side of either, c and d apart outside both.

    The pairs outside both sides are those less the ones that are together in another side which is seen
    from the same node, in either tree: inclusion and exclusion. Each quartet is counted from both ends.
    """
    first, second = rows.size[:, None], columns.size[None, :]
    apart = _pairs(rows.leaves - first - second + n) + rows.others(columns.others(_pairs(n).T).T)
    apart -= rows.others(_pairs(first - n))
    apart -= columns.others(_pairs(second - n).T).T
    return int((_pairs(n) * apart).sum()) // 2


def _different(n: np.ndarray, rows: _Sides, columns: _Sides) -> int:
    """Quartets ab|cd of the first tree that are ac|bd in the second one.

    With a in the sides F and G of the first and the second tree that hold a and b, and a and c: d is outside
    both, in S and T; b is in F, but neither in G nor in T; c in G, but neither in F nor in S. The sum of
    n(F, G) n(S, T) (|F| - n(F, G) - n(F, T)) (|G| - n(F, G) - n(S, G)) over all sides counts each quartet
    once for each of its leaves that may be called a. Numbers may wrap on the way: what is left at the end is
    below 2⁶³.
    """
    first, second = rows.size[:, None], columns.size[None, :]
    only_first, only_second = first - n, second - n
    outside = rows.leaves - first - only_second
    for_b = columns.others((n * (second - n)).T).T
    for_c = rows.others(n * (first - n))
    total = n * (only_first * only_second * outside - only_second * for_b - only_first * for_c)
    square = n * n
    repeated = columns.others(square.T).T + rows.others(square) + square
    wrapped = int((total - square * repeated).sum()) + _closed_ways(n, rows, columns)
    return wrapped % 2**64 // 4


def _closed_ways(n: np.ndarray, rows: _Sides, columns: _Sides) -> int:
    """The sum of n(F, G) n(F, T) n(S, T) n(S, G) over sides F, S of one node and G, T of another, mod 2⁶⁴.

    Of the block m of each pair of nodes it is the sum of squares of the entries of m mᵀ, or of mᵀ m.
    """
    order = np.argsort(columns.seen_from, kind="stable")
    starts = np.flatnonzero(np.diff(columns.seen_from[order], prepend=-1))
    total = 0
    for sides in _together_seen(rows):
        block = n[np.ix_(sides, order)]
        if len(sides) <= _MANY:
            for index in range(len(sides)):
                sums = np.add.reduceat(block[index] * block[index:], starts, axis=1)
                # each pair of rows but that of a row with itself is there twice
                total += 2 * int((sums * sums).sum()) - int((sums[0] * sums[0]).sum())
        else:
            for part in np.split(block.astype(np.float64), starts[1:], axis=1):
                # below 2⁵³, so that the product is exact
                product = (part @ part.T if len(part) < part.shape[1] else part.T @ part).astype(np.int64)
                total += int((product * product).sum())
    return total


def _together_seen(rows: _Sides) -> Iterator[np.ndarray]:
    """For each node the sides that are seen from it."""
    order = np.argsort(rows.seen_from, kind="stable")
    starts = np.flatnonzero(np.diff(rows.seen_from[order], prepend=-1))
    yield from np.split(order, starts[1:])
