"""The picture of one split: what tells its two branches apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from carving.errors import InvalidInput
from carving.report._canvas import (
    EDGE,
    Entry,
    arrange,
    bare_panel,
    canvas,
    check_width,
    draw_legend,
    note,
    panel,
    title_height,
)
from carving.report._coloring import Coloring, color_by
from carving.report._labels import SMALL
from carving.report._logo import draw_logo, information, letter_colors, letters_of
from carving.report._palette import INK, LINES, PALE
from carving.report._plot import Plot
from carving.report._states import as_images, node_named
from carving.report._words import fitting, put, width_of
from carving.report.states_figure import style_logo

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.statistics import SiteDifferences
    from carving.tree import Tree

# the first branch and the second, and colours from the one to the other
_SIDES = (LINES[1], LINES[0])
_BETWEEN = "PuOr_r"
_ROW, _BELOW, _LEGEND_GAP = 0.16, 0.42, 0.1
_LOGO, _LETTER, _CAPTION, _LOGO_LEFT = 0.5, 0.1, 0.16, 0.32
_MOST_LABELS = 3
_NAMES = ("first", "second", "first − second")


def draw_split(
    tree: "Tree",
    *,
    node: str | int | None = None,
    image_shape: tuple[int, int] | None = None,
    alphabet: str | None = None,
    site_names: Sequence[str] | None = None,
    column: str | None = None,
    count: int = 10,
    width: float = 7.0,
    title: str | None = None,
) -> Figure:
    """Draw what tells the two largest branches of a node apart.

    With ``image_shape`` both states are images, beside the difference of them. Of Potts machines there is a
    logo for each state, and one of the differences: letters upwards are more frequent in the first branch,
    letters downwards in the second, and the most different sites are numbered. Others are a row for each of
    the most different sites, with the probability in either branch. States are compared as
    :func:`carving.statistics.distinguishing_sites` does.

    Parameters
    ----------
    tree
        A tree with a node that has two children.
    node
        Name or index of such a node; by default the one where the tree first splits.
    image_shape
        Rows and columns, where visible units are the pixels of an image.
    alphabet
        Of Potts machines, a letter for every state; by default that of proteins for 21 states and that of DNA
        for 4 or 5.
    site_names
        A name for every site.
    column
        The label column whose most frequent label is written beside each branch; by default the first.
    count
        How many sites.
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
        If there is no such column or node, the node does not split, images of that shape have another number
        of pixels, there are not as many letters as states or names as sites, or the width is none.
    """
    from carving.statistics import distinguishing_sites

    check_width(width)
    if image_shape is not None:
        as_images(tree.nodes.visible, image_shape)
    is_potts = tree.nodes.visible.ndim == 3
    if is_potts:
        alphabet = letters_of(tree.nodes.visible.shape[2], alphabet)
    chosen = _chosen(tree, node)
    found = distinguishing_sites(tree, chosen, count=None, site_names=site_names, alphabet=alphabet)
    groups = _in_words(tree, found, color_by(tree, column), width)
    if image_shape is not None:
        return _draw_images(tree, found, image_shape, groups, width, title)
    count = max(1, count)
    if is_potts and alphabet is not None:
        most = list(dict.fromkeys(found.site.tolist()))[:count]
        named = {site: str(site if site_names is None else site_names[site]) for site in most}
        return _draw_logos(tree, found, alphabet, groups, named, width, title)
    return _draw_sites(tree, found, groups, count, width, title)


def _chosen(tree: "Tree", node: str | int | None) -> int:
    from carving.statistics import splits

    if isinstance(node, str):
        return node_named(tree, node)
    if node is not None:
        return node
    found = splits(tree)
    if not len(found):
        raise InvalidInput("tree: no branches part in it, so there is no split to draw")
    return int(found.node[0])


def _branches_in_words(tree: "Tree", found: "SiteDifferences", coloring: Coloring | None) -> list[str]:
    """Name, size and most frequent label of both."""
    result = []
    for child in found.children.tolist():
        size = int(tree.nodes.size[child])
        words = f"{tree.nodes.name[child]}: {size:,} sample{'s' * (size != 1)}"
        if coloring is not None:
            words += _largest_labels(coloring, child)
        result.append(words)
    return result


def _largest_labels(coloring: Coloring, node: int) -> str:
    """The three most frequent labels, as long as they are some."""
    found = coloring.composition
    counts = found.counts[node]
    parts = [
        f", {found.labels[place]}: {100 * counts[place] / counts.sum():.0f} %"
        for place in np.argsort(-counts, kind="stable")[:_MOST_LABELS].tolist()
        if counts[place] >= 0.05 * counts.sum() > 0
    ]
    return "".join(parts)


def _in_words(
    tree: "Tree", found: "SiteDifferences", coloring: Coloring | None, width: float
) -> list[tuple[str, list[Entry]]]:
    """Where the branches part, and what they are, for the legend."""
    inside = width - 2 * EDGE
    born = int(tree.nodes.age[found.node])
    old = f"age {int(found.ages[0]):,}" if found.ages[0] == found.ages[1] else "their births"
    rows = note(f"{tree.nodes.name[found.node]}: one state until age {born:,}; compared at {old}", inside)
    for words, color in zip(_branches_in_words(tree, found, coloring), _SIDES, strict=True):
        rows += note(words, inside, color, "full")
    return [("", rows)]


def _both(found: "SiteDifferences", shape: tuple[int, ...]) -> np.ndarray:
    """The probabilities of both branches at every site, (2, sites[, states])."""
    points = np.empty((2, int(np.prod(shape))))
    flat = found.site if len(shape) == 1 else found.site * shape[1] + found.state
    points[:, flat] = found.magnetisation
    return points.reshape(2, *shape)


def _draw_images(
    tree: "Tree",
    found: "SiteDifferences",
    image_shape: tuple[int, int],
    groups: list[tuple[str, list[Entry]]],
    width: float,
    title: str | None,
) -> Figure:
    first, second = as_images(_both(found, tree.nodes.visible.shape[1:]), image_shape)
    gap = 0.15
    side = (width - 2 * EDGE - 2 * gap - 0.55) / 3
    wide, high = (side * length / max(image_shape) for length in (image_shape[1], image_shape[0]))
    legend = arrange(groups, width - 2 * EDGE)
    above = title_height(title) + legend.height + _LEGEND_GAP
    figure = canvas((width, above + high + _CAPTION + EDGE), title=title)
    draw_legend(figure, legend, EDGE, figure.get_figheight() - title_height(title))
    back = bare_panel(figure, 0, 0, *figure.get_size_inches())
    for place, (image, name) in enumerate(zip((first, second, first - second), _NAMES, strict=True)):
        left = EDGE + place * (wide + gap)
        axes = panel(figure, left, _CAPTION + EDGE, wide, high)
        colors = (
            {"cmap": _BETWEEN, "vmin": -1, "vmax": 1}
            if place == 2
            else {"cmap": "Greys", "vmin": 0, "vmax": 1}
        )
        shown = axes.imshow(image, interpolation="nearest", aspect="auto", **colors)
        axes.xaxis.set_major_locator(NullLocator())
        axes.yaxis.set_major_locator(NullLocator())
        for spine in axes.spines.values():
            spine.set(color=PALE if place == 2 else _SIDES[place], linewidth=1.5)
        put(back, left + wide / 2, EDGE + _CAPTION / 2, name, ha="center")
        if place == 2:
            scale = panel(figure, left + wide + 0.06, _CAPTION + EDGE, 0.08, high)
            bar = figure.colorbar(shown, cax=scale, ticks=FixedLocator([-1, 0, 1]))
            bar.outline.set_edgecolor(PALE)  # pyright: ignore[reportCallIssue]
            scale.tick_params(labelsize=6.5, labelcolor=INK, color=PALE, length=2, pad=1)
    return figure


def _draw_logos(
    tree: "Tree",
    found: "SiteDifferences",
    alphabet: str,
    groups: list[tuple[str, list[Entry]]],
    named: dict[int, str],
    width: float,
    title: str | None,
) -> Figure:
    both = _both(found, tree.nodes.visible.shape[1:])
    colors, kinds = letter_colors(alphabet)
    sites, letters = both.shape[1:]
    inside = width - _LOGO_LEFT - 2 * EDGE
    lines = -(-sites // max(1, int(inside / _LETTER)))
    line = -(-sites // lines)
    if kinds:
        groups = [*groups, ("residues", kinds)]
    legend = arrange(groups, width - 2 * EDGE)
    above = title_height(title) + legend.height + _LEGEND_GAP
    block = _CAPTION + _LOGO + 0.02
    step = 3 * block + 0.3
    figure = canvas((width, above + lines * step + 0.05), title=title)
    top = figure.get_figheight() - above
    draw_legend(figure, legend, EDGE, figure.get_figheight() - title_height(title))
    back = bare_panel(figure, 0, 0, *figure.get_size_inches())
    bits = float(np.log2(letters))
    heights = [*(both * information(both)[..., None]), both[0] - both[1]]
    far = max(0.1, 1.05 * float(np.abs(heights[2]).clip(0).sum(1).max()) / 2)
    for number in range(lines):
        begin, end = number * line, min(sites, (number + 1) * line)
        for place, (height, name) in enumerate(zip(heights, _NAMES, strict=True)):
            upper = top - number * step - place * block
            color = _SIDES[place] if place < 2 else INK
            put(back, EDGE, upper - _CAPTION / 2, name, color=color, weight="bold" if place < 2 else "normal")
            span = inside * (end - begin) / line
            axes = panel(figure, _LOGO_LEFT, upper - _CAPTION - _LOGO, span, _LOGO)
            draw_logo(axes, height[begin:end], alphabet, colors)
            style_logo(axes, end - begin, begin, bits)
            if place < 2:
                axes.tick_params(labelbottom=False)
            else:
                _mark_sites(axes, {site: named[site] for site in named if begin <= site < end}, begin, far)
    return figure


def _mark_sites(axes: "Axes", sites: dict[int, str], first: int, far: float) -> None:
    """Names of the most different sites below, as far as they are apart, the most different first."""
    axes.set_ylim(-far, far)
    axes.yaxis.set_major_locator(FixedLocator([0, float(f"{far / 1.1:.1g}")]))
    axes.axhline(0, color=PALE, linewidth=0.6, zorder=0.5)
    axes.xaxis.set_major_locator(NullLocator())
    inch = (axes.get_window_extent().width / axes.figure.dpi) / float(np.ptp(axes.get_xlim()))
    taken: list[tuple[float, float]] = []
    for site, name in sites.items():
        x, text = site - first + 0.5, fitting(name, 0.5, 6)
        half = (width_of(text, 6) + 0.03) / 2
        if all(abs(x - other) * inch > half + beside for other, beside in taken):
            taken.append((x, half))
            axes.annotate(
                text, (x, -far), xytext=(0, -2), textcoords="offset points", fontsize=6, color=INK,
                ha="center", va="top", annotation_clip=False, parse_math=False,
            )  # fmt: skip


def _draw_sites(
    tree: "Tree",
    found: "SiteDifferences",
    groups: list[tuple[str, list[Entry]]],
    count: int,
    width: float,
    title: str | None,
) -> Figure:
    rows = min(count, len(found))
    names = [fitting(name, 0.35 * width) for name in found.name[:rows]]
    left = EDGE + max([*map(width_of, names), 0.3]) + 0.08
    legend = arrange(groups, width - 2 * EDGE)
    above = title_height(title) + legend.height + _LEGEND_GAP
    figure = canvas((width, above + _ROW * rows + _BELOW), title=title)
    draw_legend(figure, legend, EDGE, figure.get_figheight() - title_height(title))
    axes = panel(figure, left, _BELOW, width - left - 2 * EDGE, _ROW * rows)
    axes.set(xlim=(-0.02, 1.02), ylim=(rows, 0))
    axes.yaxis.set_major_locator(NullLocator())
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(PALE)
    axes.tick_params(labelsize=SMALL, labelcolor=INK, color=PALE, length=3, pad=2)
    axes.set_xlabel(_probability(tree), fontsize=SMALL, color=INK, labelpad=1)
    y = np.arange(rows) + 0.5
    points = found.magnetisation[:, :rows]
    ends = np.stack([np.stack([points[0], y], 1), np.stack([points[1], y], 1)], 1)
    axes.add_collection(LineCollection(list(ends), colors=PALE, linewidths=2, zorder=1), autolim=False)
    for values, color in zip(points, _SIDES, strict=True):
        axes.plot(values, y, "o", color=color, markersize=4.5, clip_on=False)
    beside = bare_panel(figure, 0, _BELOW, left, _ROW * rows)
    beside.set_ylim(rows, 0)
    for place, name in enumerate(names):
        put(beside, left - 0.08, place + 0.5, name, ha="right")
    return figure


def _probability(tree: "Tree") -> str:
    return "probability of +1 at the site" if tree.visible_unit == "spin" else "probability of 1 at the site"


PLOT = Plot(
    name="split",
    description="what tells the two branches of a split apart: sites, pixels or residues",
    draw=draw_split,
)
