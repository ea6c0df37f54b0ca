"""Roots of closed forms."""

from collections.abc import Callable

from scipy.optimize import brentq


def root_of(function: Callable[[float], float], low: float, high: float) -> float:
    """The root between two places at which the signs differ."""
    return float(brentq(function, low, high))  # pyright: ignore[reportArgumentType]
