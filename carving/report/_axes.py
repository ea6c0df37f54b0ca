"""What pictures of measurements share: style, axes of ages, signs and words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from carving.report._labels import SMALL
from carving.report._palette import INK, PALE

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import XAxis, YAxis
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

Corner = Literal["upper left", "upper right", "lower left", "lower right"]


def blank_figure(size: tuple[float, float]) -> Figure:
    """Of so many inches; not pyplot's: no window, backend or current figure of the caller's is touched."""
    return Figure(figsize=size, dpi=150, facecolor="white")


def style(axes: "Axes") -> None:
    """Dark on white, with a pale grid and no box."""
    axes.tick_params(labelsize=8, labelcolor=INK, color=PALE, which="both")
    axes.grid(color=PALE, linewidth=0.5, alpha=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(PALE)


def age_axis(axes: "Axes", ages: np.ndarray) -> None:
    """Make x a logarithmic axis of ages, ascending, which may begin at 0."""
    # a logarithm has no place for the machine that has not learned yet
    if ages[0] > 0:
        axes.set_xscale("log")
        # powers of ten alone may all lie outside of few decades
        if ages[-1] < 30 * ages[0]:
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        if len(ages) == 1:
            axes.xaxis.set_major_locator(FixedLocator([float(ages[0])]))
    else:
        axes.set_xscale("symlog", linthresh=1)
    # the same for all panels, wherever their own values begin
    axes.set_xlim(ages[0] / 1.25 if ages[0] > 0 else -0.3, 1.25 * max(int(ages[-1]), 1))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def logarithmic(axis: "XAxis | YAxis") -> None:
    """Make x or y, with the data in it, logarithmic, with numbers that are written out."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    low, high = axis.get_view_interval()
    # powers of ten alone may all lie outside of few decades
    axis.set_major_locator(LogLocator(subs=(1,) if high > 100 * low else (1, 2, 5), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,g}"))
    axis.set_minor_formatter(NullFormatter())


def draw_bounds(axes: "Axes", x: np.ndarray, y: np.ndarray, color: str, **options: Any) -> "Line2D":
    """Lower bounds: open triangles that point upwards."""
    options = {"markersize": 5, "zorder": 3} | options
    return axes.plot(x, y, "^", markerfacecolor="white", markeredgecolor=color, **options)[0]


def explain(
    axes: "Axes", handles: "Sequence[Artist]", corner: Corner, place: tuple[float, float] | None = None
) -> "Legend":
    """What lines and signs mean, in a corner where no data are."""
    above, beside = "upper" in corner, "right" in corner
    return axes.legend(
        handles=handles, fontsize=SMALL, frameon=False, labelcolor=INK, handlelength=2, handletextpad=0.5,
        borderpad=0, borderaxespad=0.3, labelspacing=0.2, loc=corner,
        bbox_to_anchor=(float(beside), float(above)) if place is None else place,
    )  # fmt: skip


def plain_figure(
    size: tuple[float, float], *, x_label: str, y_label: str, title: str | None
) -> tuple[Figure, "Axes"]:
    """A figure of one panel."""
    figure = blank_figure(size)
    figure.set_layout_engine(ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    axes = figure.add_subplot()
    style(axes)
    axes.set_xlabel(x_label, fontsize=8.5, color=INK)
    axes.set_ylabel(y_label, fontsize=8.5, color=INK)
    if title:
        axes.set_title(title, fontsize=11, color=INK, weight="bold", loc="left")
    return figure, axes
