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
from carving.report._palette import INK, OTHER, PALE, label_colors, towards_grey

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.tree import Tree

_ROW_INCHES = 0.34
_PICTURE_INCHES = 0.30
_SMALLEST_INNER_SHARE = 0.04
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
    # imported figure by figure, so that no canvas, backend or style of the caller's is touched
    figure = Figure(figsize=(width, 1.25 + _ROW_INCHES * layout.height), dpi=150, facecolor="white")
    axes, tips = _axes(figure, layout, title)
    _draw_ribbons(axes, tree, layout, composition)
    _draw_ages(axes, tree, layout)
    if pictures is not None:
        _draw_inner_pictures(axes, tree, layout, pictures, composition)
    _draw_tips(tips, tree, layout, pictures, composition)
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


def _axes(figure: Figure, layout: Layout, title: str | None) -> tuple["Axes", "Axes"]:
    """The place of the tree, and at its right that of the rows; both with rows as vertical unit."""
    height = figure.get_figheight()
    bottom, top = 0.62 / height, 1 - (0.58 if title else 0.2) / height
    axes = figure.add_axes((0.02, bottom, 0.70, top - bottom))
    tips = figure.add_axes((0.72, bottom, 0.27, top - bottom))
    for each in (axes, tips):
        each.set_ylim(layout.height, 0)
        each.set_axis_off()
    tips.set_xlim(0, 1)
    if title:
        figure.text(0.02, 1 - 0.32 / height, title, fontsize=14, color=INK, weight="bold", va="center")
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
    axes.tick_params(axis="x", colors=INK, labelsize=8, length=3, color=PALE)
    axes.set_xlabel(
        "updates of the machine in training:   ← it knows little      it knows more →", fontsize=9, color=INK
    )


def _draw_inner_pictures(
    axes: "Axes", tree: "Tree", layout: Layout, pictures: np.ndarray, composition: _Composition | None
) -> None:
    """Images of the states where large branches meet, as many as there is room for."""
    nodes = tree.nodes
    inner = np.flatnonzero(np.diff(tree.children.offsets) > 0)
    inner = inner[nodes.size[inner] >= _SMALLEST_INNER_SHARE * len(tree.leaves)]
    box = axes.get_window_extent()
    size = _PICTURE_INCHES * 1.25 * axes.figure.dpi
    taken: list[np.ndarray] = []
    for node in inner[np.argsort(-nodes.size[inner], kind="stable")].tolist():
        at = (float(layout.x[node]), float(layout.y[node]))
        place = axes.transData.transform(at)
        if place[0] > box.x1 - size or np.isnan(pictures[node]).any():
            continue
        if all(np.abs(place - other).max() > size for other in taken):
            taken.append(place)
            color = INK if composition is None else _branch_color(composition, node)
            _put_picture(axes, pictures[node], at, color, _PICTURE_INCHES * 1.15)


def _put_picture(
    axes: "Axes", picture: np.ndarray, place: tuple[float, float], color: object, inches: float
) -> None:
    # OffsetImage counts in pixels of 1/72 inch
    image = OffsetImage(
        picture, zoom=inches * 72 / max(picture.shape), cmap="Greys", interpolation="nearest", dpi_cor=True
    )
    image.image.set_clim(0, 1)
    frame = {"edgecolor": color, "linewidth": 1.6, "boxstyle": "square,pad=0.06", "facecolor": "white"}
    axes.add_artist(
        AnnotationBbox(image, place, frameon=True, pad=0.06, bboxprops=frame, annotation_clip=False)
    )


def _draw_tips(
    axes: "Axes", tree: "Tree", layout: Layout, pictures: np.ndarray | None, composition: _Composition | None
) -> None:
    """A row for each of the largest oldest states: image, what it is made of, how many samples."""
    box = axes.get_window_extent()
    inch = axes.figure.dpi / box.width
    text_at = 0.08 * inch
    if pictures is not None:
        text_at += 0.46 * inch
    bar = (text_at, 0.9 * inch)
    for node in layout.shown.tolist():
        y, count = float(layout.y[node]), f"{tree.nodes.size[node]:,}"
        if pictures is not None:
            color = INK if composition is None else _branch_color(composition, node)
            _put_picture(axes, pictures[node], (0.26 * inch, y), color, _PICTURE_INCHES)
        if composition is None:
            axes.text(text_at, y, count, fontsize=8.5, color=INK, va="center")
            continue
        _draw_bar(axes, composition, node, (bar[0], y), bar[1])
        label, share = composition.majority(node)
        text, color = label or "unknown", composition.colors.get(label, OTHER)
        if label and share <= 0.5:
            text, color = "mixed", OTHER
        beside = bar[0] + bar[1] + 0.08 * inch
        axes.text(beside, y, text, fontsize=10, weight="bold", va="center", color=color)
        axes.text(0.99, y, count, fontsize=8.5, color=INK, va="center", ha="right")


def _draw_bar(
    axes: "Axes", composition: _Composition, node: int, place: tuple[float, float], length: float
) -> None:
    """A bar of full length, divided as the samples of a node are among the labels."""
    counts = composition.counts[node]
    left = place[0]
    for label, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        piece = length * number / counts.total()
        color = composition.colors.get(label, OTHER)
        axes.add_patch(
            Rectangle((left, place[1] - 0.17), piece, 0.34, facecolor=color, edgecolor="white", linewidth=0.4)
        )
        left += piece
