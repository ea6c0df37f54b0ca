"""The picture of the free energies of all states along learning."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from carving.report._age_axis import UPDATES, show_ages
from carving.report._axes import style
from carving.report._canvas import (
    EDGE,
    MARKERS,
    Entry,
    add_lines,
    arrange,
    canvas,
    check_width,
    draw_legend,
    panel,
    title_height,
)
from carving.report._coloring import color_by, line_colors
from carving.report._labels import SMALL
from carving.report._palette import INK, LINES
from carving.report._plot import Plot
from carving.report._trajectories import births, check_states, trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.tree import Tree

_BELOW, _BETWEEN, _LEFT, _LEGEND_GAP = 0.42, 0.12, 0.62, 0.08
# nodes from which signs are smaller
_MANY = 60
# height of a panel as a share of the width
_SHAPE = 0.34
_SIGNS = [
    Entry("stable", INK, "full"),
    Entry("not stable", INK, "open"),
    Entry("not converged", INK, "cross"),
]


def draw_free_energy(
    tree: "Tree", *, column: str | None = None, width: float = 7.0, title: str | None = None
) -> Figure:
    """Draw Γ, the Gibbs free energy of equations (3)-(5), of every state at every age.

    The upper panel shows Γ itself, the lower one how far each state lies above the lowest of its age, in kT.
    Where states merge, their lines end on that of their common state. Dots are nodes where they are born:
    full where the fixed point is a minimum, open where it is not, crosses where it did not converge.

    Parameters
    ----------
    tree
        Any tree that has the states of its ages.
    column
        The label column to colour by; by default the first, if there is one.
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
        If the tree holds no states, there is no such column, or the width is none.
    """
    check_width(width)
    check_states(tree)
    coloring = color_by(tree, column)
    groups = [] if coloring is None else [(coloring.column, coloring.entries)]
    legend = arrange([*groups, ("births", _SIGNS)], width - 2 * EDGE)
    above = title_height(title) + legend.height + _LEGEND_GAP
    height = max(_SHAPE * width, 1.3)
    figure = canvas((width, above + 2 * height + _BETWEEN + _BELOW), title=title)
    draw_legend(figure, legend, EDGE, figure.get_figheight() - title_height(title))
    inside = width - _LEFT - 2 * EDGE
    upper = panel(figure, _LEFT, _BELOW + height + _BETWEEN, inside, height)
    lower = panel(figure, _LEFT, _BELOW, inside, height)
    colors = [LINES[0]] * len(tree.nodes) if coloring is None else line_colors(tree, coloring)
    energy = tree.states.free_energy
    for axes, values, word in (
        (upper, energy, "Γ, kT"),
        (lower, energy - lowest_of_age(tree), "above the lowest, kT"),
    ):
        _draw_panel(axes, tree, values, colors)
        axes.set_ylabel(word, fontsize=SMALL, color=INK, labelpad=2)
    upper.tick_params(axis="x", labelbottom=False)
    lower.set_xlabel(UPDATES, fontsize=SMALL, color=INK, labelpad=1)
    return figure


def lowest_of_age(tree: "Tree") -> np.ndarray:
    """For every row of ``tree.states`` the least free energy of its age."""
    _, number = np.unique(tree.states.age, return_inverse=True)
    lowest = np.full(number.max() + 1, np.inf)
    np.fmin.at(lowest, number, tree.states.free_energy)
    return lowest[number]


def _draw_panel(axes: "Axes", tree: "Tree", values: np.ndarray, colors: list[str]) -> None:
    style(axes)
    axes.tick_params(labelsize=SMALL, pad=2)
    x = np.log1p(tree.states.age.astype(float))
    points = np.stack([x, values], 1)
    large = np.argsort(tree.nodes.size, kind="stable")
    lines = trajectories(tree)
    drawn = [node for node in large.tolist() if len(lines[node]) > 1]
    add_lines(axes, [points[lines[node]] for node in drawn], [colors[node] for node in drawn], width=1.0)
    _draw_births(axes, tree, points, colors)
    low, high = float(x.min()), float(x.max())
    margin = 0.03 * (high - low) or 0.3
    axes.set_xlim(low - margin, high + margin)
    least, most = float(np.nanmin(values)), float(np.nanmax(values))
    air = 0.06 * (most - least) or 0.5
    axes.set_ylim(least - air, most + air)
    show_ages(axes, low, high)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter("{x:,g}")


def _draw_births(axes: "Axes", tree: "Tree", points: np.ndarray, colors: list[str]) -> None:
    row = births(tree)
    nodes = tree.nodes
    known = row >= 0
    scale = 1.0 if len(nodes) <= _MANY else 0.6
    for name, chosen in (
        ("full", known & nodes.converged & nodes.stable),
        ("open", known & nodes.converged & ~nodes.stable),
        ("cross", known & ~nodes.converged),
    ):
        at = np.flatnonzero(chosen)
        sign = MARKERS[name]
        edges = [colors[node] for node in at.tolist()]
        faces = edges if name == "full" else "white"
        options = {"c": edges} if name == "cross" else {"c": faces, "edgecolors": edges}
        axes.scatter(
            *points[row[at]].T, s=(scale * sign["markersize"]) ** 2, marker=sign["marker"],
            linewidths=scale * 0.8, zorder=3, label=name, **options,
        )  # fmt: skip


PLOT = Plot(
    name="free-energy",
    description="free energy of every state along learning, and above the lowest of its age",
    draw=draw_free_energy,
)
