"""Trees compared at one level each: which samples are in one group."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.tree.compare._clades import at_least_two, common_leaves, positions

if TYPE_CHECKING:
    from carving.tree.tree import Tree

# a matrix of 1 GiB
MOST_LEAVES = 16_384
_ROWS_AT_ONCE = 256


def coclustering(
    trees: Iterable["Tree"], *, age: int | None = None, groups: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """In which share of the trees two samples are in one group.

    Parameters
    ----------
    trees
        At least two. The samples are those that all of them have.
    age
        The level, in gradient updates, as ``tree.partition`` takes it.
    groups
        Or the level of each tree that has the nearest number of groups; of two the older one.

    Returns
    -------
    names : numpy.ndarray of str, shape (n,)
        The samples, in the order of the first tree.
    share : numpy.ndarray of float32, shape (n, n)
        Symmetric, 1 on the diagonal.

    Raises
    ------
    InvalidInput
        Unless exactly one of age and groups is given; if the trees have more than 16,384 samples in common:
        a matrix of more than 1 GiB.
    """
    given = at_least_two(trees)
    names = common_leaves(given)
    if len(names) > MOST_LEAVES:
        raise InvalidInput(
            f"trees: a matrix of {len(names):,} × {len(names):,} samples is too large; choose up to "
            f"{MOST_LEAVES:,} of them with tree.prune"
        )
    levels = [_level(tree, names, age, groups) for tree in given]
    share = np.empty((len(names), len(names)), dtype=np.float32)
    for start in range(0, len(names), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        counts = sum((level[rows, None] == level[None]).astype(np.int32) for level in levels)
        share[rows] = counts / np.float32(len(given))
    column = np.empty(len(names), dtype=object)
    column[:] = names
    return column, share


def adjusted_rand_index(
    first: "Tree", second: "Tree", *, age: int | None = None, groups: int | None = None
) -> float:
    """Agreement of the groups of two trees at a level (Hubert and Arabie 1985).

    1 if the groups are the same, 0 on average if they are independent of each other.

    Parameters
    ----------
    first, second
        Trees; the samples are those that both have.
    age, groups
        As for :func:`coclustering`.

    Raises
    ------
    InvalidInput
        As for :func:`coclustering`, but for the number of samples.
    """
    from sklearn.metrics import adjusted_rand_score

    names = common_leaves([first, second])
    levels = [_level(tree, names, age, groups) for tree in (first, second)]
    return float(adjusted_rand_score(*levels))


def _level(tree: "Tree", names: Sequence[str], age: int | None, groups: int | None) -> np.ndarray:
    """The node of each of the named leaves at the chosen level."""
    if (age is None) == (groups is None):
        raise InvalidInput("level: neither or both of age and groups are given; give one of them")
    if age is None:
        if groups is not None and groups < 1:
            raise InvalidInput(f"groups: {groups} is no number of groups; give one of at least 1")
        # ages are sorted from old to young
        age = int(tree.ages.updates[np.argmin(np.abs(tree.ages.groups - groups))])
    return tree.partition(age)[positions(tree, names)]
