"""The picture of a tree as viewers of trees draw it: the root at the left, a row for each leaf."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from carving.report._age_axis import most_ticks, scale_below, show_ages
from carving.report._canvas import (
    EDGE,
    add_lines,
    arrange,
    bare_panel,
    box,
    canvas,
    check_width,
    draw_legend,
    panel,
    title_height,
)
from carving.report._coloring import GREY, color_by, columns_of, line_colors
from carving.report._labels import SMALL, size_of
from carving.report._palette import INK, PALE
from carving.report._phylogram import AGES, NODE_WIDTH, UNITS, Phylogram, leaf_width, phylogram
from carving.report._plot import Plot
from carving.report._tips import Strip, no_room, strip_names, strips, supports, tip_names
from carving.report._words import POINTS, fitting, put, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.tree import Tree

# inches of a row that has a name, and of all rows together
_ROW, _MOST_HEIGHT = 0.125, 9.0
_NAME_SIZE = 6.5
_STRIP, _PITCH, _GAP = 0.1, 0.13, 0.06
_BAR = 0.5
_AXIS = 0.42
_MOST_NAME = 0.33
_LEGEND_GAP = 0.08
_LEAST_TREE = 0.8


def draw_rectangular(
    tree: "Tree",
    *,
    columns: Sequence[str] | None = None,
    branch_length: str = "distance",
    width: float = 7.0,
    title: str | None = None,
) -> Figure:
    """Draw a tree with a row for each leaf, and a strip of colours beside them for each label column.

    Branches have the colour of the most frequent label below them, the paler the more others there are.
    Names of leaves are written where there is room for them, bars for their sizes where leaves stand for
    several samples, and the support of nodes, in percent, where it is known.

    Parameters
    ----------
    tree
        Any tree. ``tree.condense("states")`` makes readable ones of large ones.
    columns
        The label columns to show, from the tips outwards; by default all but those in which almost every
        leaf has a label of its own. The first colours the branches.
    branch_length
        One of ``carving.tree.topology.BRANCH_LENGTHS``.
    width
        In inches. The height follows from the number of leaves.
    title
        Above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; :func:`save_figure` writes it.

    Raises
    ------
    InvalidInput
        If there is no such column or branch length, or the width is none.
    """
    check_width(width)
    chosen = columns_of(tree, columns)
    shape = phylogram(tree, branch_length, chosen)
    beside = strips(tree, shape.tips, chosen)
    count = len(shape.tips)
    named = count * _ROW <= _MOST_HEIGHT
    height = max(count * _ROW, 0.5) if named else float(np.clip(1.1 * width, 3.0, _MOST_HEIGHT))
    room = _MOST_NAME * width
    if named:
        names = tip_names(tree, shape.tips, room, _NAME_SIZE)
    else:
        names = strip_names(beside, room, _NAME_SIZE, height / count)
    names_width = max((width_of(name, _NAME_SIZE) for _, name in names), default=-_GAP) + _GAP
    sized = tree.is_condensed
    legend = arrange([(strip.name, strip.entries) for strip in beside], width - 2 * EDGE)
    heading = (
        max((width_of(fitting(s.name, 0.8)) for s in beside), default=0.0) + 0.05 if len(beside) > 1 else 0.0
    )
    above = title_height(title) + legend.height + _LEGEND_GAP * bool(legend.rows)
    below = max(_AXIS, heading)
    figure = canvas((width, above + height + below), title=title)
    draw_legend(figure, legend, EDGE, height + below + above - title_height(title))

    right = names_width + _PITCH * len(beside) + (_BAR if sized else 0.0) + _GAP + EDGE
    if width - EDGE - right < _LEAST_TREE:
        raise no_room(width, len(beside))
    axes = panel(figure, EDGE, below, width - EDGE - right, height)
    axes.set_ylim(count, 0)
    _draw_branches(axes, tree, shape, beside[0].name if beside else None)
    _draw_axis(axes, shape, branch_length)
    _draw_supports(axes, tree, shape)
    tips = bare_panel(figure, width - right, below, right, height)
    tips.set_ylim(count, 0)
    left = _GAP / 2
    left = _draw_strips(tips, beside, left, heading > 0)
    if sized:
        left = _draw_sizes(tips, tree, shape, left + _GAP / 2)
    for place, name in names:
        put(tips, left + _GAP / 2, place, name, fontsize=_NAME_SIZE)
    return figure


def _draw_branches(axes: "Axes", tree: "Tree", shape: Phylogram, column: str | None) -> None:
    coloring = color_by(tree, column) if column else None
    colors = line_colors(tree, coloring)
    x, y = shape.x, shape.y
    leaves = shape.long_leaves
    begin = x[shape.parent]
    across = np.stack([np.stack([begin, x], 1), np.stack([y, y], 1)], 2)
    above = [GREY if coloring is None else colors[node] for node in shape.parent[leaves].tolist()]
    thin = leaf_width(len(shape.tips), axes.get_window_extent().height / axes.figure.dpi)
    add_lines(axes, list(across[leaves]), above, width=thin)
    inner, joints = shape.inner[:-1], shape.joints
    down = np.stack([np.stack([x, x], 1), np.stack([shape.low, shape.high], 1)], 2)
    root = shape.kept[-1]
    span = float(np.ptp(x[shape.kept])) or 1.0
    stem = np.array([[x[root] - 0.02 * span, y[root]], [x[root], y[root]]])
    chosen = [colors[node] for node in [*inner.tolist(), *joints.tolist(), root]]
    add_lines(axes, [*across[inner], *down[joints], stem], chosen, width=NODE_WIDTH)
    axes.set_xlim(float(x[root]) - 0.03 * span, float(x[shape.kept].max()) + 0.005 * span)


def _draw_axis(axes: "Axes", shape: Phylogram, branch_length: str) -> None:
    scale_below(axes, UNITS[branch_length])
    low, high = float(shape.x[shape.kept].min()), float(shape.x[shape.kept].max())
    # at the end of the tree the strips begin, and what is written below them
    if branch_length in AGES:
        show_ages(axes, low, high)
        axes.xaxis.get_majorticklabels()[-1].set_horizontalalignment("right")
    else:
        end = high - 0.15 * (high - low) / size_of(axes)[0]
        ticks = np.asarray(MaxNLocator(min(most_ticks(axes), 6)).tick_values(low, high))
        axes.xaxis.set_major_locator(FixedLocator(ticks[(ticks >= low) & (ticks <= end)].tolist()))


def _draw_supports(axes: "Axes", tree: "Tree", shape: Phylogram) -> None:
    """Left of each node above its branch, unless there is a number already."""
    texts = supports(tree, shape)
    box_width, box_height = np.array(axes.get_window_extent().size) / axes.figure.dpi
    high, wide = 6.0 / POINTS, width_of("100", 5.5)
    taken: list[np.ndarray] = []
    for node in sorted(texts, key=lambda node: -tree.nodes.size[node]):
        at = axes.transLimits.transform((shape.x[node], shape.y[node])) * (box_width, box_height)
        if all(abs(at[0] - other[0]) > wide or abs(at[1] - other[1]) > high for other in taken):
            taken.append(at)
            axes.annotate(
                texts[node], (shape.x[node], shape.y[node]), xytext=(-1.5, 0.8), textcoords="offset points",
                fontsize=5.5, color=INK, ha="right", va="bottom", annotation_clip=False,
            )  # fmt: skip


def _draw_strips(axes: "Axes", beside: list[Strip], left: float, headed: bool) -> float:
    """From ``left`` on, in inches; returns where they end."""
    count = axes.get_ylim()[0]
    for strip in beside:
        squares = [box(left, low, left + _STRIP, high) for low, high, _ in strip.pieces]
        collection = PolyCollection(squares, facecolors=strip.colors, label=strip.name, **strip.edge)
        axes.add_collection(collection, autolim=False)
        if headed:
            text = fitting(strip.name, 0.8)
            axes.annotate(
                text, (left + _STRIP / 2, count), xytext=(0, -2), textcoords="offset points", fontsize=SMALL,
                color=INK, rotation=90, ha="center", va="top", annotation_clip=False, parse_math=False,
            )  # fmt: skip
        left += _PITCH
    return left


def _draw_sizes(axes: "Axes", tree: "Tree", shape: Phylogram, left: float) -> float:
    sizes = tree.leaves.size[shape.tips]
    longest = (_BAR - _GAP) * sizes / sizes.max()
    bars = [box(left, i + 0.15, left + long, i + 0.85) for i, long in enumerate(longest.tolist())]
    axes.add_collection(PolyCollection(bars, facecolors=PALE, linewidths=0), autolim=False)
    if len(sizes) * _ROW <= _MOST_HEIGHT:
        for place, size in enumerate(sizes.tolist()):
            put(axes, left + 0.02, place + 0.5, f"{size:,}", fontsize=5.5)
    return left + _BAR - _GAP


PLOT = Plot(
    name="rectangular",
    description="tree with a row for each leaf, and a strip for each label column",
    draw=draw_rectangular,
)
