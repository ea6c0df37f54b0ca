"""What stands beside the tips of a tree: a strip for every label column, sizes, names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.errors import InvalidInput
from carving.report._canvas import Entry, label_entries
from carving.report._phylogram import runs
from carving.report._words import POINTS, fitting
from carving.tree.colors import label_colors

if TYPE_CHECKING:
    from carving.report._phylogram import Phylogram
    from carving.tree import Tree

# pieces of a strip, up to which there is a line between two
_MOST_SEPARATED = 400


@dataclass(frozen=True, eq=False)
class Strip:
    """A label column beside the tips.

    Attributes
    ----------
    name : str
    pieces : list of (int, int, str)
        From which place among the tips to which there is which label; unknown ones are left out.
    colors : list of str
        The colour of each piece.
    entries : list of Entry
        What the colours mean.
    """

    name: str
    pieces: list[tuple[int, int, str]]
    colors: list[str]
    entries: list[Entry]

    @property
    def edge(self) -> dict[str, Any]:
        """What is between pieces: white lines where there is room for them."""
        few = len(self.pieces) <= _MOST_SEPARATED
        return {"edgecolors": "white" if few else self.colors, "linewidths": 0.3 if few else 0.1}

    def marks(self, pitch: float, letters: float) -> list[tuple[float, str]]:
        """The places of pieces that their labels can stand beside, where a leaf takes so many inches."""
        return [
            ((low + high) / 2, label)
            for low, high, label in self.pieces
            if (high - low) * pitch >= 1.35 * letters / POINTS
        ]


def strips(tree: "Tree", tips: np.ndarray, columns: Sequence[str]) -> list[Strip]:
    """One for every column."""
    result = []
    for name in columns:
        labels = tree.labels[name]
        colors = label_colors(labels.tolist(), tree.colors.get(name))
        pieces = [piece for piece in runs(labels[tips].tolist()) if piece[2]]
        # where a label is unknown nothing is drawn
        known = np.array([bool(label) for label in labels.tolist()])
        entries = label_entries(labels[known].tolist(), colors, tree.leaves.size[known].tolist())
        result.append(Strip(name, pieces, [colors[label] for _, _, label in pieces], entries))
    return result


def tip_names(tree: "Tree", tips: np.ndarray, room: float, size: float) -> list[tuple[float, str]]:
    """The leaves' names, at their places, in the room that there is, in inches."""
    return [(i + 0.5, fitting(name, room, size)) for i, name in enumerate(tree.leaves.name[tips].tolist())]


def strip_names(beside: list[Strip], room: float, size: float, pitch: float) -> list[tuple[float, str]]:
    """The labels of the outermost strip where they fit: names for colours that mean several things."""
    marks = beside[-1].marks(pitch, size) if beside else []
    return [(place, fitting(label, room, size)) for place, label in marks]


def supports(tree: "Tree", shape: "Phylogram") -> dict[int, str]:
    """In percent for the nodes that have one; the root and what hangs on one leaf need none."""
    support = tree.nodes.support
    inner = shape.inner[:-1]
    return {int(node): f"{100 * support[node]:.0f}" for node in inner[np.isfinite(support[inner])]}


def no_room(width: float, columns: int) -> InvalidInput:
    """The error for label columns and names that leave no room for the tree."""
    return InvalidInput(
        f"width {width:g}: leaves no room for a tree beside {columns} label columns; give a larger one, or "
        "name fewer columns"
    )
