"""The picture of a whole tree: ribbons that merge from the oldest age to the youngest."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from carving.errors import InvalidInput
from carving.report._layout import Layout, lay_out
from carving.report._palette import INK, PALE, towards_grey
from carving.tree.colors import OTHER, label_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.tree import Tree

# inches of a row that has a picture: few rows are taller than many, so that the whole is about as tall
_LEAST_ROW, _MOST_ROW, _ALL_ROWS = 0.36, 0.5, 6.0
_PICTURE_SHARE = 0.84
# inches above the rows, without and with a title, and below them
_ABOVE, _TITLE, _BELOW = 0.45, 0.7, 0.68
# inches of the column of rows: from its left edge to the picture's middle, and the bar that follows
_PICTURE_AT, _BAR_LENGTH, _GAP = 0.3, 0.95, 0.1
_SMALLEST_INNER_SHARE = 0.04
_EXPLANATION = (
    "Branches are as thick as they have samples. They meet where the machine, at that moment of its "
    "training, could not yet tell them apart."
)
_MOST_CHIPS = 12
# pieces of one path: start, curve to the parent, edge of the ribbon, curve back
_RIBBON = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]


@dataclass(frozen=True, eq=False)
class _Composition:
    """Which labels the samples of each node have."""

    counts: list[Counter]
    colors: dict[str, str]

    def majority(self, node: int) -> tuple[str, float]:
        """The most frequent label of a node's labelled samples, and its share of them."""
        known = Counter({label: number for label, number in self.counts[node].items() if label})
        if not known:
            return "", 0.0
        # of equally frequent ones the first by name
        label, number = min(known.items(), key=lambda item: (-item[1], item[0]))
        return label, number / known.total()


def draw_tree(
    tree: "Tree",
    *,
    column: str | None = None,
    image_shape: tuple[int, int] | None = None,
    title: str | None = None,
    most_pictures: int = 22,
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
        How many of the oldest states, the largest ones, get a row.
    width
        Of the picture, in inches; the height follows from the number of rows.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; ``figure.savefig(path)`` writes it.

    Raises
    ------
    InvalidInput
        If there is no such column, or images of that shape have another number of pixels.
    """
    composition = _composition(tree, column)
    pictures = _pictures(tree, image_shape)
    layout = lay_out(tree, most_pictures=most_pictures)
    row = float(np.clip(_ALL_ROWS / layout.height, _LEAST_ROW, _MOST_ROW))
    above = _ABOVE + (_TITLE if title else 0)
    # a Figure of its own, not pyplot's: no window, backend or current figure of the caller's is touched
    figure = Figure(figsize=(width, above + row * layout.height + _BELOW), dpi=150, facecolor="white")
    if title:
        _write_title(figure, title)
    axes, tips = _axes(figure, layout, above)
    _draw_ribbons(axes, tree, layout, composition)
    _draw_ages(axes, tree, layout)
    if composition is not None:
        _draw_legend(axes, composition, row)
    if pictures is not None:
        _draw_inner_pictures(axes, tree, layout, pictures, composition, row)
    _draw_tips(tips, tree, layout, pictures, composition, row)
    return figure


def _composition(tree: "Tree", column: str | None) -> _Composition | None:
    if column is None:
        column = next(iter(tree.labels), None)
        if column is None:
            return None
    if column not in tree.labels:
        raise InvalidInput(
            f"column {column!r}: this tree has the label columns {', '.join(tree.labels) or '(none)'}; "
            "name one of these"
        )
    labels = tree.labels[column].tolist()
    counts: list[Counter] = [Counter() for _ in range(len(tree.nodes))]
    for label, node in zip(labels, tree.leaves.node.tolist(), strict=True):
        counts[node][label] += 1
    # children come before their parents
    for node, parent in enumerate(tree.nodes.parent.tolist()):
        if parent >= 0:
            counts[parent].update(counts[node])
    return _Composition(counts=counts, colors=label_colors(labels, tree.colors.get(column)))


def _pictures(tree: "Tree", image_shape: tuple[int, int] | None) -> np.ndarray | None:
    """Every node's visible magnetisations as an image between 0 and 1."""
    if image_shape is None:
        return None
    visible = tree.nodes.visible
    if visible.ndim != 2 or visible.shape[1] != image_shape[0] * image_shape[1]:
        raise InvalidInput(
            f"image_shape {image_shape}: the states have the shape {visible.shape[1:]}; "
            "give the rows and columns whose product is that, or None"
        )
    values = (1 + visible) / 2 if tree.visible_unit == "spin" else visible
    return values.reshape(-1, *image_shape)


def _write_title(figure: Figure, title: str) -> None:
    height = figure.get_figheight()
    figure.text(0.02, 1 - 0.32 / height, title, fontsize=15, color=INK, weight="bold", va="center")
    figure.text(0.02, 1 - 0.62 / height, _EXPLANATION, fontsize=9.5, color=INK, va="center")


def _axes(figure: Figure, layout: Layout, above: float) -> tuple["Axes", "Axes"]:
    """The place of the tree, and at its right that of the rows; both with rows as vertical unit."""
    height = figure.get_figheight()
    bottom, top = _BELOW / height, 1 - above / height
    axes = figure.add_axes((0.02, bottom, 0.70, top - bottom))
    tips = figure.add_axes((0.72, bottom, 0.27, top - bottom))
    for each in (axes, tips):
        each.set_ylim(layout.height, 0)
        each.set_axis_off()
    # in inches
    tips.set_xlim(0, 0.27 * figure.get_figwidth())
    return axes, tips


def _draw_ribbons(axes: "Axes", tree: "Tree", layout: Layout, composition: _Composition | None) -> None:
    """Every node's ribbon, from its birth at the right to where it joins its parent's."""
    nodes = tree.nodes
    left = _left_end(tree, layout)
    for node in np.argsort(-nodes.size, kind="stable").tolist():
        parent = int(nodes.parent[node])
        start = float(layout.x[parent]) if parent >= 0 else left
        color = PALE if composition is None else _branch_color(composition, node)
        x, y, joins, width = (float(c[node]) for c in (layout.x, layout.y, layout.joins, layout.width))
        ribbon = _ribbon(x, y, start, joins, max(width, 0.03))
        axes.add_patch(PathPatch(ribbon, facecolor=color, edgecolor="white", linewidth=0.35))
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


def _branch_color(composition: _Composition, node: int) -> np.ndarray:
    label, share = composition.majority(node)
    # half of the samples or fewer say little about what a branch is
    return towards_grey(composition.colors.get(label, OTHER), max(0.0, 2 * share - 1) ** 0.6 if label else 0)


def _draw_ages(axes: "Axes", tree: "Tree", layout: Layout) -> None:
    """A scale of ages below the tree, with words for who has never seen one."""
    axes.set_axis_on()
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(PALE)
    axes.yaxis.set_major_locator(NullLocator())
    youngest, oldest = np.expm1(axes.get_xlim()[0]), int(tree.ages.updates[0])
    powers = [base * 10**power for power in range(10) for base in (1, 2, 5)]
    ticks = [age for age in powers if youngest < age < 0.9 * oldest] + [oldest]
    axes.xaxis.set_major_locator(FixedLocator([float(np.log1p(age)) for age in ticks]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{round(np.expm1(x)):,}"))
    axes.tick_params(axis="x", colors=INK, labelsize=9, length=3, color=PALE)
    axes.set_xlabel("updates in training", fontsize=9.5, color=INK, labelpad=3)
    words = {"fontsize": 9.5, "color": INK, "style": "italic", "va": "top", "xycoords": "axes fraction"}
    below = {"textcoords": "offset points", "xytext": (0, -19)}
    axes.annotate("← the machine knows little", (0, 0), ha="left", **below, **words)
    axes.annotate("it knows more →", (1, 0), ha="right", **below, **words)


def _draw_legend(axes: "Axes", composition: _Composition, row: float) -> None:
    """A chip for every label above the tree, as far as they go."""
    root = composition.counts[-1]
    labels = [label for label, _ in root.most_common() if label][:_MOST_CHIPS]
    entries = [(label, composition.colors[label]) for label in sorted(labels)]
    if len(labels) < len(root):
        entries.append(("other", OTHER))
    at = ("axes fraction", "axes fraction")
    inch = axes.figure.dpi / axes.get_window_extent().width
    left = 0.0
    for label, color in entries:
        chip = {"boxstyle": "square,pad=0.25", "facecolor": color, "edgecolor": "none"}
        place = {"xycoords": at, "textcoords": "offset points", "xytext": (3, 11), "va": "center"}
        axes.annotate("  ", (left, 1), fontsize=6, bbox=chip, **place)
        words = axes.annotate(label, (left + 0.16 * inch, 1), fontsize=10, color=INK, **place)
        left += 0.34 * inch + words.get_window_extent().width / axes.get_window_extent().width
        if left > 0.95:
            break


def _draw_inner_pictures(
    axes: "Axes",
    tree: "Tree",
    layout: Layout,
    pictures: np.ndarray,
    composition: _Composition | None,
    row: float,
) -> None:
    """Images of the states where large branches meet, as many as there is room for."""
    nodes = tree.nodes
    inner = np.flatnonzero(np.diff(tree.children.offsets) > 0)
    inner = inner[nodes.size[inner] >= _SMALLEST_INNER_SHARE * len(tree.leaves)]
    box = axes.get_window_extent()
    inches = 1.1 * _PICTURE_SHARE * row
    size = 1.15 * inches * axes.figure.dpi
    taken: list[np.ndarray] = []
    for node in inner[np.argsort(-nodes.size[inner], kind="stable")].tolist():
        at = (float(layout.x[node]), float(layout.y[node]))
        place = axes.transData.transform(at)
        if place[0] > box.x1 - size or np.isnan(pictures[node]).any():
            continue
        if all(np.abs(place - other).max() > size for other in taken):
            taken.append(place)
            color = INK if composition is None else _branch_color(composition, node)
            _put_picture(axes, pictures[node], at, color, inches)


def _put_picture(
    axes: "Axes", picture: np.ndarray, place: tuple[float, float], color: object, inches: float
) -> None:
    # OffsetImage counts in points; some of the size goes into the frame
    zoom = 0.9 * inches * 72 / max(picture.shape)
    image = OffsetImage(picture, zoom=zoom, cmap="Greys", interpolation="nearest", dpi_cor=True)
    image.image.set_clim(0, 1)
    frame = {"edgecolor": color, "linewidth": 1.6, "boxstyle": "square,pad=0.06", "facecolor": "white"}
    axes.add_artist(
        AnnotationBbox(image, place, frameon=True, pad=0.06, bboxprops=frame, annotation_clip=False)
    )


def _draw_tips(
    axes: "Axes",
    tree: "Tree",
    layout: Layout,
    pictures: np.ndarray | None,
    composition: _Composition | None,
    row: float,
) -> None:
    """A row for each of the largest oldest states: image, what it is made of, how many samples."""
    bar_at = _GAP if pictures is None else 2 * _PICTURE_AT + _GAP / 2
    right = axes.get_xlim()[1] - _GAP / 2
    heading = {"fontsize": 9.5, "color": INK, "style": "italic", "va": "bottom"}
    top = -0.1 / row
    axes.text(right, top, "samples", ha="right", **heading)
    if pictures is not None:
        axes.text(_PICTURE_AT, top, "state", ha="center", **heading)
    if composition is not None:
        axes.text(bar_at, top, "made of", **heading)
    for node in layout.shown.tolist():
        y = float(layout.y[node])
        axes.text(right, y, f"{tree.nodes.size[node]:,}", fontsize=9.5, color=INK, va="center", ha="right")
        if pictures is not None:
            frame = INK if composition is None else _branch_color(composition, node)
            _put_picture(axes, pictures[node], (_PICTURE_AT, y), frame, _PICTURE_SHARE * row)
        if composition is not None:
            _draw_bar(axes, composition, node, (bar_at, y))
            text, color = _majority_word(composition, node)
            beside = bar_at + _BAR_LENGTH + _GAP
            axes.text(beside, y, text, fontsize=11, weight="bold", va="center", color=color)


def _majority_word(composition: _Composition, node: int) -> tuple[str, str]:
    """What to call a state, and in which colour."""
    label, share = composition.majority(node)
    if not label:
        return "unknown", OTHER
    return (label, composition.colors[label]) if share > 0.5 else ("mixed", OTHER)


def _draw_bar(axes: "Axes", composition: _Composition, node: int, place: tuple[float, float]) -> None:
    """A bar of full length, divided as the samples of a node are among the labels."""
    counts = composition.counts[node]
    left, height = place[0], 0.36
    for label, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        piece = _BAR_LENGTH * number / counts.total()
        color = composition.colors[label]
        bar = Rectangle((left, place[1] - height / 2), piece, height)
        bar.set(facecolor=color, edgecolor="white", linewidth=0.4)
        axes.add_patch(bar)
        left += piece
