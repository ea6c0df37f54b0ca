"""How many samples of each label the states of a tree have."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.tree._checks import check_column

if TYPE_CHECKING:
    from carving.tree.tree import Tree


@dataclass(frozen=True, eq=False)
class Tally:
    """Samples of each state by label, one entry for each pair that occurs.

    Sorted by node; within one the most frequent label first, of equally frequent ones the first by name, and
    unknown ones last.

    Attributes
    ----------
    labels : list of str
        All labels, by name: numbers in them count as numbers. The last is "", the unknown one.
    node, label, count : numpy.ndarray of int64, shape (pairs,)
        ``label`` is an index into ``labels``.
    """

    labels: list[str]
    node: np.ndarray
    label: np.ndarray
    count: np.ndarray


def tally(tree: "Tree", column: str) -> Tally:
    """Count a label column.

    Raises
    ------
    InvalidInput
        If there is no such column.
    """
    check_column(tree, column)
    values = tree.labels[column].tolist()
    labels = [*sorted(set(values) - {""}, key=_by_name), ""]
    code_of = {label: code for code, label in enumerate(labels)}
    code = np.fromiter((code_of[value] for value in values), dtype=np.int64, count=len(values))
    pairs, which = np.unique(tree.leaves.node * len(labels) + code, return_inverse=True)
    count = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(count, which, tree.leaves.size)
    node, label = np.divmod(pairs, len(labels))
    order = np.lexsort((label, -count, label == len(labels) - 1, node))
    return Tally(labels=labels, node=node[order], label=label[order], count=count[order])


def _by_name(label: str) -> tuple[list[tuple[int, str]], str]:
    """Letters as they are, and numbers by their value: 9 comes before 10."""
    parts = []
    # text and numbers take turns, so that like is compared with like
    for part in re.split(r"([0-9]+)", label):
        digits = part.lstrip("0") if part.isdecimal() else part
        parts.append((len(digits) if part.isdecimal() else -1, digits))
    return parts, label
