"""Clades: the leaves below each node, as numbers that are equal when the sets of leaves are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving.tree.tree import Tree

# a clade of fewer leaves is in every tree
SMALLEST = 2


@dataclass(frozen=True, eq=False, repr=False)
class Clades:
    """The set of leaves of every node of a tree, as one number each.

    Attributes
    ----------
    key : tuple of int, one a node
        Exclusive or of a hash of 128 bits of each leaf's name. Equal sets have equal keys in any tree. Two
        different sets have the same one with probability 2⁻¹²⁸: among a thousand trees of a million
        nodes each the chance that any two do is below 10⁻²⁰.
    size : numpy.ndarray of int64, shape (nodes,)
        How many leaves there are in each set.
    """

    key: tuple[int, ...]
    size: np.ndarray

    def __repr__(self) -> str:
        return f"Clades({len(self.key)} nodes, {len(set(self.key))} different sets)"

    def sets(self) -> set[int]:
        """Keys of the sets of at least two leaves."""
        return {key for key, size in zip(self.key, self.size.tolist(), strict=True) if size >= SMALLEST}


def clades(tree: "Tree", leaves: Collection[str] | None = None) -> Clades:
    """The set of leaves of every node of a tree, in time linear in leaves and nodes, at any depth.

    Parameters
    ----------
    tree
        Any tree.
    leaves
        Names to restrict the sets to; all leaves unless given.
    """
    keys, sizes = [0] * len(tree.nodes), [0] * len(tree.nodes)
    for name, node in zip(tree.leaves.name, tree.leaves.node.tolist(), strict=True):
        if leaves is None or name in leaves:
            keys[node] ^= int.from_bytes(blake2b(name.encode(), digest_size=16).digest())
            sizes[node] += 1
    for child, parent in enumerate(tree.nodes.parent[:-1].tolist()):
        keys[parent] ^= keys[child]
        sizes[parent] += sizes[child]
    return Clades(key=tuple(keys), size=np.array(sizes, dtype=np.int64))


def common_leaves(trees: Iterable["Tree"]) -> list[str]:
    """Names of the leaves that all trees have, in the order of the first tree.

    Raises
    ------
    InvalidInput
        If fewer than two leaves are common to all: nothing can be compared.
    """
    given = list(trees)
    shared = set(given[0].leaves.name)
    for number, tree in enumerate(given[1:], start=2):
        theirs = shared.intersection(tree.leaves.name)
        if len(theirs) < SMALLEST:
            raise InvalidInput(
                f"tree {number}: has {len(theirs)} of the leaves of those before it (it has "
                f"{tree.leaves.name[0]!r:.80}, they {min(shared)!r:.80}); give trees of the same samples"
            )
        shared = theirs
    if len(shared) < SMALLEST:
        raise InvalidInput("tree 1: has one leaf, with which nothing can be compared; give larger trees")
    return [name for name in given[0].leaves.name if name in shared]


def at_least_two(trees: Iterable["Tree"]) -> Sequence["Tree"]:
    """The trees as a sequence that can be compared."""
    given = list(trees)
    if len(given) < 2:
        raise InvalidInput(f"trees: {len(given)} given; give at least two to compare")
    return given


def positions(tree: "Tree", names: Sequence[str]) -> np.ndarray:
    """The index in a tree of each of the named leaves."""
    return np.fromiter((tree._leaf_index(name) for name in names), dtype=np.int64, count=len(names))
