"""Colours of branches by the labels of what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from carving.errors import InvalidInput
from carving.report._canvas import MOST_ENTRIES, Entry, label_entries
from carving.report._palette import INK, PALE
from carving.tree._checks import check_column
from carving.tree.colors import label_colors
from carving.tree.reshape import TYPICAL_SAMPLE, composition_column

if TYPE_CHECKING:
    from carving.statistics import Composition
    from carving.tree import Tree

# shades between a colour and grey: more could not be told apart
_SHADES = 6
# of thin lines that have no colour
GREY = "#8a9099"


def column_of(tree: "Tree", column: str | None) -> str | None:
    """The label column that is meant: by default the first that sorts the leaves into kinds, if one does."""
    if column is None:
        return next(iter(columns_of(tree, None)), None)
    check_column(tree, column)
    return column


def columns_of(tree: "Tree", columns: Sequence[str] | None) -> list[str]:
    """The label columns that are meant: by default all that sort the leaves into kinds."""
    if columns is None:
        return [name for name, labels in tree.labels.items() if _sorts(labels) and not _is_made(name, tree)]
    if isinstance(columns, str):
        raise InvalidInput(f"columns {columns!r}: give a list of label columns, or None for all")
    return [str(column_of(tree, column)) for column in dict.fromkeys(columns)]


def _is_made(name: str, tree: "Tree") -> bool:
    """Whether condensing the tree has made the column, out of another one of the same tree."""
    return name == TYPICAL_SAMPLE or any(name == composition_column(other) for other in tree.labels)


def _sorts(labels: np.ndarray) -> bool:
    """Not so where almost every leaf has a label of its own, as with remarks and other names."""
    known = [label for label in labels if label]
    return bool(known) and len(set(known)) <= max(MOST_ENTRIES, len(known) // 2)


@dataclass(frozen=True, eq=False)
class Coloring:
    """What the samples of each node are labelled, and in which colours."""

    column: str
    composition: "Composition"
    colors: dict[str, str]
    entries: list[Entry]

    def branches(self, grey: str = PALE) -> list[str]:
        """A colour for every node: its most frequent label's, the greyer the more others there are."""
        counts = self.composition.counts
        if not counts.shape[1]:
            return [grey] * len(counts)
        known = counts.sum(1)
        label = counts.argmax(1)
        share = counts.max(1) / np.maximum(known, 1)
        # half of the samples or fewer say little about what a branch is
        shade = np.rint(_SHADES * np.clip(2 * share - 1, 0, 1) ** 0.6).astype(int)
        shade[known == 0] = 0
        table = [
            [_mixed(self.colors[name], grey, step / _SHADES) for step in range(_SHADES + 1)]
            for name in self.composition.labels
        ]
        return [table[a][b] for a, b in zip(label.tolist(), shade.tolist(), strict=True)]


def _mixed(color: str, grey: str, share: float) -> str:
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(to_rgb(color), to_rgb(grey), strict=True))
    return to_hex((red, green, blue))


def color_by(tree: "Tree", column: str | None) -> Coloring | None:
    """By a label column, by default the first; None where there is none."""
    from carving.statistics import composition

    chosen = column_of(tree, column)
    if chosen is None:
        return None
    labels = tree.labels[chosen].tolist()
    colors = label_colors(labels, tree.colors.get(chosen))
    return Coloring(
        column=chosen,
        composition=composition(tree, chosen),
        colors=colors,
        entries=label_entries(labels, colors, tree.leaves.size.tolist()),
    )


def line_colors(tree: "Tree", coloring: Coloring | None) -> list[str]:
    """A colour for every node that is dark enough for thin lines; ink where there are no labels."""
    return [INK] * len(tree.nodes) if coloring is None else coloring.branches(GREY)
