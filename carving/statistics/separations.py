"""When any two labels part."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.statistics._known import known_labels
from carving.statistics.composition import compose

if TYPE_CHECKING:
    from carving.tree import Tree

# with room for rounding
_HALF = 0.5 - 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class Separations:
    """The age at which each pair of labels parts, those that part last first.

    Attributes
    ----------
    column
        The label column.
    first, second : numpy.ndarray of str, shape (pairs,)
        Two labels, in the order of the alphabet.
    age : numpy.ndarray of float64, shape (pairs,)
        The youngest age at which they are apart and from which on, going to older ages, they stay so; NaN
        where they are together at the oldest age.
    together : numpy.ndarray of float64, shape (pairs,)
        How much they are together at the oldest age, from 0 to 1.
    """

    column: str
    first: np.ndarray
    second: np.ndarray
    age: np.ndarray
    together: np.ndarray

    def __len__(self) -> int:
        return len(self.age)

    def __repr__(self) -> str:
        return f"Separations({self.column}: {len(self)} pairs, {int(np.isnan(self.age).sum())} never part)"


def separations(tree: "Tree", column: str) -> Separations:
    """The age at which every two labels part.

    Of all pairs of a sample of one label and a sample of another, let P_AB be the share that is in one group
    at some age. Two labels are P_AB / √(P_AA P_BB) together: the cosine between how they are spread over
    groups, 1 where they are spread alike and 0 where they share no group. They are apart where it is below ½.

    P_AB alone would not do: it falls also where a label falls apart by itself.

    Parameters
    ----------
    tree
        Any tree; a leaf that stands for several samples counts as that many of its label.
    column
        A label column.

    Raises
    ------
    InvalidInput
        If the tree has no such column, or it has more than 1,000 different labels.
    """
    known = known_labels(tree, column)
    # float64 counts pairs exactly up to 2⁵³, in the speed of matrix products
    counts = compose(tree, column, known).counts.astype(np.float64)
    updates, children = tree.ages.updates, tree.children
    nodes = len(tree.nodes) - tree.has_added_root
    bounds = np.searchsorted(-tree.nodes.age[:nodes], -updates, side="right").tolist()
    begin, before = bounds[0], np.nan
    pairs = counts[:begin].T @ counts[:begin]
    oldest = _together(pairs)
    parted = np.full(pairs.shape, float(updates[-1]))
    apart_so_far = np.ones(pairs.shape, dtype=bool)
    for age, end in zip(updates.tolist(), bounds, strict=True):
        if end > begin:
            gone = children.node[children.offsets[begin] : children.offsets[end]]
            pairs += counts[begin:end].T @ counts[begin:end] - counts[gone].T @ counts[gone]
            begin = end
        meet = apart_so_far & (_together(pairs) >= _HALF)
        parted[meet] = before
        apart_so_far &= ~meet
        before = age
        if not apart_so_far.any():
            break
    one, other = np.triu_indices(len(known.labels), 1)
    age, together = parted[one, other], oldest[one, other]
    order = np.lexsort((other, one, -together, -np.where(np.isnan(age), np.inf, age)))
    labels = np.array(known.labels, dtype=object)
    return Separations(column, labels[one[order]], labels[other[order]], age[order], together[order])


def _together(pairs: np.ndarray) -> np.ndarray:
    """The cosine of every two labels from how many pairs of their samples are in one group."""
    own = np.sqrt(np.diag(pairs))
    return pairs / np.outer(own, own)
