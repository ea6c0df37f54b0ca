"""Which label column shows its colours, and in what colour each branch is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.export._walk import Walk, majority
from carving.tree.colors import OTHER, label_colors

if TYPE_CHECKING:
    from carving.tree import Tree


@dataclass(frozen=True, eq=False)
class Coloring:
    """The colours of one label column.

    Attributes
    ----------
    column
        Its name.
    colors
        Of every label that occurs, ``#rrggbb``; "", the unknown one, is grey.
    leaves : numpy.ndarray of str, shape (leaves,)
        The colour of each leaf.
    """

    column: str
    colors: dict[str, str]
    leaves: np.ndarray


def coloring(tree: "Tree", color_by: str | None) -> Coloring | None:
    """The colours of a label column, by default the first; none if there are no labels.

    Raises
    ------
    InvalidInput
        If there is no such column.
    """
    if color_by is None and not tree.labels:
        return None
    if color_by is not None and color_by not in tree.labels:
        known = f"choose from {', '.join(tree.labels)}" if tree.labels else "this tree has no labels"
        raise InvalidInput(f"label column {color_by!r}: unknown; {known}")
    return colors_of(tree, next(iter(tree.labels)) if color_by is None else color_by)


def colors_of(tree: "Tree", column: str) -> Coloring:
    """The colours of a label column that there is."""
    values = tree.labels[column]
    colors = label_colors(values, tree.colors.get(column), distinct=True)
    leaves = np.empty(len(values), dtype=object)
    leaves[:] = [colors[value] for value in values]
    return Coloring(column=column, colors=colors, leaves=leaves)


def majority_labels(tree: "Tree", column: str, way: Walk) -> np.ndarray:
    """The label of more than half of the samples below each vertex of the order, "" where there is none.

    Samples whose label is unknown do not count.

    Returns
    -------
    numpy.ndarray of str, shape (kept,)
    """
    labels, codes = np.unique(tree.labels[column], return_inverse=True)
    # sorted, so that the unknown label, if there is one, is the first
    unknown = int(labels[0] == "")
    found = majority(way, codes - unknown, tree.leaves.size)
    return np.append(labels[unknown:], "")[found]


def branch_colors(coloring: Coloring | None, tree: "Tree", way: Walk) -> np.ndarray:
    """The colour of the branch above each vertex, by ``majority_labels``; grey where there is none.

    Returns
    -------
    numpy.ndarray of str, shape (vertices,)
        Numbered as in ``carving.tree.topology``; "" where nothing is coloured.
    """
    result = np.full(len(way.shape.parent), "", dtype=object)
    if coloring is not None:
        colors = {**coloring.colors, "": OTHER}
        labels = majority_labels(tree, coloring.column, way)
        result[way.shape.order] = [colors[label] for label in labels]
    return result
