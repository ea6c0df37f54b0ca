"""The picture of the levels of a tree: groups at each age, and how well they agree with labels."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from carving.report._age_axis import UPDATES, show_ages
from carving.report._axes import logarithmic, style
from carving.report._canvas import (
    EDGE,
    arrange,
    canvas,
    check_width,
    draw_legend,
    note,
    panel,
    title_height,
)
from carving.report._coloring import columns_of
from carving.report._labels import SMALL
from carving.report._palette import INK, line_color
from carving.report._plot import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.statistics import Agreement
    from carving.tree import Tree

_BELOW, _BETWEEN, _LEFT, _LEGEND_GAP = 0.42, 0.12, 0.62, 0.08
_SHAPE = 0.3


def draw_levels(
    tree: "Tree",
    *,
    columns: Sequence[str] | None = None,
    agreements: "Mapping[str, Agreement] | None" = None,
    permutations: int = 999,
    generator: np.random.Generator | None = None,
    width: float = 7.0,
    title: str | None = None,
) -> Figure:
    """Draw for every age how many groups there are, and how well they agree with each label column.

    The upper panel shows the adjusted mutual information of :func:`carving.statistics.agreement`: 1 is
    perfect agreement, 0 chance. A dot marks the best level of each column, open where shuffled labels do as
    well too often for it to be more than chance.

    Parameters
    ----------
    tree
        A tree whose leaves are samples.
    columns
        The label columns; by default all that can be compared with chance.
    agreements
        What ``best_levels`` has found, where that is known already; nothing is shuffled then.
    permutations
        How many shuffles.
    generator
        Of the shuffles; by default one that makes the same picture every time.
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
        If there is no such column, its labels cannot be compared with chance, or the width is none.
    """
    from carving.statistics import best_levels

    check_width(width)
    generator = np.random.default_rng(0) if generator is None else generator
    chosen = None if columns is None else columns_of(tree, columns)
    found = agreements
    if found is None:
        found = best_levels(tree, chosen, permutations=permutations, generator=generator)
    inside = width - 2 * EDGE
    notes = [
        note(_in_words(each), inside, line_color(number), "full" if each.is_significant else "open")
        for number, each in enumerate(found.values())
    ]
    legend = arrange([("", rows) for rows in notes], inside)
    above = title_height(title) + legend.height + _LEGEND_GAP
    height = max(_SHAPE * width, 1.2)
    panels = 2 if found else 1
    figure = canvas((width, above + panels * (height + _BETWEEN) + _BELOW), title=title)
    draw_legend(figure, legend, EDGE, figure.get_figheight() - title_height(title))
    inside = width - _LEFT - 2 * EDGE
    lower = panel(figure, _LEFT, _BELOW, inside, height)
    _draw_groups(lower, tree)
    shown = [lower]
    if found:
        upper = panel(figure, _LEFT, _BELOW + height + _BETWEEN, inside, height)
        _draw_scores(upper, found)
        upper.tick_params(axis="x", labelbottom=False)
        shown.append(upper)
    for axes in shown:
        _set_ages(axes, tree)
    lower.set_xlabel(UPDATES, fontsize=SMALL, color=INK, labelpad=1)
    return figure


def _in_words(found: "Agreement") -> str:
    """Column, best level, and whether chance does as well."""
    best = found.best
    chance = "" if found.is_significant else ", no more than chance"
    groups = int(found.groups[best])
    return (
        f"{found.column}: {found.score[best]:.3f} at {found.age[best]:,} updates, {groups:,} "
        f"group{'s' * (groups != 1)}, p = {found.best_p_value:.2g}{chance}"
    )


def _draw_scores(axes: "Axes", found: "Mapping[str, Agreement]") -> None:
    style(axes)
    for number, each in enumerate(found.values()):
        color, x = line_color(number), np.log1p(each.age.astype(float))
        axes.step(x, each.score, where="post", color=color, linewidth=1.1, label=f"column {number}")
        face = color if each.is_significant else "white"
        axes.plot(x[each.best], each.score[each.best], "o", markersize=5, color=color, markerfacecolor=face)
    scores = np.concatenate([each.score for each in found.values()])
    axes.set_ylim(min(-0.05, 1.1 * float(scores.min())), max(0.2, 1.12 * float(scores.max())))
    axes.set_ylabel("agreement (AMI)", fontsize=SMALL, color=INK, labelpad=2)
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _draw_groups(axes: "Axes", tree: "Tree") -> None:
    style(axes)
    x = np.log1p(tree.ages.updates.astype(float))
    # between two checkpoints groups are those of the older one
    axes.step(x, tree.ages.groups, where="post", color=INK, linewidth=1.1)
    axes.set_ylim(0.8, 1.25 * max(2, int(tree.ages.groups.max())))
    logarithmic(axes.yaxis)
    axes.set_ylabel("groups", fontsize=SMALL, color=INK, labelpad=2)


def _set_ages(axes: "Axes", tree: "Tree") -> None:
    low, high = (float(np.log1p(tree.ages.updates[end])) for end in (-1, 0))
    margin = 0.03 * (high - low) or 0.3
    axes.set_xlim(low - margin, high + margin)
    show_ages(axes, low, high)
    axes.tick_params(labelsize=SMALL, pad=2)


PLOT = Plot(
    name="levels", description="groups at each age and their agreement with the labels", draw=draw_levels
)
