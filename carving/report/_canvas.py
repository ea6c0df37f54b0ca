"""Pictures that are laid out in inches: panels, titles, legends of labels, many lines at once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.path import Path

from carving.errors import InvalidInput
from carving.report._axes import blank_figure
from carving.report._labels import SMALL
from carving.report._palette import INK
from carving.report._words import fitting, literal, width_of
from carving.tree.colors import OTHER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import ColorType

EDGE = 0.08
_TITLE = 0.3
_CHIP, _CHIP_GAP, _ENTRY_GAP, _ROW = 0.09, 0.05, 0.14, 0.15
MOST_ENTRIES = 12
LEAST_WIDTH = 2.0
# signs that are told apart without colours
MARKERS: dict[str, dict[str, Any]] = {
    "full": {"marker": "o", "markersize": 3.5, "linestyle": "none"},
    "open": {"marker": "o", "markersize": 3.5, "linestyle": "none"},
    "cross": {"marker": "x", "markersize": 4.5, "linestyle": "none"},
}
# points of a path that are drawn at once
_AT_ONCE = 2000


@dataclass(frozen=True)
class Entry:
    """A part of a legend: a square of its colour, or the marker that is named; no colour, no sign.

    One that stands alone begins a row.
    """

    text: str
    color: str | None
    marker: str = "square"
    alone: bool = False


@dataclass(frozen=True)
class Legend:
    """Entries with their places: inches from the left, and the row, counted from the top."""

    placed: tuple[tuple[float, int, Entry], ...]
    rows: int
    scale: float = 1.0

    @property
    def height(self) -> float:
        """Inches."""
        return self.scale * _ROW * self.rows


def label_entries(labels: Iterable[str], colors: dict[str, str], weights: Sequence[int]) -> list[Entry]:
    """The most frequent labels by name; the others are one entry, which counts them, as are unknown ones."""
    counts: Counter[str] = Counter()
    for label, weight in zip(labels, weights, strict=True):
        counts[label] += weight
    unknown = counts.pop("", 0)
    frequent = [label for label, _ in counts.most_common(MOST_ENTRIES)]
    # grey says nothing: of those that share it only how many they are is said
    frequent = [label for label in frequent if colors[label] != OTHER or len(counts) == 1]
    entries = [Entry(label, colors[label]) for label in sorted(frequent)]
    left = len(counts) - len(frequent)
    if left:
        grey = all(colors[label] == OTHER for label in counts if label not in frequent)
        entries.append(
            Entry(f"{left:,} other labels" if frequent else f"{left:,} labels", OTHER if grey else None)
        )
    if unknown:
        entries.append(Entry("unknown", OTHER))
    return entries


def note(text: str, width: float, color: str | None = None, marker: str = "square") -> list[Entry]:
    """A sentence as rows no wider than that; only the first has a sign."""
    rows, words = [], literal(text).split()
    room = width - (_CHIP + _CHIP_GAP) * (color is not None)
    for word in words:
        if rows and width_of(f"{rows[-1]} {word}") <= room:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return [Entry(row, None if number else color, marker, alone=True) for number, row in enumerate(rows)]


def arrange(groups: Iterable[tuple[str, list[Entry]]], width: float, scale: float = 1.0) -> Legend:
    """Entries from left to right, rows as wide as asked for; each group on new rows, its name first.

    At the scale 1 letters are ``SMALL``.
    """
    width /= scale
    placed: list[tuple[float, int, Entry]] = []
    row = -1
    for name, entries in groups:
        row += 1
        left = 0.0
        for entry in ([Entry(name, None)] if name else []) + entries:
            chip = _CHIP + _CHIP_GAP if entry.color else 0.0
            text = fitting(entry.text, width - chip if entry.alone else 0.45 * width)
            needed = chip + width_of(text)
            if left and (entry.alone or left + needed > width):
                row, left = row + 1, 0.0
            placed.append((left, row, replace(entry, text=text)))
            left += needed + _ENTRY_GAP
    return Legend(tuple(placed), row + 1, scale)


def canvas(size: tuple[float, float], *, title: str | None) -> Figure:
    """A picture of so many inches, its title at the upper left; refuses one too narrow for letters."""
    figure = blank_figure(size)
    if title:
        text = fitting(title, size[0] - 2 * EDGE, _title_size(size[0]))
        figure.text(
            EDGE / size[0], 1 - 0.17 / size[1], text, fontsize=_title_size(size[0]), color=INK, weight="bold",
            va="center", parse_math=False,
        )  # fmt: skip
    return figure


def _title_size(width: float) -> float:
    return 11.0 if width > 5 else 9.0


def title_height(title: str | None) -> float:
    """Inches above everything else."""
    return _TITLE if title else EDGE


def check_width(width: float, least: float = LEAST_WIDTH) -> None:
    """Raise ``InvalidInput`` for a picture that is too narrow for its letters, or no number."""
    if not least <= width <= 100:
        raise InvalidInput(f"width {width:g}: is in inches; give one from {least:g} to 100")


def panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> "Axes":
    """Axes at a place in inches, from the lower left corner of the picture."""
    full_width, full_height = figure.get_size_inches()
    return figure.add_axes(
        (left / full_width, bottom / full_height, width / full_width, height / full_height)
    )


def bare_panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> "Axes":
    """The same without spines and ticks; both units are inches."""
    axes = panel(figure, left, bottom, width, height)
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return axes


def draw_legend(figure: Figure, legend: Legend, left: float, top: float) -> None:
    """Below ``top``, inches from the lower edge of the picture."""
    if not legend.placed:
        return
    axes = bare_panel(figure, 0, 0, *figure.get_size_inches())
    axes.set_zorder(5)
    scale, side, letters = legend.scale, legend.scale * _CHIP, legend.scale * SMALL
    squares, colors = [], []
    for x, row, entry in legend.placed:
        x, y = left + scale * x, top - scale * _ROW * (row + 0.5)
        if entry.color:
            if entry.marker == "square":
                squares.append(box(x, y - side / 2, x + side, y + side / 2))
                colors.append(entry.color)
            else:
                face = "white" if entry.marker == "open" else entry.color
                axes.plot(x + side / 2, y, color=entry.color, markerfacecolor=face, **MARKERS[entry.marker])
            x += scale * (_CHIP + _CHIP_GAP)
        style: dict[str, Any] = {"style": "italic"} if entry.color is None and not entry.alone else {}
        axes.text(
            x, y, entry.text, fontsize=letters, color=INK, va="center_baseline", parse_math=False, **style
        )
    axes.add_collection(PolyCollection(squares, facecolors=colors, linewidths=0), autolim=False)


def box(left: float, low: float, right: float, high: float) -> list[tuple[float, float]]:
    """The corners of a rectangle."""
    return [(left, low), (left, high), (right, high), (right, low)]


def add_lines(
    axes: "Axes",
    lines: Sequence[np.ndarray],
    colors: Sequence["ColorType"],
    *,
    width: float,
    zorder: float = 2,
) -> None:
    """Many lines, each of a colour, as few paths: small files, however many there are."""
    by_color: dict[ColorType, list[np.ndarray]] = {}
    for line, color in zip(lines, colors, strict=True):
        by_color.setdefault(color, []).append(line)
    paths, chosen = [], []
    for color, same in by_color.items():
        for start in range(0, len(same), _AT_ONCE):
            part = same[start : start + _AT_ONCE]
            codes = np.full(sum(map(len, part)), Path.LINETO, dtype=Path.code_type)
            codes[np.cumsum([0, *map(len, part[:-1])])] = Path.MOVETO
            paths.append(Path(np.concatenate(part), codes))
            chosen.append(color)
    collection = PathCollection(
        paths, facecolors="none", edgecolors=chosen, linewidths=width, capstyle="projecting", zorder=zorder
    )
    axes.add_collection(collection, autolim=False)
