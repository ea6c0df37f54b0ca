"""The picture of a power law: what was measured, and what was fitted to it."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from carving.errors import InvalidInput
from carving.report._axes import explain, logarithmic, plain_figure
from carving.report._palette import INK, LINES

if TYPE_CHECKING:
    from carving.physics.exponents import PowerLaw

_SIZE = (4.0, 3.0)


def draw_power_law(
    x: np.ndarray | Sequence[float],
    y: np.ndarray | Sequence[float],
    law: "PowerLaw",
    *,
    y_error: np.ndarray | Sequence[float] | None = None,
    x_label: str = "x",
    y_label: str = "y",
    title: str | None = None,
) -> Figure:
    """Draw points and the power law that was fitted to them, on two logarithmic axes.

    Parameters
    ----------
    x, y
        Positive, (n,).
    law
        As :func:`carving.physics.exponents.fit_power_law` gives it.
    y_error
        Standard errors of y, (n,).
    x_label, y_label
        What they are.
    title
        Above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; :func:`save_figure` writes it.

    Raises
    ------
    InvalidInput
        If shapes differ, or a value is not positive and finite.
    """
    at, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    errors = None if y_error is None else np.asarray(y_error, dtype=float)
    shapes = {at.shape, values.shape} | (set() if errors is None else {errors.shape})
    positive = np.isfinite(at) & np.isfinite(values) & (at > 0) & (values > 0) if len(shapes) == 1 else None
    if at.ndim != 1 or positive is None or not len(at) or not positive.all():
        raise InvalidInput(
            "x, y, y_error: give as many of each, positive and finite; drop points that are not"
        )
    figure, axes = plain_figure(_SIZE, x_label=x_label, y_label=y_label, title=title)
    ends = np.array([at.min(), at.max()])
    (line,) = axes.plot(
        ends, law.prefactor * ends**law.exponent, color=LINES[1], linewidth=1.3, zorder=2, label=_words(law)
    )
    axes.errorbar(
        at, values, errors, fmt="o", color=LINES[0], markersize=3.5, elinewidth=0.9, capsize=2, zorder=3
    )
    for axis in (axes.xaxis, axes.yaxis):
        logarithmic(axis)
    # the line ends in the other two
    explain(axes, [line], "upper right" if law.exponent < 0 else "upper left")
    axes.tick_params(labelcolor=INK)
    return figure


def _words(law: "PowerLaw") -> str:
    """The exponent with its error, at two digits of the error, and how well it fits where that is known."""
    if math.isfinite(law.exponent_error) and law.exponent_error > 0:
        digits = max(0, 1 - math.floor(math.log10(law.exponent_error)))
        exponent = f"{law.exponent:.{digits}f} ± {law.exponent_error:.{digits}f}"
    else:
        exponent = f"{law.exponent:.3g}"
    fit = f", χ² {law.reduced_chi_squared:.2g} a degree" if math.isfinite(law.reduced_chi_squared) else ""
    return f"exponent {exponent}{fit}".replace("-", "−")
