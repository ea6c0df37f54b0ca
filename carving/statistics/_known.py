"""A label column as numbers: which labels there are, and which leaf has which."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving.tree import Tree

MOST_LABELS = 1000
"""More different labels than that are names of samples, and tables of them would fill the memory."""


@dataclass(frozen=True, eq=False)
class Known:
    """The known labels of a column.

    Attributes
    ----------
    labels
        In the order of the alphabet.
    code : numpy.ndarray of int64, shape (leaves,)
        The label of each leaf, −1 where it is unknown.
    """

    labels: list[str]
    code: np.ndarray


def check_column(tree: "Tree", column: str) -> None:
    """Raise ``InvalidInput`` unless the tree has such a column."""
    if not tree.labels:
        raise InvalidInput(
            "labels: this tree has none; give them when it is built, with `carve build-tree --labels CSV` "
            "or build_tree(..., labels=...)"
        )
    if column not in tree.labels:
        raise InvalidInput(
            f"labels: {column!r} is no label column of this tree; choose from {', '.join(tree.labels)}"
        )


def is_counted(tree: "Tree", column: str) -> bool:
    """Whether the labels of a column are few enough to be counted in every node."""
    check_column(tree, column)
    return len({*tree.labels[column].tolist()} - {""}) <= MOST_LABELS


def known_labels(tree: "Tree", column: str) -> Known:
    """The labels of a column as numbers."""
    check_column(tree, column)
    # a dictionary is quicker than sorting a million texts
    number: dict[str, int] = {}
    first = np.array([number.setdefault(label, len(number)) for label in tree.labels[column].tolist()])
    labels = sorted(label for label in number if label)
    if len(labels) > MOST_LABELS:
        raise InvalidInput(
            f"labels: {column} has {len(labels):,} different labels; at most {MOST_LABELS:,} can be "
            "compared, so group them first"
        )
    place = {label: index for index, label in enumerate(labels)}
    rank = np.array([place.get(label, -1) for label in number], dtype=np.int64)
    return Known(labels, rank[first])


def compared_labels(tree: "Tree", column: str) -> Known:
    """The same where labels are to be compared with chance: single samples, and two labels at least."""
    check_column(tree, column)
    if tree.is_condensed:
        raise InvalidInput(
            "tree: its leaves stand for several samples each, of which only the most frequent label is "
            "known; compare labels with chance in the tree that was not condensed"
        )
    known = known_labels(tree, column)
    if len(known.labels) < 2:
        raise InvalidInput(
            f"labels: {column} has {len(known.labels)} known labels; two different ones are needed to compare"
        )
    return known
