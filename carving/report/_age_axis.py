"""Scales below pictures of trees: of log(1 + age), where a machine that has learned nothing has a place."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from carving.report._labels import SMALL, size_of
from carving.report._palette import INK, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UPDATES = "updates in training"
# inches from one number to the next
_PITCH = 0.55


def most_ticks(axes: "Axes", scale: float = 1.0) -> int:
    """How many numbers have room below a panel; at the scale 1 letters are ``SMALL``."""
    return max(2, int(size_of(axes)[0] / (_PITCH * scale)))


def show_ages(axes: "Axes", low: float, high: float, *, scale: float = 1.0) -> None:
    """Write ages on x, which is log(1 + age), from one place to another."""
    places, names = age_ticks(low, high, most_ticks(axes, scale))
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_major_formatter(FixedFormatter(names))


def scale_below(axes: "Axes", words: str, *, scale: float = 1.0) -> None:
    """Leave of the box around a panel only the lower side, with numbers and these words."""
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(PALE)
    axes.yaxis.set_major_locator(NullLocator())
    axes.tick_params(axis="x", labelsize=scale * SMALL, labelcolor=INK, color=PALE, length=3, pad=2)
    axes.set_xlabel(words, fontsize=scale * SMALL, color=INK, labelpad=1)


def age_ticks(low: float, high: float, most: int = 8) -> tuple[list[float], list[str]]:
    """Places, in log(1 + age), and names of round ages from one place on, and of the age of the other."""
    last = round(float(np.expm1(high)))
    for bases in ((1, 2, 5), (1, 3), (1,)):
        ages = [0] + [base * 10**power for power in range(12) for base in bases]
        # as far from the last as they are from each other
        ages = [age for age in ages if low - 1e-9 <= np.log1p(age) and age < 0.75 * last]
        if len(ages) < most:
            break
    ages = ages[:: -(-len(ages) // max(1, most - 1))] if ages else ages
    ages.append(last)
    return [float(np.log1p(age)) for age in ages], [f"{age:,}" for age in ages]
