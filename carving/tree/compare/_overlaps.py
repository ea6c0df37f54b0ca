"""What distances that look at every pair of nodes of two trees share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.tree.compare._clades import positions

if TYPE_CHECKING:
    from carving.tree.tree import Tree


@dataclass(frozen=True)
class Distance:
    """How much of two trees differs.

    Attributes
    ----------
    count : int
        How many parts differ.
    of : int
        Of how many.
    leaves : int
        How many leaves both trees have.
    """

    count: int
    of: int
    leaves: int

    @property
    def normalised(self) -> float:
        """From 0, nothing differs, to 1; 0 where there is nothing that could differ."""
        return self.count / self.of if self.of else 0.0


def together(first: "Tree", second: "Tree", names: list[str]) -> np.ndarray:
    """How many leaves each node of the first tree and each of the second one hold together."""
    counts = np.zeros((len(first.nodes), len(second.nodes)), dtype=np.int64)
    at = tuple(tree.leaves.node[positions(tree, names)] for tree in (first, second))
    np.add.at(counts, at, 1)
    for child, parent in enumerate(first.nodes.parent[:-1].tolist()):
        counts[parent] += counts[child]
    turned = np.ascontiguousarray(counts.T)
    for child, parent in enumerate(second.nodes.parent[:-1].tolist()):
        turned[parent] += turned[child]
    return np.ascontiguousarray(turned.T)
