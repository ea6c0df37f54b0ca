"""How well other trees support each node of a tree: how many have it, or how nearly they do."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.tree.compare._clades import SMALLEST, clades, common_leaves
from carving.tree.compare._overlaps import together

if TYPE_CHECKING:
    from carving.tree.tree import Tree

# pairs of nodes, for each of which some four numbers of 8 bytes are held at once
MOST_PAIRS = 32_000_000


def support(tree: "Tree", others: Iterable["Tree"]) -> "Tree":
    """The same tree with the share of other trees that have each of its nodes (Felsenstein 1985).

    Where another tree has not all leaves of this one, or others besides, the two are compared on those
    that both have. A node of which the other tree has fewer than two leaves is not counted there.

    Parameters
    ----------
    tree
        The tree to mark.
    others
        The trees to look in; this one should not be among them.

    Returns
    -------
    Tree
        With ``nodes.support`` between 0 and 1; NaN for nodes of one leaf, and for those about which no
        other tree can say anything.

    Raises
    ------
    InvalidInput
        If there are no others, or one has fewer than two leaves in common with the tree.
    """
    whole, names = clades(tree), set(tree.leaves.name)

    def judge(other: "Tree") -> tuple[np.ndarray, np.ndarray]:
        if names == set(other.leaves.name):
            mine, theirs = whole, clades(other).sets()
        else:
            shared = set(common_leaves([tree, other]))
            mine, theirs = clades(tree, shared), clades(other, shared).sets()
        return mine.size, np.fromiter((key in theirs for key in mine.key), dtype=float, count=len(mine.key))

    return _marked(tree, others, judge)


def transfer_support(tree: "Tree", others: Iterable["Tree"]) -> "Tree":
    """The same tree with how nearly other trees have each of its nodes (Lemoine et al. 2018, for clades).

    In another tree the clade is sought that becomes the node's when the fewest leaves are moved into it or
    out of it. If d must be moved, of a node of p leaves, the other tree supports it by 1 - d / (p - 1): 1
    where it has the node, 0 where nothing is nearer to it than a single leaf. The support is the mean over
    the other trees. For nodes of thousands of leaves, of which a few go elsewhere in every run, this says
    more than :func:`support`, which is then 0. It takes time and memory in proportion to the product of the
    numbers of nodes.

    Parameters
    ----------
    tree, others
        As for :func:`support`, also where leaves differ.

    Returns
    -------
    Tree
        With ``nodes.support``, NaN as in :func:`support`.

    Raises
    ------
    InvalidInput
        As in :func:`support`, and if there are more than 32,000,000 pairs of nodes.
    """

    def judge(other: "Tree") -> tuple[np.ndarray, np.ndarray]:
        if len(tree.nodes) * len(other.nodes) > MOST_PAIRS:
            raise InvalidInput(
                f"trees: {len(tree.nodes):,} and {len(other.nodes):,} nodes: transfer support takes up to "
                f"{MOST_PAIRS:,} pairs of them; count exact clades with support, or take younger ages with "
                "tree.collapse"
            )
        shared = together(tree, other, common_leaves([tree, other]))
        size = shared[:, -1]
        moved = (size[:, None] + shared[-1] - 2 * shared).min(axis=1)
        return size, np.maximum(0, 1 - moved / np.maximum(1, size - 1))

    return _marked(tree, others, judge)


def _marked(
    tree: "Tree", others: Iterable["Tree"], judge: "Callable[[Tree], tuple[np.ndarray, np.ndarray]]"
) -> "Tree":
    """The tree with the mean of what the others say about each node of which they have two leaves."""
    total, asked = np.zeros(len(tree.nodes)), np.zeros(len(tree.nodes))
    for other in others:
        size, verdict = judge(other)
        says = size >= SMALLEST
        total += says * verdict
        asked += says
    if not asked[-1]:
        raise InvalidInput("others: no tree is given that could support this one; give at least one")
    return tree.with_support(np.divide(total, asked, out=np.full(len(asked), np.nan), where=asked > 0))
