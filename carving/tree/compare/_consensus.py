"""The majority-rule consensus of trees: the clades that most of them have, which form a tree."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.tree.compare._clades import SMALLEST, Clades, at_least_two, clades, common_leaves
from carving.tree.topology import Topology, post_order

if TYPE_CHECKING:
    from carving.tree.tree import Tree


@dataclass(frozen=True, eq=False, repr=False)
class Consensus:
    """The clades that most of several trees have, and how they hold each other.

    This is no :class:`carving.tree.Tree`, on purpose: a node of a ``Tree`` is a fixed point of one machine,
    with its magnetisations and its free energy, and every leaf hangs on one of the oldest age. A clade on
    which machines agree has a fixed point in each of them; hidden units and free energies of different
    machines cannot be averaged. Where a ``Tree`` is wanted, for figures and reports, there is
    :func:`support`, which marks the nodes of one of the trees.

    Clades are in order of their size, so that each comes before the one that holds it; the last is the
    root, which holds all leaves.

    Attributes
    ----------
    leaves : numpy.ndarray of str, shape (leaves,)
        Names of the leaves that all trees have, in the order of the first tree.
    leaf_clade : numpy.ndarray of int64, shape (leaves,)
        The smallest clade that holds each leaf.
    parent : numpy.ndarray of int64, shape (clades,)
        The smallest clade that holds each clade; -1 for the root.
    size : numpy.ndarray of int64, shape (clades,)
        Leaves in each clade, at least two.
    support : numpy.ndarray of float64, shape (clades,)
        Share of the trees that have it.
    age : numpy.ndarray of float64, shape (clades,)
        Median, over the trees that have it, of the oldest age at which it is one group.
    oldest_age : float
        Median of the oldest ages of the trees.
    trees : int
        How many trees there were.
    left_out : tuple of int
        For each tree, how many of its leaves are not in all others.
    threshold : float
        Support that a clade needs, beside being in more than half of the trees.
    """

    leaves: np.ndarray
    leaf_clade: np.ndarray
    parent: np.ndarray
    size: np.ndarray
    support: np.ndarray
    age: np.ndarray
    oldest_age: float
    trees: int
    left_out: tuple[int, ...]
    threshold: float

    def __len__(self) -> int:
        return len(self.parent)

    def __repr__(self) -> str:
        strong = int((self.support >= 0.9).sum())
        return (
            f"Consensus({self.trees} trees; {len(self.leaves)} leaves; {len(self)} clades, "
            f"{strong} with support of 0.9 or more)"
        )

    def members(self, clade: int) -> np.ndarray:
        """Indices of the leaves of a clade."""
        if not 0 <= clade < len(self):
            raise InvalidInput(f"clade {clade}: this consensus has the clades 0 to {len(self) - 1}")
        held = [False] * len(self)
        held[clade] = True
        # clades come before those that hold them, so from the largest down each has its answer above it
        for index in range(clade - 1, -1, -1):
            held[index] = held[self.parent[index]]
        return np.flatnonzero(np.array(held)[self.leaf_clade])

    def topology(self) -> Topology:
        """The consensus as exports want it: clades, then leaves, with branches as long as log ages say.

        A branch is the difference of log(1 + age) between a clade and the one that holds it, as
        ``log-age`` is for trees, and the leaves end at ``oldest_age``. Medians of different trees may
        contradict each other: a clade counts as no older than those in it.
        """
        clades = len(self)
        height = np.minimum(self.age, self.oldest_age)
        for child, above in enumerate(self.parent[:-1].tolist()):
            height[above] = min(height[above], height[child])
        height = np.concatenate([np.log1p(height), np.full(len(self.leaves), np.log1p(self.oldest_age))])
        parent = np.concatenate([self.parent, self.leaf_clade])
        length = height - height[parent]
        length[clades - 1] = 0.0
        order, depth = post_order(parent, self._first_leaves(), clades - 1)
        return Topology(parent=parent, length=length, order=order, depth=depth, nodes=clades)

    def _first_leaves(self) -> np.ndarray:
        """The first leaf of every clade, then every leaf."""
        first = np.full(len(self), len(self.leaves))
        held, at = np.unique(self.leaf_clade, return_index=True)
        first[held] = at
        result = first.tolist()
        for child, above in enumerate(self.parent[:-1].tolist()):
            result[above] = min(result[above], result[child])
        return np.concatenate([result, np.arange(len(self.leaves))])


def consensus(trees: Iterable["Tree"], *, threshold: float = 0.5) -> Consensus:
    """The majority-rule consensus of rooted trees (Margush and McMorris 1981), in linear time.

    A clade is kept if more than half of the trees have it and at least the share ``threshold`` does: 0.5
    is the majority rule, 1 the strict consensus. Any two clades of a majority are together in some tree, so
    one holds the other or they are apart; and the smallest kept clade above each is found by looking
    in every tree (Amenta, Clarke and St. John 2003). The trees may have different leaves: the consensus is
    over those that all have.

    Parameters
    ----------
    trees
        At least two.
    threshold
        Between 0.5 and 1. Clades of less support can contradict each other.

    Raises
    ------
    InvalidInput
        If there are fewer than two trees, fewer than two leaves that all have, or a threshold outside.
    """
    given = at_least_two(trees)
    if not 0.5 <= threshold <= 1:
        raise InvalidInput(
            f"threshold {threshold:g}: clades in half of the trees or fewer can contradict each other; "
            "give one from 0.5 to 1"
        )
    names = common_leaves(given)
    shared = set(names)
    found = [clades(tree, None if len(tree.leaves) == len(shared) else shared) for tree in given]
    ages, sizes = _ages(given, found)
    kept = [key for key, seen in ages.items() if _is_kept(len(seen), len(given), threshold)]
    kept.sort(key=sizes.__getitem__)
    parent, leaf_clade = _nesting(given, found, names, kept)
    return Consensus(
        leaves=_text(names),
        leaf_clade=leaf_clade,
        parent=parent,
        size=np.array([sizes[key] for key in kept], dtype=np.int64),
        support=np.array([len(ages[key]) for key in kept]) / len(given),
        age=np.array([np.median(ages[key]) for key in kept]),
        oldest_age=float(np.median([tree.ages.updates[0] for tree in given])),
        trees=len(given),
        left_out=tuple(len(tree.leaves) - len(names) for tree in given),
        threshold=threshold,
    )


def _is_kept(count: int, trees: int, threshold: float) -> bool:
    # counts are whole: what rounding does to the product must not matter
    return 2 * count > trees and count >= threshold * trees - 1e-9


def _ages(trees: Sequence["Tree"], found: Sequence[Clades]) -> tuple[dict[int, list[int]], dict[int, int]]:
    """For every clade the age that it has in each tree that has it, and its size."""
    ages: dict[int, list[int]] = defaultdict(list)
    sizes: dict[int, int] = {}
    for tree, clades_of in zip(trees, found, strict=True):
        own: dict[int, int] = {}
        for key, size, age in zip(
            clades_of.key, clades_of.size.tolist(), tree.nodes.age.tolist(), strict=True
        ):
            if size >= SMALLEST:
                # nodes that differ only in leaves that are left out are one clade, of the oldest's age
                own.setdefault(key, age)
                sizes[key] = size
        for key, age in own.items():
            ages[key].append(age)
    return ages, sizes


def _nesting(
    trees: Sequence["Tree"], found: Sequence[Clades], names: Sequence[str], kept: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest kept clade that holds each kept clade, and each leaf.

    In a tree that has a clade, the nearest kept one above it holds it, so is at least as large as the one
    that is sought; and that one is the nearest in some tree, since two majorities have a tree in common.
    ``kept`` is in order of size, so the smallest is the least index.
    """
    index = {key: number for number, key in enumerate(kept)}
    root = len(kept) - 1
    parent = [root] * len(kept)
    leaf_clade = np.full(len(names), root, dtype=np.int64)
    position = {name: number for number, name in enumerate(names)}
    for tree, clades_of in zip(trees, found, strict=True):
        nearest = [root] * len(tree.nodes)
        above = tree.nodes.parent.tolist()
        for node in range(len(nearest) - 2, -1, -1):
            holder = nearest[above[node]]
            own = index.get(clades_of.key[node])
            if own is None or own == holder:
                nearest[node] = holder
            else:
                nearest[node] = own
                parent[own] = min(parent[own], holder)
        at = np.array([position.get(name, -1) for name in tree.leaves.name])
        mine = at >= 0
        holders = np.array(nearest)[tree.leaves.node[mine]]
        leaf_clade[at[mine]] = np.minimum(leaf_clade[at[mine]], holders)
    parent[root] = -1
    return np.array(parent, dtype=np.int64), leaf_clade


def _text(names: Sequence[str]) -> np.ndarray:
    column = np.empty(len(names), dtype=object)
    column[:] = names
    column.flags.writeable = False
    return column
