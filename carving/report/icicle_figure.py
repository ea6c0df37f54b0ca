"""The picture of a tree as areas: every node is a bar, as wide as it has samples and as long as it lives."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from carving.report._age_axis import UPDATES, scale_below, show_ages
from carving.report._canvas import (
    EDGE,
    arrange,
    box,
    canvas,
    check_width,
    draw_legend,
    panel,
    title_height,
)
from carving.report._coloring import Coloring, color_by
from carving.report._palette import INK
from carving.report._phylogram import order_of_nodes
from carving.report._plot import Plot
from carving.report._words import POINTS, fitting, put

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.tree import Tree

_BELOW, _LEGEND_GAP = 0.42, 0.08
# of the height; and inches below which a bar is not written in, nor drawn
_SHAPE, _LEAST_WRITTEN, _LEAST_DRAWN = 0.62, 8.5 / POINTS, 0.001
# two colours in turn where there are no labels
_PLAIN = ("#D9DDE3", "#BFC7D2")


def draw_icicle(
    tree: "Tree", *, column: str | None = None, width: float = 7.0, title: str | None = None
) -> Figure:
    """Draw every node as a bar over the ages at which its samples are one group, as high as they are many.

    At every age the bars are the states of that age with their sizes; the machine knows least at the left
    and most at the right. (Kruskal & Landwehr, Am. Stat. 37, 162 (1983).)

    Parameters
    ----------
    tree
        Any tree.
    column
        The label column to colour by; by default the first, if there is one. A bar has the colour of its most
        frequent label, the paler the more others there are.
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
        If there is no such column, or the width is none.
    """
    check_width(width)
    coloring = color_by(tree, column)
    legend = arrange([] if coloring is None else [(coloring.column, coloring.entries)], width - 2 * EDGE)
    above = title_height(title) + legend.height + _LEGEND_GAP * bool(legend.rows)
    height = max(_SHAPE * width, 2.0)
    figure = canvas((width, above + height + _BELOW), title=title)
    draw_legend(figure, legend, EDGE, _BELOW + height + above - title_height(title))
    axes = panel(figure, EDGE, _BELOW, width - 3 * EDGE, height)
    bars = icicle_bars(tree)
    axes.set_xlim(bars[:, 0].min(), bars[:, 2].max())
    axes.set_ylim(bars[-1, 3], 0)
    colors = _colors(tree, bars, coloring)
    _draw_bars(axes, bars, colors)
    _write_in(axes, tree, bars, colors, coloring)
    show_ages(axes, max(float(bars[:, 0].min()), 0.0), float(bars[:, 2].max()))
    samples = int(tree.nodes.size[-1])
    scale_below(axes, f"{UPDATES}; heights: {samples:,} sample{'s' * (samples > 1)}")
    return figure


def icicle_bars(tree: "Tree") -> np.ndarray:
    """Left, upper, right and lower end of every node's bar: log(1 + age) and counted samples."""
    nodes = tree.nodes
    begin = order_of_nodes(tree)
    right = np.log1p(nodes.age.astype(float))
    left = right[nodes.parent]
    span = right.max() - right[tree.root]
    # the root begins a little before its birth, for before that nothing happens
    left[tree.root] = right[tree.root] - max(0.06 * span, 0.3)
    return np.stack([left, begin, right, begin + nodes.size], 1)


def _colors(tree: "Tree", bars: np.ndarray, coloring: Coloring | None) -> list[str]:
    if coloring is not None:
        return coloring.branches()
    # neighbours differ, whatever their sizes are
    color = [0] * len(tree.nodes)
    for node in range(len(tree.nodes) - 1, -1, -1):
        children = tree.children.of(node)
        for turn, child in enumerate(children[np.argsort(bars[children, 1])].tolist()):
            color[child] = (color[node] + 1 + turn) % 2
    return [_PLAIN[number] for number in color]


def _draw_bars(axes: "Axes", bars: np.ndarray, colors: list[str]) -> None:
    inches = axes.get_window_extent().height / axes.figure.dpi / bars[-1, 3]
    seen = np.flatnonzero((bars[:, 3] - bars[:, 1]) * inches >= _LEAST_DRAWN)
    boxes = [box(left, low, right, high) for left, low, right, high in bars[seen].tolist()]
    axes.add_collection(
        PolyCollection(
            boxes, facecolors=[colors[node] for node in seen.tolist()], edgecolors="white",
            linewidths=0.5 if len(seen) < 1000 else 0.1,
        ),
        autolim=False,
    )  # fmt: skip


def _write_in(
    axes: "Axes", tree: "Tree", bars: np.ndarray, colors: list[str], coloring: Coloring | None
) -> None:
    """Label and size in every bar that has room for them."""
    extent = axes.get_window_extent()
    scale = np.array([extent.width, extent.height]) / axes.figure.dpi
    inches = (bars[:, 2:] - bars[:, :2]) * scale / (np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim()))
    for node in np.flatnonzero((inches[:, 1] >= _LEAST_WRITTEN) & (inches[:, 0] >= 0.2)).tolist():
        size = f"{tree.nodes.size[node]:,}"
        label, share = ("", 0.0) if coloring is None else coloring.composition.majority(node)
        # what is not most of a bar does not say what it is
        label = label if share > 0.5 else ""
        words = [f"{label} {100 * share:.0f} %, {size}", label, size] if label else [size]
        room = inches[node, 0] - 0.08
        fits = [text for text in words if fitting(text, room) == text]
        # a label of any length is cut, a number never
        text = fits[0] if fits else fitting(label, room) if label and room > 0.35 else ""
        if text:
            x, y = ((bars[node, :2] + bars[node, 2:]) / 2).tolist()
            put(axes, x, y, text, ha="center", color="white" if _is_dark(colors[node]) else INK)


def _is_dark(color: str) -> bool:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140


PLOT = Plot(
    name="icicle", description="states of every age as bars with their sizes, over log age", draw=draw_icicle
)
