"""The picture of the states themselves: as images, as sequence logos, or as rows of magnetisations."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from carving.report._canvas import (
    EDGE,
    Entry,
    Legend,
    arrange,
    bare_panel,
    box,
    canvas,
    check_width,
    draw_legend,
    note,
    panel,
    title_height,
)
from carving.report._coloring import Coloring, color_by, line_colors
from carving.report._labels import SMALL
from carving.report._logo import draw_logo, information, letter_colors, letters_of
from carving.report._palette import INK, PALE
from carving.report._plot import Plot
from carving.report._states import ShownStates, as_images, captions, shown_states
from carving.report._words import fitting, put, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.tree import Tree

_MOST_IMAGES, _MOST_LOGOS, _MOST_ROWS = 60, 12, 60
# inches: images with their captions, lines of logos, rows of magnetisations
_IMAGE, _IMAGE_GAP, _CAPTION = 0.5, 0.12, 0.15
_LOGO, _LETTER, _LOGO_GAP, _LOGO_LEFT = 0.42, 0.1, 0.1, 0.3
_ROW = 0.135
_BELOW, _NOTE, _LEGEND_GAP = 0.4, 0.2, 0.08


def draw_states(
    tree: "Tree",
    *,
    image_shape: tuple[int, int] | None = None,
    alphabet: str | None = None,
    column: str | None = None,
    age: int | None = None,
    node: str | None = None,
    most: int | None = None,
    width: float = 7.0,
    title: str | None = None,
) -> Figure:
    """Draw the states of one age in the order of the tree, each with its size and its most frequent label.

    With ``image_shape`` they are images; of Potts machines they are sequence logos, in which the letters at a
    site are together as high as the site tells bits (Schneider & Stephens, NAR 18, 6097 (1990)); others are
    rows of magnetisations between 0, white, and 1, black.

    Parameters
    ----------
    tree
        Any tree.
    image_shape
        Rows and columns, where visible units are the pixels of an image.
    alphabet
        Of Potts machines, a letter for every state; by default that of proteins for 21 states and that of DNA
        for 4 or 5.
    column
        The label column; by default the first, if there is one.
    age
        In updates; by default the oldest.
    node
        Name of a node: only the states below it.
    most
        How many states, the largest ones; by default as many as there is room for.
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
        If there is no such column, node or age, images of that shape have another number of pixels, the
        alphabet has another length, or the width is none.
    """
    check_width(width)
    is_potts = tree.nodes.visible.ndim == 3
    if image_shape is not None:
        as_images(tree.nodes.visible, image_shape)
    usual = _MOST_IMAGES if image_shape is not None else _MOST_ROWS
    if is_potts and image_shape is None:
        usual = max(4, _MOST_LOGOS // _lines(tree.nodes.visible.shape[1], width))
    states = shown_states(tree, age=age, node=node, most=usual if most is None else max(1, most))
    coloring = color_by(tree, column)
    if image_shape is not None:
        return _draw_images(tree, states, image_shape, coloring, width, title)
    if is_potts:
        return _draw_logos(
            tree, states, letters_of(states.visible.shape[2], alphabet), coloring, width, title
        )
    return _draw_rows(tree, states, coloring, width, title)


def _start(
    states: ShownStates, legend: Legend, width: float, height: float, title: str | None
) -> tuple[Figure, float]:
    """A picture with title, legend and a line on which states these are; where they begin, in inches."""
    above = title_height(title) + legend.height + _LEGEND_GAP * bool(legend.rows)
    figure = canvas((width, above + height + _NOTE), title=title)
    total = figure.get_figheight()
    draw_legend(figure, legend, EDGE, total - title_height(title))
    number = len(states.node)
    which = f"the {number:,} largest of {number + states.left_out:,}" if states.left_out else f"{number:,}"
    words = f"{which} state{'s' * (number + states.left_out > 1)} at {states.age:,} updates"
    draw_legend(figure, arrange([("", note(words, width - 2 * EDGE))], width), EDGE, _NOTE - 0.02)
    return figure, total - above


def _labels(coloring: Coloring | None) -> list[tuple[str, list[Entry]]]:
    return [] if coloring is None else [(coloring.column, coloring.entries)]


def _draw_images(
    tree: "Tree",
    states: ShownStates,
    image_shape: tuple[int, int],
    coloring: Coloring | None,
    width: float,
    title: str | None,
) -> Figure:
    images = as_images(states.visible, image_shape)
    rows, columns = image_shape
    # pixels are square, and no image is larger than its place
    wide, high = (_IMAGE * side / max(rows, columns) for side in (columns, rows))
    across = max(1, int((width - 2 * EDGE + _IMAGE_GAP) / (_IMAGE + _IMAGE_GAP)))
    across = min(across, len(images))
    pitch = (width - 2 * EDGE + _IMAGE_GAP) / max(across, 4)
    step = high + _CAPTION + 0.06
    height = step * -(-len(images) // across)
    figure, top = _start(states, arrange(_labels(coloring), width - 2 * EDGE), width, height, title)
    axes = bare_panel(figure, 0, 0, *figure.get_size_inches())
    colors = line_colors(tree, coloring)
    words = captions(tree, states.node, coloring)
    frames, edges = [], []
    for place, (image, node) in enumerate(zip(images, states.node.tolist(), strict=True)):
        left = EDGE + (place % across) * pitch
        upper = top - (place // across) * step
        extent = (left, left + wide, upper - high, upper)
        axes.imshow(image, cmap="Greys", vmin=0, vmax=1, extent=extent, interpolation="nearest", zorder=1)
        frames.append(box(left, upper - high, left + wide, upper))
        edges.append(colors[node])
        text = fitting(words[place], pitch - 0.04, 6.5)
        put(axes, left + wide / 2, upper - high - 0.08, text, fontsize=6.5, ha="center")
    axes.add_collection(
        PolyCollection(frames, facecolors="none", edgecolors=edges, linewidths=1.5, zorder=2), autolim=False
    )
    full_width, full_height = figure.get_size_inches()
    axes.set(xlim=(0, full_width), ylim=(0, full_height), aspect="auto")
    return figure


def _draw_logos(
    tree: "Tree",
    states: ShownStates,
    alphabet: str,
    coloring: Coloring | None,
    width: float,
    title: str | None,
) -> Figure:
    sites, letters = states.visible.shape[1:]
    colors, kinds = letter_colors(alphabet)
    inside = width - _LOGO_LEFT - 2 * EDGE
    # lines of equal length
    lines = _lines(sites, width)
    line = -(-sites // lines)
    block = _CAPTION + lines * (_LOGO + _LOGO_GAP)
    legend = arrange(
        [*_labels(coloring), ("residues", kinds)] if kinds else _labels(coloring), width - 2 * EDGE
    )
    height = block * len(states.node) + 0.12
    figure, top = _start(states, legend, width, height, title)
    words = captions(tree, states.node, coloring)
    edges = line_colors(tree, coloring)
    back = bare_panel(figure, 0, 0, *figure.get_size_inches())
    heights = states.visible * information(states.visible)[..., None]
    for place, node in enumerate(states.node.tolist()):
        upper = top - place * block
        name = fitting(f"{tree.nodes.name[node]}: {words[place]}", inside)
        if coloring is not None:
            back.add_collection(
                PolyCollection([box(EDGE, upper - 0.12, EDGE + 0.09, upper - 0.03)], facecolors=edges[node]),
                autolim=False,
            )
        put(back, EDGE + 0.14 * (coloring is not None), upper - _CAPTION / 2, name)
        for number in range(lines):
            low = upper - _CAPTION - (number + 1) * (_LOGO + _LOGO_GAP) + _LOGO_GAP
            span = inside * min(line, sites - number * line) / line
            axes = panel(figure, _LOGO_LEFT, low, span, _LOGO)
            part = heights[place, number * line : (number + 1) * line]
            draw_logo(axes, part, alphabet, colors)
            style_logo(axes, len(part), number * line, float(np.log2(letters)))
            axes.tick_params(labelbottom=place == len(states.node) - 1 or lines > 1)
    return figure


def _lines(sites: int, width: float) -> int:
    """How many lines a logo of so many sites needs."""
    return -(-sites // max(1, int((width - _LOGO_LEFT - 2 * EDGE) / _LETTER)))


def style_logo(axes: "Axes", sites: int, first: int, bits: float) -> None:
    """A scale of bits at the left, and every tenth site below, counted from 0."""
    axes.set(xlim=(0, sites), ylim=(0, bits))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(PALE)
    axes.yaxis.set_major_locator(FixedLocator([0, float(np.floor(bits))]))
    tens = [site for site in range(first, first + sites) if site % 10 == 0]
    axes.xaxis.set_major_locator(FixedLocator([site - first + 0.5 for site in tens]))
    axes.xaxis.set_major_formatter(FixedFormatter([str(site) for site in tens]))
    axes.tick_params(labelsize=5.5, labelcolor=INK, color=PALE, length=2, pad=1)


def _draw_rows(
    tree: "Tree", states: ShownStates, coloring: Coloring | None, width: float, title: str | None
) -> Figure:
    words = [fitting(text, 0.3 * width) for text in captions(tree, states.node, coloring)]
    right = max(map(width_of, words)) + 0.2 + EDGE
    height = _ROW * len(words) + _BELOW
    legend = arrange(
        [
            *_labels(coloring),
            ("magnetisation", [Entry("0", "#f2f2f2"), Entry("½", "#969696"), Entry("1", "#000000")]),
        ],
        width - 2 * EDGE,
    )
    figure, top = _start(states, legend, width, height, title)
    low = top - _ROW * len(words)
    axes = panel(figure, EDGE + 0.1, low, width - right - EDGE - 0.1, top - low)
    sites = states.visible.shape[1]
    axes.imshow(
        states.visible, cmap="Greys", vmin=0, vmax=1, aspect="auto", extent=(-0.5, sites - 0.5, len(words), 0)
    )
    for spine in axes.spines.values():
        spine.set_color(PALE)
    axes.yaxis.set_major_locator(FixedLocator([]))
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(width)), integer=True))
    axes.tick_params(labelsize=SMALL, labelcolor=INK, color=PALE, length=3, pad=2)
    axes.set_xlabel("site", fontsize=SMALL, color=INK, labelpad=1)
    beside = bare_panel(figure, width - right, low, right, top - low)
    beside.set_ylim(len(words), 0)
    colors = line_colors(tree, coloring)
    if coloring is not None:
        chips = [box(0.05, i + 0.12, 0.14, i + 0.88) for i in range(len(words))]
        beside.add_collection(
            PolyCollection(chips, facecolors=[colors[node] for node in states.node.tolist()], linewidths=0),
            autolim=False,
        )
    for place, text in enumerate(words):
        put(beside, 0.2, place + 0.5, text)
    return figure


PLOT = Plot(
    name="states",
    description="the states themselves: images, sequence logos or rows, in the order of the tree",
    draw=draw_states,
)
