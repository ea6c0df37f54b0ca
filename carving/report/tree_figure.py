"""The picture of a whole tree: ribbons that merge from the oldest age to the youngest."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.path import Path

from carving.report._age_axis import UPDATES, scale_below, show_ages
from carving.report._canvas import (
    EDGE,
    arrange,
    box,
    canvas,
    check_width,
    draw_legend,
    note,
    panel,
    title_height,
)
from carving.report._coloring import Coloring, color_by
from carving.report._labels import SMALL, size_of
from carving.report._layout import Layout, lay_out
from carving.report._palette import INK, PALE
from carving.report._plot import Plot
from carving.report._states import as_images, probabilities
from carving.report._words import fitting, put, width_of
from carving.tree.colors import OTHER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.tree import Tree

# inches of a row that has a picture: few rows are taller than many, so that the whole is about as tall
_LEAST_ROW, _MOST_ROW, _ALL_ROWS = 0.36, 0.5, 6.0
_PICTURE_SHARE = 0.84
# of the place of a picture, what the picture takes; and inches of air around it
_PICTURE_IN_FRAME, _FRAME = 0.92, 0.02
# inches above the rows, and below them without and with the words for who has never seen one
_HEADINGS, _BELOW, _WORDS = 0.22, 0.4, 0.2
# width from which letters are larger, and the bars of a narrow picture have no room
_WIDE, _NARROW, _SCALE = 8.5, 5.0, 1.3
_GAP = 0.1
_SMALLEST_INNER_SHARE = 0.04
_EXPLANATION = (
    "Branches are as thick as they have samples. They meet where the machine, at that moment of its "
    "training, could not yet tell them apart."
)
# pieces of one path: start, curve to the parent, edge of the ribbon, curve back
_RIBBON = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]


@dataclass(frozen=True, eq=False)
class _Rows:
    """What stands in the rows of the oldest states; lengths are in inches, from the left edge of the rows.

    Attributes
    ----------
    words, colors : list of str
        What most samples of each shown state are labelled, and its colour.
    numbers : list of str
        How many samples each has.
    picture : float
        The middle of the pictures; 0 where there are none.
    bar, bar_length, word, width : float
        Where the bars begin and how long they are, where the words begin, and the width of it all.
    scale : float
        Of letters.
    """

    words: list[str]
    colors: list[str]
    numbers: list[str]
    picture: float
    bar: float
    bar_length: float
    word: float
    width: float
    scale: float


def draw_tree(
    tree: "Tree",
    *,
    column: str | None = None,
    image_shape: tuple[int, int] | None = None,
    title: str | None = None,
    most_pictures: int | None = None,
    width: float = 10.0,
) -> Figure:
    """Draw a tree with the youngest age at the left and the states of the oldest at the right.

    A branch is as thick as it has samples. Its colour is that of the most frequent label in it, the
    paler the more other labels there are. The largest states have a row each, with what they are made of.

    Parameters
    ----------
    tree
        Any tree.
    column
        The label column to colour by; by default the first, if there is one.
    image_shape
        Rows and columns, where visible units are the pixels of an image: states are drawn as images.
    title
        Above the picture.
    most_pictures
        How many of the oldest states, the largest ones, get a row; by default 22, or 12 in narrow pictures.
    width
        Of the picture, in inches; the height follows from the number of rows.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; :func:`save_figure` writes it.

    Raises
    ------
    InvalidInput
        If there is no such column, images of that shape have another number of pixels, or the width is none.
    """
    check_width(width, 3.0)
    coloring = color_by(tree, column)
    pictures = None
    if image_shape is not None:
        pictures = as_images(probabilities(tree, tree.nodes.visible), image_shape)
    usual = 22 if width >= _NARROW else 12
    layout = lay_out(tree, most_pictures=usual if most_pictures is None else max(1, most_pictures))
    row = float(np.clip(_ALL_ROWS / layout.height, _LEAST_ROW, _MOST_ROW))
    rows = _rows(tree, layout, coloring, width, has_pictures=pictures is not None)
    inside = width - 3 * EDGE - rows.width
    explained = note(_EXPLANATION, (width - 2 * EDGE) / rows.scale) if title else []
    legend = arrange(
        [("", explained), *([] if coloring is None else [(coloring.column, coloring.entries)])],
        width - 2 * EDGE, rows.scale,
    )  # fmt: skip
    below = _BELOW + (_WORDS if inside > 4 else 0)
    above = title_height(title) + legend.height + _HEADINGS
    figure = canvas((width, above + row * layout.height + below), title=title)
    draw_legend(figure, legend, EDGE, figure.get_figheight() - title_height(title))
    axes = panel(figure, EDGE, below, inside, row * layout.height)
    beside = panel(figure, width - EDGE - rows.width, below, rows.width, row * layout.height)
    for each in (axes, beside):
        each.set_ylim(layout.height, 0)
        each.set_axis_off()
    beside.set_xlim(0, rows.width)
    colors = [PALE] * len(tree.nodes) if coloring is None else coloring.branches()
    _draw_ribbons(axes, tree, layout, colors)
    _draw_ages(axes, inside, rows.scale)
    frames = [INK] * len(tree.nodes) if coloring is None else colors
    if pictures is not None:
        _draw_inner_pictures(axes, tree, layout, pictures, frames, row)
    _draw_rows(beside, tree, layout, rows, coloring, row)
    if pictures is not None:
        for node in layout.shown.tolist():
            place = (rows.picture, float(layout.y[node]))
            _put_picture(beside, pictures[node], place, frames[node], _PICTURE_SHARE * row)
    return figure


def _rows(
    tree: "Tree", layout: Layout, coloring: Coloring | None, width: float, *, has_pictures: bool
) -> _Rows:
    scale = _SCALE if width >= _WIDE else 1.0
    numbers = [f"{size:,}" for size in tree.nodes.size[layout.shown].tolist()]
    words, colors = [], []
    if coloring is not None:
        for node in layout.shown.tolist():
            word, color = _majority_word(coloring, node)
            words.append(fitting(word, 0.14 * width, scale * SMALL))
            colors.append(color)
    # bold letters are wider
    longest = 1.15 * max((width_of(word, scale * SMALL) for word in words), default=0.0)
    digits = max(width_of(text, scale * SMALL) for text in [*numbers, "samples"])
    picture = 0.3 * has_pictures
    bar = 2 * picture + _GAP / 2
    length = 0.7 * scale if coloring is not None and width >= _NARROW else 0.0
    word = bar + length + _GAP * bool(length)
    total = word + longest + _GAP * bool(words) + digits
    return _Rows(words, colors, numbers, picture, bar, length, word, total, scale)


def _draw_ribbons(axes: "Axes", tree: "Tree", layout: Layout, colors: list[str]) -> None:
    """Every node's ribbon, from its birth at the right to where it joins its parent's."""
    nodes = tree.nodes
    left = _left_end(tree, layout)
    order = np.argsort(-nodes.size, kind="stable").tolist()
    ribbons = []
    for node in order:
        parent = int(nodes.parent[node])
        start = float(layout.x[parent]) if parent >= 0 else left
        x, y, joins, width = (float(c[node]) for c in (layout.x, layout.y, layout.joins, layout.width))
        ribbons.append(_ribbon(x, y, start, joins, max(width, 0.03)))
    axes.add_collection(
        PathCollection(
            ribbons, facecolors=[colors[node] for node in order], edgecolors="white", linewidths=0.35
        ),
        autolim=False,
    )
    axes.set_xlim(left, layout.x.max())


def _left_end(tree: "Tree", layout: Layout) -> float:
    """Where the trunk begins: a little before the root's birth, for before that nothing happens."""
    span = layout.x.max() - layout.x[tree.root]
    return layout.x[tree.root] - max(0.08 * span, 0.3)


def _ribbon(right: float, y_right: float, left: float, y_left: float, width: float) -> Path:
    middle = (left + right) / 2
    upper, lower = -width / 2, width / 2
    points = [
        (right, y_right + upper),
        (middle, y_right + upper), (middle, y_left + upper), (left, y_left + upper),
        (left, y_left + lower),
        (middle, y_left + lower), (middle, y_right + lower), (right, y_right + lower),
        (right, y_right + upper),
    ]  # fmt: skip
    return Path(points, _RIBBON)


def _draw_ages(axes: "Axes", width: float, scale: float) -> None:
    """A scale of ages below the tree, with words for who has never seen one where there is room."""
    axes.set_axis_on()
    show_ages(axes, max(axes.get_xlim()[0], 0.0), axes.get_xlim()[1], scale=scale)
    scale_below(axes, UPDATES, scale=scale)
    if width > 4:
        words = {"fontsize": scale * SMALL, "color": INK, "style": "italic", "va": "top"}
        below = {"xycoords": "axes fraction", "textcoords": "offset points", "xytext": (0, -15 * scale)}
        axes.annotate("← the machine knows little", (0, 0), ha="left", **below, **words)
        axes.annotate("it knows more →", (1, 0), ha="right", **below, **words)


def _draw_inner_pictures(
    axes: "Axes", tree: "Tree", layout: Layout, pictures: np.ndarray, colors: list[str], row: float
) -> None:
    """Images of the states where large branches meet, as many as there is room for."""
    nodes = tree.nodes
    inner = np.flatnonzero(np.diff(tree.children.offsets) > 0)
    inner = inner[nodes.size[inner] >= _SMALLEST_INNER_SHARE * nodes.size[tree.root]]
    extent = axes.get_window_extent()
    inches = 1.1 * _PICTURE_SHARE * row
    size = 1.15 * inches * axes.figure.dpi
    taken: list[np.ndarray] = []
    for node in inner[np.argsort(-nodes.size[inner], kind="stable")].tolist():
        at = (float(layout.x[node]), float(layout.y[node]))
        place = axes.transData.transform(at)
        if place[0] > extent.x1 - size or np.isnan(pictures[node]).any():
            continue
        if all(np.abs(place - other).max() > size for other in taken):
            taken.append(place)
            # that of the root would reach beyond the left edge
            shown = (max(place[0], extent.x0 + size / 2), place[1])
            x, y = axes.transData.inverted().transform(shown).tolist()
            _put_picture(axes, pictures[node], (x, y), colors[node], inches)


def _put_picture(
    axes: "Axes", picture: np.ndarray, place: tuple[float, float], color: object, inches: float
) -> None:
    # in data coordinates, so that it has its size at any resolution
    units = np.ptp([axes.get_xlim(), axes.get_ylim()], axis=1) / size_of(axes)
    across, down = 0.5 * _PICTURE_IN_FRAME * inches * units * picture.shape[::-1] / max(picture.shape)
    x, y = place
    # on top of those that were put before
    order = 3 + 0.01 * len(axes.images)
    image = AxesImage(
        axes, cmap="Greys", interpolation="nearest", origin="upper", zorder=order, clip_on=False,
        extent=(x - across, x + across, y + down, y - down),
    )  # fmt: skip
    image.set_data(picture)
    image.set_clim(0, 1)
    axes.add_image(image)
    across, down = across + _FRAME * units[0], down + _FRAME * units[1]
    frame = Rectangle((x - across, y - down), 2 * across, 2 * down, clip_on=False, zorder=order - 0.005)
    frame.set(edgecolor=color, facecolor="white", linewidth=1.6)
    axes.add_patch(frame)


def _draw_rows(
    axes: "Axes", tree: "Tree", layout: Layout, rows: _Rows, coloring: Coloring | None, row: float
) -> None:
    """For each of the largest oldest states what it is made of, what most of it is, how many samples."""
    letters = rows.scale * SMALL
    heading = {"fontsize": letters, "style": "italic", "va": "bottom"}
    top = -0.06 / row
    put(axes, rows.width, top, "samples", ha="right", **heading)
    if rows.picture:
        put(axes, rows.picture, top, "state", ha="center", **heading)
    if rows.bar_length:
        put(axes, rows.bar, top, "made of", **heading)
    for place, node in enumerate(layout.shown.tolist()):
        y = float(layout.y[node])
        put(axes, rows.width, y, rows.numbers[place], ha="right", fontsize=letters)
        if coloring is not None:
            if rows.bar_length:
                _draw_bar(axes, tree, coloring, node, (rows.bar, y), rows.bar_length)
            word = {"weight": "bold", "color": rows.colors[place], "fontsize": letters}
            put(axes, rows.word, y, rows.words[place], **word)


def _majority_word(coloring: Coloring, node: int) -> tuple[str, str]:
    """What to call a state, and in which colour."""
    label, share = coloring.composition.majority(node)
    if not label:
        return "unknown", OTHER
    return (label, coloring.colors[label]) if share > 0.5 else ("mixed", OTHER)


def _draw_bar(
    axes: "Axes", tree: "Tree", coloring: Coloring, node: int, place: tuple[float, float], length: float
) -> None:
    """A bar of full length, divided as the samples of a node are among the labels."""
    found = coloring.composition
    parts = dict(zip(found.labels, found.counts[node].tolist(), strict=True)) | {"": int(found.unknown[node])}
    left, y = place
    pieces, colors = [], []
    for label, number in sorted(parts.items(), key=lambda item: (-item[1], item[0])):
        if number:
            piece = length * number / int(tree.nodes.size[node])
            pieces.append(box(left, y - 0.18, left + piece, y + 0.18))
            colors.append(coloring.colors[label])
            left += piece
    bars = PolyCollection(pieces, facecolors=colors, edgecolors="white", linewidths=0.4)
    axes.add_collection(bars, autolim=False)


PLOT = Plot(
    name="river",
    description="ribbons that merge, as wide as they have samples, over log age",
    draw=draw_tree,
)
