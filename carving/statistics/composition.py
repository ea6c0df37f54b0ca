"""Which labels each node holds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.statistics._known import Known, known_labels
from carving.statistics._nesting import nesting

if TYPE_CHECKING:
    from carving.tree import Tree


@dataclass(frozen=True, eq=False, repr=False)
class Composition:
    """The labels of the samples that each node of a tree holds.

    Attributes
    ----------
    column
        The label column.
    labels
        Its known labels, in the order of the alphabet.
    counts : numpy.ndarray of int64, shape (nodes, labels)
        How many samples of each label.
    unknown : numpy.ndarray of int64, shape (nodes,)
        How many samples whose label is not known.
    """

    column: str
    labels: list[str]
    counts: np.ndarray
    unknown: np.ndarray

    @property
    def purity(self) -> np.ndarray:
        """The share of the most frequent label among the known ones, (nodes,); NaN where none is known."""
        known = self.counts.sum(1)
        most = self.counts.max(1, initial=0)
        return np.divide(most, known, out=np.full(len(known), np.nan), where=known > 0)

    def majority(self, node: int) -> tuple[str, float]:
        """The most frequent label of a node and its share of the known ones; "" and NaN where none is known.

        Of labels that are equally frequent it is the first of the alphabet.
        """
        counts = self.counts[node]
        known = int(counts.sum())
        if not known:
            return "", float("nan")
        best = int(counts.argmax())
        return self.labels[best], int(counts[best]) / known

    def __repr__(self) -> str:
        return f"Composition({self.column}: {len(self.counts)} nodes, {len(self.labels)} labels)"


def composition(tree: "Tree", column: str) -> Composition:
    """How many samples of each label every node holds.

    A leaf that stands for several samples, as in a condensed tree, counts as that many of its label.

    Parameters
    ----------
    tree
        Any tree.
    column
        A label column.

    Raises
    ------
    InvalidInput
        If the tree has no such column, or it has more than 1,000 different labels.
    """
    return compose(tree, column, known_labels(tree, column))


def compose(tree: "Tree", column: str, known: Known) -> Composition:
    """The same of labels that are numbers already."""
    nested = nesting(tree)
    counts = nested.totals(nested.tabulate(known, tree.leaves.size))
    return Composition(column, known.labels, counts, tree.nodes.size - counts.sum(1))
