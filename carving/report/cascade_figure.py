"""The picture of a cascade: what happens to a machine at each of its transitions, against age."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from carving.report._axes import age_axis, blank_figure, draw_bounds, explain, logarithmic, style
from carving.report._labels import NAMES_AT, SMALL, lead, places_of, size_of, spread, write
from carving.report._palette import INK, OTHER, PALE, line_color
from carving.report._partings import SIZES, draw_partings, label_partings, partings_of, softest_along

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.physics import Cascade, Splits, StateSampling
    from carving.tree import Tree

# inches: the width of all and of what is beside the panels, what is above and below them, and between two
_WIDTH, _LEFT, _RIGHT = 4.5, 0.68, 0.5
_ABOVE, _TITLE, _BELOW, _GAP = 0.08, 0.34, 0.46, 0.13
# how far below 0 the panel of eigenvalues goes
_UNSTABLE = -0.13
# what belongs to no direction
_DARK = "#5F5F5F"


def draw_cascade(cascade: "Cascade", *, title: str | None = None) -> Figure:
    """Draw a cascade of transitions as a column of panels over one logarithmic axis of ages.

    From the top: singular values of the weights, numbered in the order in which they condense; how soft the
    states of the tree are, in the colour of the singular direction that the softest change of each is most
    along (grey if less than half of it is along any of those shown), and the paramagnetic state; where chains
    were run, the susceptibility of each state (the absolute form) and its relaxation time, in the direction
    in which it is largest. Open triangles are lower bounds.

    Vertical lines are the ages at which branches of the tree part, in the colour of the softest direction
    there. The twelve in which most samples leave the larger side have a band, the uncertainty of their age,
    and say how many samples are on either side; the others are thinner. Those whose age is not known are not
    drawn.

    Parameters
    ----------
    cascade
        What :func:`carving.physics.transitions` found. Without a tree or chains there are fewer curves and
        panels.
    title
        Above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; :func:`save_figure` writes it.
    """
    drawn: list[tuple[float, Callable[[Axes, Cascade], None]]] = [(1.5, _draw_values), (1.35, _draw_softness)]
    if cascade.sampling is not None:
        drawn += [(1.1, _draw_susceptibility), (1.2, _draw_relaxation)]
    partings = partings_of(cascade)
    above = _ABOVE + (_TITLE if title else 0) + (SIZES if len(partings.age) else 0)
    height = above + sum(inches + _GAP for inches, _ in drawn) - _GAP + _BELOW
    figure = blank_figure((_WIDTH, height))
    if title:
        figure.text(0.1 / _WIDTH, 1 - 0.2 / height, title, fontsize=11, color=INK, weight="bold", va="center")
    top = height - above
    panels = []
    for inches, draw in drawn:
        across = (_LEFT / _WIDTH, (top - inches) / height, 1 - (_LEFT + _RIGHT) / _WIDTH, inches / height)
        axes = figure.add_axes(across)
        style(axes)
        age_axis(axes, cascade.spectrum.ages)
        axes.tick_params(labelsize=SMALL, labelbottom=False)
        draw(axes, cascade)
        axes.yaxis.set_label_coords(-NAMES_AT / (_WIDTH - _LEFT - _RIGHT), 0.5)
        draw_partings(axes, partings, 1 + _GAP / inches if panels else 1.0)
        panels.append(axes)
        top -= inches + _GAP
    panels[-1].tick_params(labelbottom=True)
    panels[-1].set_xlabel("age, in updates", fontsize=8.5, color=INK, labelpad=2)
    label_partings(panels[0], partings)
    return figure


def _draw_values(axes: "Axes", cascade: "Cascade") -> None:
    """Singular values, numbered at their right ends."""
    spectrum = cascade.spectrum
    axes.set_ylabel("singular value", fontsize=8.5, color=INK)
    for number, values in enumerate(spectrum.values.T):
        color = line_color(number)
        axes.plot(
            spectrum.ages, values, color=color, linewidth=1.3, zorder=3, label=_name(number),
            marker="o" if len(values) == 1 else None, markersize=3,
        )  # fmt: skip
    axes.axhline(spectrum.threshold, color=INK, linewidth=0.9, linestyle="--", zorder=2)
    axes.margins(y=0.08)
    logarithmic(axes.yaxis)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, spectrum.threshold / 3), max(high, 2 * spectrum.threshold))
    axes.annotate(
        f"unbiased threshold {spectrum.threshold:.3g}", (0, spectrum.threshold), fontsize=SMALL, color=INK,
        xycoords=("axes fraction", "data"), xytext=(3, 2), textcoords="offset points", va="bottom",
    )  # fmt: skip
    _number_ends(axes, float(spectrum.ages[-1]), spectrum.values[-1])


def _name(number: int) -> str:
    return f"α = {number + 1}"


def _number_ends(axes: "Axes", age: float, values: np.ndarray) -> None:
    """Numbers of the directions beside the lines' right ends."""
    known = np.flatnonzero(values > 0)
    ends = places_of(axes, np.stack([np.full(len(known), age), values[known]], 1))
    width, height = size_of(axes)
    places = spread(ends[:, 1], 0.115, 0.05, height - 0.05)
    for number, place in zip(known.tolist(), places.tolist(), strict=True):
        write(axes, width + 0.1, place, _name(number), color=line_color(number), va="center")
    beside = np.stack([np.full(len(known), width + 0.08), places], 1)
    leaders = np.stack([ends + np.array([0.02, 0]), beside], 1)
    lead(axes, leaders, [line_color(number) for number in known.tolist()], 0.5)


def _draw_softness(axes: "Axes", cascade: "Cascade") -> None:
    """Smallest eigenvalues of the states of the tree and of the paramagnetic one."""
    axes.set_ylabel("smallest eigenvalue", fontsize=8.5, color=INK)
    axes.set_ylim(_UNSTABLE, 1.06)
    axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.axhspan(_UNSTABLE, 0, color=PALE, alpha=0.45, linewidth=0, zorder=0.3)
    axes.axhline(0, color=INK, linewidth=0.7, zorder=1)
    axes.annotate(
        "unstable", (0, _UNSTABLE / 2), xycoords=("axes fraction", "data"), xytext=(3, -0.5),
        textcoords="offset points", fontsize=7, color=INK, va="center",
    )  # fmt: skip
    state = cascade.paramagnetic
    ages, values = state.ages.astype(float), state.curvature
    if np.isfinite(state.lost_age):
        place = int(np.searchsorted(ages, state.lost_age))
        ages, values = np.insert(ages, place, state.lost_age), np.insert(values, place, 0.0)
    shown = axes.plot(
        ages,
        values,
        color=_DARK,
        linewidth=0.9,
        linestyle=(0, (4, 2)),
        zorder=3.5,
        label="paramagnetic state",
    )
    drawn = list(_paths_of_states(cascade))
    for path in drawn:
        _draw_path(axes, *path)
    if any((colors == OTHER).any() for _, _, colors in drawn):
        shown.append(Line2D([], [], color=OTHER, linewidth=1.2, label="other directions"))
    # at young ages all states are stiff
    explain(axes, shown, "lower left", (0, 0.14))


def _paths_of_states(cascade: "Cascade") -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Ages, eigenvalues and colours of the states of each node, ages ascending.

    One that is lost at a split begins there; others begin where their parents end.
    """
    modes, tree, splits = cascade.soft_modes, cascade.tree, cascade.splits
    if modes is None or tree is None:
        return
    along = softest_along(cascade.spectrum, modes.direction, modes.age.astype(float))
    order = np.lexsort([modes.age, modes.node])
    rows_of = dict(
        zip(
            np.unique(modes.node).tolist(),
            np.split(order, np.flatnonzero(np.diff(modes.node[order])) + 1),
            strict=False,
        )
    )
    begins = _begins(splits, tree)
    for node, rows in rows_of.items():
        ages, values = modes.age[rows].astype(float), modes.curvature[rows]
        begin = begins.get(node)
        parent = rows_of.get(int(tree.nodes.parent[node]))
        if begin is None and parent is not None:
            begin = float(modes.age[parent[-1]]), float(modes.curvature[parent[-1]])
        if begin is not None:
            ages, values = np.insert(ages, 0, begin[0]), np.insert(values, 0, begin[1])
            rows = np.insert(rows, 0, rows[0])
        yield ages, values, np.array([line_color(number) for number in along[rows].tolist()])


def _begins(splits: "Splits | None", tree: "Tree") -> dict[int, tuple[float, float]]:
    """Age and smallest eigenvalue at which nodes' states are lost."""
    if splits is None:
        return {}
    found = {}
    for row in np.flatnonzero(np.isfinite(splits.age)).tolist():
        where = float(splits.age[row]), float(splits.curvature[row])
        found[int(splits.child[row])] = where
        # there both bend off from a state that has become unstable
        if splits.kind[row] == "pitchfork":
            found.setdefault(int(splits.other[row]), where)
    return found


def _draw_path(
    axes: "Axes",
    ages: np.ndarray,
    values: np.ndarray,
    colors: np.ndarray,
    *,
    marked: slice | np.ndarray = slice(None),
) -> None:
    """A line whose pieces have the colour of their older end, and dots."""
    points = np.stack([ages, values], 1)
    pieces = np.stack([points[:-1], points[1:]], 1)
    axes.add_collection(LineCollection(list(pieces), colors=colors[1:].tolist(), linewidths=1.2, zorder=3))
    axes.scatter(ages[marked], values[marked], s=4, c=colors[marked].tolist(), linewidths=0, zorder=3.1)


def _draw_susceptibility(axes: "Axes", cascade: "Cascade") -> None:
    axes.set_ylabel("susceptibility", fontsize=8.5, color=INK)
    if cascade.sampling is not None:
        chains = cascade.sampling
        _draw_sampled(axes, chains, chains.absolute, chains.absolute_error, np.zeros_like(chains.is_bound))


def _draw_relaxation(axes: "Axes", cascade: "Cascade") -> None:
    axes.set_ylabel("relaxation, steps", fontsize=8.5, color=INK)
    if cascade.sampling is not None:
        chains = cascade.sampling
        _draw_sampled(axes, chains, chains.relaxation, chains.relaxation_error, chains.is_bound)


def _draw_sampled(
    axes: "Axes", chains: "StateSampling", values: np.ndarray, errors: np.ndarray, bounds: np.ndarray
) -> None:
    """What is largest over directions, of each state and of all together, with errors or as bounds."""
    # who has chains has imported it; others, who draw a tree, shall not wait for it
    from carving.physics.state_sampling import BETWEEN

    # a bound of 0 says nothing, nor does what never changed
    largest = np.where(values > 0, values, -np.inf).argmax(1)
    values, errors, bounds = (
        np.take_along_axis(column, largest[:, None], 1)[:, 0] for column in (values, errors, bounds)
    )
    shown = [Line2D([], [], color=_DARK, linewidth=1.1, label="all states together")]
    for node in np.unique(chains.node).tolist():
        rows = np.flatnonzero((chains.node == node) & (values > 0))
        rows = rows[np.argsort(chains.age[rows], kind="stable")]
        along = largest[rows]
        colors = np.full(len(rows), _DARK) if node == BETWEEN else np.array([line_color(n) for n in along])
        ages, bound = chains.age[rows].astype(float), bounds[rows]
        _draw_path(axes, ages, values[rows], colors, marked=~bound)
        for color in np.unique(colors):
            here = colors == color
            known = rows[here & ~bound]
            axes.errorbar(
                chains.age[known], values[known], errors[known], fmt="none", ecolor=color, elinewidth=0.8,
                zorder=3,
            )  # fmt: skip
            if (here & bound).any():
                draw_bounds(axes, ages[here & bound], values[rows[here & bound]], color, markersize=3.5)
    if bounds.any():
        shown.append(
            Line2D([], [], color=INK, marker="^", markerfacecolor="white", markersize=3.5, linestyle="none",
                   label="at least")
        )  # fmt: skip
    known = values > 0
    if not known.any():
        axes.yaxis.set_major_locator(NullLocator())
        return
    logarithmic(axes.yaxis)
    box = explain(axes, shown, "upper left").get_window_extent()
    _make_room(axes, np.stack([chains.age[known], values[known]], 1), box.x1, box.height)


def _make_room(axes: "Axes", points: np.ndarray, right: float, height: float) -> None:
    """Raise the top of a logarithmic panel so that no point is behind its upper left corner; in pixels."""
    panel = axes.get_window_extent()
    places = axes.transData.transform(points.astype(float)) if len(points) else np.zeros((0, 2))
    highest = (places[places[:, 0] <= right, 1].max(initial=panel.y0) - panel.y0) / panel.height
    free = 1 - 1.2 * height / panel.height
    if highest > free:
        low, high = np.log(axes.get_ylim())
        axes.set_ylim(np.exp(low), np.exp(low + (high - low) * highest / free))
