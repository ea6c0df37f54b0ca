"""Checks of the generators' settings."""

import math

import numpy as np

from carving.errors import InvalidInput


def whole_at_least(least: int, **settings: int) -> None:
    """Each must be a whole number, ``least`` or more."""
    for name, value in settings.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise InvalidInput(f"{name}: {value!r} is not a whole number of at least {least}")


def within(least: float, most: float, **settings: float) -> None:
    """Each must be a number between ``least`` and ``most``, both allowed."""
    for name, value in settings.items():
        if not (math.isfinite(value) and least <= value <= most):
            raise InvalidInput(f"{name}: {value!r} is not a number from {least:g} to {most:g}")


def not_negative(**settings: float) -> None:
    """Each must be a finite number, zero or more."""
    for name, value in settings.items():
        if not (math.isfinite(value) and value >= 0):
            raise InvalidInput(f"{name}: {value!r} is not a finite number of at least 0")


def sign_pattern(pattern: object, sites: int) -> np.ndarray:
    """A given pattern as int8, after checking that it is ±1 on every site."""
    signs = np.asarray(pattern)
    if signs.shape != (sites,) or not np.isin(signs, (-1, 1)).all():
        raise InvalidInput(f"pattern: has shape {signs.shape}; it must be ±1 on each of {sites} sites")
    return signs.astype(np.int8)
