"""The picture of a landscape: its disconnectivity graph."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from carving.report._axes import explain, plain_figure
from carving.report._palette import INK, LINES, OTHER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.physics.landscape import Landscape

_HEIGHT = 3.4
# inches: least and most width, and what a minimum takes of it
_LEAST, _MOST, _EACH = 3.6, 9.0, 0.28
_MOST_NAMED = 40


def draw_landscape(landscape: "Landscape", *, title: str | None = None) -> Figure:
    """Draw minima as the lower ends of lines that meet at the lowest saddles known to join them.

    A minimum's dot has an area in proportion to its share of the samples, written below; open dots are minima
    that no sample belongs to. Lines that end at the top are joined by no saddle that was found. (Becker &
    Karplus, J. Chem. Phys. 106, 1495 (1997).)

    Parameters
    ----------
    landscape
        As :func:`carving.physics.landscape.landscape` gives it.
    title
        Above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; :func:`save_figure` writes it.
    """
    count = len(landscape)
    width = float(np.clip(1 + _EACH * count, _LEAST, _MOST))
    figure, axes = plain_figure(
        (width, _HEIGHT),
        x_label="minima, by share of the samples",
        y_label="Γ above the lowest minimum, in kT",
        title=title,
    )
    bottom = (landscape.free_energy - landscape.free_energy.min()).numpy()
    rows = landscape.merge_heights()
    x = _places(rows, bottom)
    joined = np.isfinite(rows[:, 2])
    top = 1.08 * max(float(np.max(rows[joined, 2], initial=0.0)), float(bottom.max()), 1e-9)
    y = np.concatenate([bottom, rows[:, 2]])
    lines, loose = [], []
    for (one, other, height), new in zip(rows[:, :3].tolist(), range(count, len(y)), strict=True):
        ends = [int(one), int(other)]
        if np.isfinite(height):
            lines += [[(x[end], y[end]), (x[end], height)] for end in ends]
            lines.append([(x[end], height) for end in ends])
        else:
            loose += [[(x[end], y[end]), (x[end], top)] for end in ends if np.isfinite(y[end])]
        x[new] = (x[ends[0]] + x[ends[1]]) / 2
    axes.add_collection(LineCollection(lines, colors=INK, linewidths=1.1, capstyle="round", zorder=2))
    axes.add_collection(LineCollection(loose, colors=OTHER, linewidths=1.1, linestyles="--", zorder=2))
    _draw_minima(axes, landscape.weight.numpy(), x[:count], bottom)
    axes.set_xlim(-0.7, count - 0.3)
    axes.set_ylim(-0.06 * top, top)
    if loose:
        explain(
            axes,
            [Line2D([], [], color=OTHER, linewidth=1.1, linestyle="--", label="no saddle found")],
            "lower right",
            (1, 1),
        )
    return figure


def _places(rows: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Where minima and the groups of them lie; of two groups, that with the lowest minimum is at the left."""
    count = len(bottom)
    lowest = list(bottom)
    for one, other in rows[:, :2].astype(int):
        lowest.append(min(lowest[one], lowest[other]))
    order, stack = [], [len(lowest) - 1]
    while stack:
        node = stack.pop()
        if node < count:
            order.append(node)
        else:
            # the last on the stack is taken first
            stack += sorted(rows[node - count, :2].astype(int).tolist(), key=lambda end: -lowest[end])
    x = np.full(len(lowest), np.nan)
    x[order] = np.arange(count)
    return x


def _draw_minima(axes: "Axes", weight: np.ndarray, x: np.ndarray, bottom: np.ndarray) -> None:
    reached = weight > 0
    axes.scatter(
        x[reached], bottom[reached], s=12 + 150 * weight[reached], color=LINES[0], linewidths=0, zorder=3
    )
    axes.scatter(x[~reached], bottom[~reached], s=14, color="white", edgecolors=LINES[0], zorder=3)
    axes.xaxis.set_major_locator(NullLocator())
    if len(x) <= _MOST_NAMED:
        names = [f"{share:.2g} %" for share in (100 * weight).tolist()]
        axes.xaxis.set_major_locator(FixedLocator(x.tolist()))
        axes.xaxis.set_major_formatter(FixedFormatter(names))
        axes.tick_params(axis="x", rotation=90 if len(x) > 6 else 0, length=0)
    axes.grid(visible=False, axis="x")
