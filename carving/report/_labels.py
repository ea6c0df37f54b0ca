"""Labels beside what they belong to, that keep out of each other's way; lengths are in inches."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from scipy.optimize import isotonic_regression

from carving.report._palette import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# points, of letters beside data
SMALL = 7.5
# from panels to the names of what is in them
NAMES_AT = 0.5


def size_of(axes: "Axes") -> np.ndarray:
    """Inches of a panel."""
    return np.array(axes.get_window_extent().size) / axes.figure.dpi


def places_of(axes: "Axes", points: np.ndarray) -> np.ndarray:
    """Where points of the data lie, in inches from the lower left corner of a panel."""
    return axes.transAxes.inverted().transform(axes.transData.transform(points)) * size_of(axes)


def write(axes: "Axes", x: float, y: float, text: str, **options: Any) -> None:
    """Words at a place in inches."""
    width, height = size_of(axes)
    options = {"fontsize": SMALL, "color": INK} | options
    axes.text(x / width, y / height, text, transform=axes.transAxes, **options)


def lead(axes: "Axes", lines: np.ndarray, colors: list[str], width: float) -> None:
    """From things to their labels, in inches."""
    options = {"colors": colors, "linewidths": width, "clip_on": False, "transform": axes.transAxes}
    axes.add_collection(LineCollection(list(lines / size_of(axes)), **options), autolim=False)


def spread(places: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Where labels go that belong at these places, at least ``gap`` apart, between ``low`` and ``high``.

    Their order stays, and no others that obey this have a smaller sum of squares of the moves. Where there
    is no room for the gap, it is smaller.
    """
    if len(places) == 0:
        return np.zeros(0)
    gap = min(gap, (high - low) / max(len(places) - 1, 1))
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(places))
    result = np.empty(len(places))
    result[order] = np.clip(isotonic_regression(places[order] - steps).x, low, high - steps[-1]) + steps
    return result
