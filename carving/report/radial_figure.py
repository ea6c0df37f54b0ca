"""The picture of a tree around its root, with a ring for each label column."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from carving.report._age_axis import age_ticks
from carving.report._canvas import (
    EDGE,
    add_lines,
    arrange,
    bare_panel,
    canvas,
    check_width,
    draw_legend,
    title_height,
)
from carving.report._coloring import GREY, color_by, columns_of, line_colors
from carving.report._palette import PALE
from carving.report._phylogram import AGES, NODE_WIDTH, UNITS, Phylogram, leaf_width, phylogram
from carving.report._plot import Plot
from carving.report._tips import Strip, no_room, strip_names, strips, supports, tip_names
from carving.report._words import POINTS, put, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.tree import Tree

_NAME_SIZE, _MARK_SIZE = 6.0, 5.5
# inches that a name takes of the circle
_NAME_PITCH = 0.1
_RING, _PITCH, _GAP = 0.1, 0.12, 0.05
_BAR = 0.3
_MOST_NAME = 0.2
_LEAST_RADIUS = 0.4
# share of the circle that stays open, where the scale is written, and of the radius around the root
_OPEN, _HOLE = 0.03, 0.06
# of an arc that is drawn as a straight line
_STEP = 2 * np.pi / 360


def draw_radial(
    tree: "Tree",
    *,
    columns: Sequence[str] | None = None,
    branch_length: str = "distance",
    width: float = 7.0,
    title: str | None = None,
) -> Figure:
    """Draw a tree with its root in the middle and its leaves around, and a ring for each label column.

    Colours, names, sizes and supports are those of :func:`draw_rectangular`.

    Parameters
    ----------
    tree
        Any tree.
    columns
        The label columns to show, from the tips outwards; by default all but those in which almost every
        leaf has a label of its own. The first colours the branches.
    branch_length
        One of ``carving.tree.topology.BRANCH_LENGTHS``.
    width
        In inches.
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
    legend = arrange([(strip.name, strip.entries) for strip in beside], width - 2 * EDGE)
    above = title_height(title) + legend.height
    figure = canvas((width, above + width), title=title)
    draw_legend(figure, legend, EDGE, above + width - title_height(title))
    axes = bare_panel(figure, 0, 0, width, width)
    # inches from the root
    axes.set(xlim=(-width / 2, width / 2), ylim=(-width / 2, width / 2))

    outer, names = _names(tree, shape, width, beside)
    if outer < _LEAST_RADIUS:
        raise no_room(width, len(beside))
    places = _Circle(shape, outer)
    _draw_scale(axes, places, shape, branch_length)
    _draw_branches(axes, tree, shape, places, beside[0].name if beside else None)
    _draw_supports(axes, tree, shape, places)
    radius = _draw_rings(axes, beside, places, outer + _GAP)
    if tree.is_condensed:
        radius = _draw_sizes(axes, tree, shape, places, radius)
    _draw_names(axes, names, places, radius + _GAP / 2)
    return figure


def _names(
    tree: "Tree", shape: Phylogram, width: float, beside: list[Strip]
) -> tuple[float, list[tuple[float, str]]]:
    """The radius of the tips, and the names around, as far as there is room for them."""
    count, rings = len(shape.tips), _PITCH * len(beside)
    most = _MOST_NAME * width
    room = width / 2 - EDGE - _GAP - rings - (_BAR if tree.is_condensed else 0.0)

    def inside(names: list[tuple[float, str]]) -> float:
        return room - max((width_of(name, _NAME_SIZE) for _, name in names), default=-_GAP) - _GAP

    around = 2 * np.pi * (1 - _OPEN)
    # leaves beyond that have no room in any picture
    names = tip_names(tree, shape.tips, most, _NAME_SIZE) if count < 5000 * width / 100 else []
    if not names or count * _NAME_PITCH > around * (inside(names) + rings):
        names = strip_names(beside, most, _NAME_SIZE, around * (room - most + rings) / count)
    return inside(names), names


class _Circle:
    """Places on the circle, in inches from the root."""

    def __init__(self, shape: Phylogram, outer: float) -> None:
        self.outer = outer
        self.count = len(shape.tips)
        self._least = float(shape.x[shape.kept].min())
        self._span = float(np.ptp(shape.x[shape.kept])) or 1.0

    def radius(self, x: np.ndarray | float) -> np.ndarray:
        """Of a vertex whose branch lengths add up to x."""
        share = (np.asarray(x) - self._least) / self._span
        return self.outer * (_HOLE + (1 - _HOLE) * share)

    def angle(self, y: np.ndarray | float) -> np.ndarray:
        """Of a place among the tips: clockwise, from the top on."""
        turn = _OPEN / 2 + (1 - _OPEN) * np.asarray(y) / self.count
        return np.pi / 2 - 2 * np.pi * turn

    def point(self, radius: np.ndarray | float, angle: np.ndarray | float) -> np.ndarray:
        """In inches."""
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)

    def arc(self, radius: float, low: float, high: float) -> np.ndarray:
        """Points between two places among the tips."""
        begin, end = self.angle(low), self.angle(high)
        steps = 1 + int(np.ceil(abs(float(end - begin)) / _STEP))
        return self.point(radius, np.linspace(begin, end, steps + 1))

    def sector(self, inner: float, outer: float, low: float, high: float) -> np.ndarray:
        """The outline of a piece of a ring."""
        return np.concatenate([self.arc(inner, low, high), self.arc(outer, high, low)])


def _draw_branches(axes: "Axes", tree: "Tree", shape: Phylogram, places: _Circle, column: str | None) -> None:
    coloring = color_by(tree, column) if column else None
    colors = line_colors(tree, coloring)
    angle = places.angle(shape.y)
    outwards = np.stack(
        [places.point(places.radius(x), angle) for x in (shape.x[shape.parent], shape.x)], axis=1
    )
    leaves, inner, joints = shape.long_leaves, shape.inner[:-1], shape.joints
    above = [GREY if coloring is None else colors[node] for node in shape.parent[leaves].tolist()]
    thin = leaf_width(places.count, 2 * np.pi * places.outer)
    add_lines(axes, list(outwards[leaves]), above, width=thin)
    arcs = [
        places.arc(float(places.radius(shape.x[node])), float(shape.low[node]), float(shape.high[node]))
        for node in joints.tolist()
    ]
    chosen = [colors[node] for node in [*inner.tolist(), *joints.tolist()]]
    add_lines(axes, [*outwards[inner], *arcs], chosen, width=NODE_WIDTH)


def _draw_scale(axes: "Axes", places: _Circle, shape: Phylogram, branch_length: str) -> None:
    """Pale circles with their numbers where the circle of the leaves is open."""
    low, high = float(shape.x[shape.kept].min()), float(shape.x[shape.kept].max())
    most = max(2, int(places.outer / 0.35))
    if branch_length in AGES:
        at, names = age_ticks(low, high, most)
    else:
        at = [tick for tick in MaxNLocator(min(most, 5)).tick_values(low, high) if low < tick <= high]
        names = [f"{tick:g}" for tick in at]
    circles = [places.arc(float(places.radius(x)), 0, places.count) for x in at]
    add_lines(axes, circles, [PALE] * len(circles), width=0.4, zorder=1)
    last = np.inf
    for x, name in sorted(zip(at, names, strict=True), reverse=True):
        y = float(places.radius(x))
        # numbers stand above each other
        if last - y > 8 / POINTS:
            put(axes, 0, y, name, fontsize=_MARK_SIZE, ha="center", zorder=4)
            last = y
    put(axes, -axes.get_xlim()[1] + EDGE, axes.get_ylim()[0] + 0.1, f"circles: {UNITS[branch_length]}",
        fontsize=_NAME_SIZE)  # fmt: skip


def _draw_supports(axes: "Axes", tree: "Tree", shape: Phylogram, places: _Circle) -> None:
    texts = supports(tree, shape)
    taken: list[np.ndarray] = []
    wide, high = width_of("100", _MARK_SIZE), _MARK_SIZE / POINTS
    for node in sorted(texts, key=lambda node: -tree.nodes.size[node]):
        # a little towards the root, beside the branch
        at = places.point(float(places.radius(shape.x[node])) - wide / 2, places.angle(shape.y[node]))
        if all(abs(at[0] - other[0]) > wide or abs(at[1] - other[1]) > high for other in taken):
            taken.append(at)
            put(axes, float(at[0]), float(at[1]), texts[node], fontsize=_MARK_SIZE, ha="center", zorder=4)


def _draw_rings(axes: "Axes", beside: list[Strip], places: _Circle, radius: float) -> float:
    for strip in beside:
        pieces = [places.sector(radius, radius + _RING, low, high) for low, high, _ in strip.pieces]
        axes.add_collection(
            PolyCollection(pieces, facecolors=strip.colors, label=strip.name, **strip.edge), autolim=False
        )
        radius += _PITCH
    return radius


def _draw_sizes(axes: "Axes", tree: "Tree", shape: Phylogram, places: _Circle, radius: float) -> float:
    sizes = tree.leaves.size[shape.tips]
    longest = (_BAR - _GAP) * sizes / sizes.max()
    bars = [places.sector(radius, radius + long, i + 0.1, i + 0.9) for i, long in enumerate(longest.tolist())]
    axes.add_collection(PolyCollection(bars, facecolors=PALE, linewidths=0), autolim=False)
    return radius + _BAR - _GAP


def _draw_names(axes: "Axes", names: list[tuple[float, str]], places: _Circle, radius: float) -> None:
    for place, name in names:
        angle = float(places.angle(place))
        x, y = places.point(radius, angle).tolist()
        # never upside down
        turned = np.cos(angle) < 0
        put(
            axes, x, y, name, fontsize=_NAME_SIZE, rotation=np.degrees(angle) + 180 * turned,
            rotation_mode="anchor", ha="right" if turned else "left", va="center_baseline",
        )  # fmt: skip


PLOT = Plot(
    name="radial",
    description="tree around its root, with a ring for each label column",
    draw=draw_radial,
)
