"""How far trees are from each other: clades that only one of two has, and all pairs of many trees."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from carving._progress import Progress, ProgressCallback
from carving.tree.compare._clades import at_least_two, clades, common_leaves
from carving.tree.compare._overlaps import Distance
from carving.tree.compare._quartets import quartet_distance
from carving.tree.compare._triplets import fits, triplet_distance

if TYPE_CHECKING:
    from carving.tree.tree import Tree


@dataclass(frozen=True, eq=False, repr=False)
class Distances:
    """Every pair of several trees, one a row: (0, 1), (0, 2), …, (1, 2), ….

    Attributes
    ----------
    first, second : numpy.ndarray of int64, shape (pairs,)
        Which trees, counted from 0.
    leaves : numpy.ndarray of int64, shape (pairs,)
        How many leaves both have.
    robinson_foulds : numpy.ndarray of int64, shape (pairs,)
    robinson_foulds_normalised : numpy.ndarray of float64, shape (pairs,)
    triplets : numpy.ndarray of float64, shape (pairs,)
        Normalised triplet distance; NaN where it was not asked for or the trees are too large.
    quartets : numpy.ndarray of float64, shape (pairs,)
        Normalised quartet distance; NaN where it was not asked for.
    """

    first: np.ndarray
    second: np.ndarray
    leaves: np.ndarray
    robinson_foulds: np.ndarray
    robinson_foulds_normalised: np.ndarray
    triplets: np.ndarray
    quartets: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def __repr__(self) -> str:
        return (
            f"Distances({len(self)} pairs; normalised Robinson-Foulds distance "
            f"{self.robinson_foulds_normalised.mean():.3f} on average)"
        )


def robinson_foulds(first: "Tree", second: "Tree") -> Distance:
    """The distance of Robinson and Foulds (1981) between rooted trees, in linear time.

    How many clades are in one of the trees and not in the other, of all that are in either of them, each
    counted as often as it is there; clades of one leaf and the one of all leaves are not counted. Trees with
    different leaves are compared on those that both have.

    Returns
    -------
    Distance
        ``of`` counts the clades of both trees together.

    Raises
    ------
    InvalidInput
        If the trees have fewer than two leaves in common.
    """
    return _clades_apart(*_sets(first, second, {}))


def distances(
    trees: Iterable["Tree"],
    *,
    triplets: bool = True,
    quartets: bool = False,
    progress: ProgressCallback | None = None,
) -> Distances:
    """The distances of every pair of trees.

    Parameters
    ----------
    trees
        At least two; each pair is compared on the leaves that both have.
    triplets
        Whether to take triplet distances, too, where the trees are small enough.
    quartets
        Whether to take quartet distances, too, which takes longer.
    progress
        Called after each pair.

    Raises
    ------
    InvalidInput
        If there are fewer than two trees, two of them have fewer than two leaves in common, or they are
        too large for quartets.
    """
    given = at_least_two(trees)
    pairs = list(combinations(range(len(given)), 2))
    known: dict[int, set[int]] = {}
    rows = []
    for done, (i, j) in enumerate(pairs, start=1):
        first, second = given[i], given[j]
        mine, theirs, leaves = _sets(first, second, known)
        apart = _clades_apart(mine, theirs, leaves)
        shares = [np.nan, np.nan]
        if triplets and fits(first, second):
            shares[0] = triplet_distance(first, second).normalised
        if quartets:
            shares[1] = quartet_distance(first, second).normalised
        rows.append((i, j, leaves, apart.count, apart.normalised, *shares))
        if progress is not None:
            progress(Progress("pairs of trees", done, len(pairs)))
    columns = list(zip(*rows, strict=True))
    whole, real = [np.array(column, dtype=np.int64) for column in columns[:4]], columns[4:]
    return Distances(*whole, *(np.array(column, dtype=np.float64) for column in real))


def _sets(first: "Tree", second: "Tree", known: dict[int, set[int]]) -> tuple[set[int], set[int], int]:
    """The clades of each of two trees, and how many leaves both have; whole trees are looked at once."""
    shared: Collection[str] = common_leaves([first, second])
    if len(shared) == len(first.leaves) == len(second.leaves):
        for tree in (first, second):
            if id(tree) not in known:
                known[id(tree)] = clades(tree).sets()
        return known[id(first)], known[id(second)], len(shared)
    shared = set(shared)
    return clades(first, shared).sets(), clades(second, shared).sets(), len(shared)


def _clades_apart(first: set[int], second: set[int], leaves: int) -> Distance:
    # the clade of all leaves is in both sets
    return Distance(count=len(first ^ second), of=len(first) + len(second) - 2, leaves=leaves)
