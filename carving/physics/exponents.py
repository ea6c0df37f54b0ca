"""Exponents: power laws fitted to what was measured, with an error that scatter is allowed to widen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from carving.errors import InvalidInput


@dataclass(frozen=True)
class PowerLaw:
    """y = A x^p.

    Attributes
    ----------
    exponent, exponent_error
        p and its standard error.
    prefactor, prefactor_error
        A and its standard error.
    reduced_chi_squared
        χ² per degree of freedom of log y; where it exceeds 1, errors are widened by its root. NaN where
        nothing is left over to tell: two points, or no errors given.
    points
        How many went in.
    """

    exponent: float
    exponent_error: float
    prefactor: float
    prefactor_error: float
    reduced_chi_squared: float
    points: int


def fit_power_law(
    x: Tensor | np.ndarray, y: Tensor | np.ndarray, y_error: Tensor | np.ndarray | None = None
) -> PowerLaw:
    """Fit y = A x^p by weighted least squares of log y on log x: γ of χ ~ |1 − x|^{−γ}, z of τ ~ N^z
    (mathematics §6).

    Parameters
    ----------
    x, y
        Positive, (n,), n ≥ 2, of at least two different x.
    y_error
        Standard errors of y, (n,), positive: small against y, so that those of log y are y_error/y. Without
        them all points weigh the same and their scatter gives the error, NaN for two points.

    Raises
    ------
    InvalidInput
        If shapes differ, or a value is not positive and finite.

    Notes
    -----
    The error is of the fit alone: that a law holds only in a limit (N → ∞, x → 1) is not in it.
    """
    given = [("x", x), ("y", y)] + ([] if y_error is None else [("y_error", y_error)])
    arrays = [_positive(name, values) for name, values in given]
    if len({len(values) for values in arrays}) != 1 or len(np.unique(arrays[0])) < 2:
        raise InvalidInput("x, y, y_error: give as many of each, for two different x at least")
    log_x, log_y = np.log(arrays[0]), np.log(arrays[1])
    weight = np.ones_like(log_x) if y_error is None else np.square(arrays[1] / arrays[2])

    middle = np.average(log_x, weights=weight)
    spread = float(weight @ np.square(log_x - middle))
    exponent = float(weight @ ((log_x - middle) * log_y)) / spread
    level = float(np.average(log_y, weights=weight)) - exponent * middle
    left_over = float(weight @ np.square(log_y - level - exponent * log_x))
    freedom = len(log_x) - 2
    scatter = left_over / freedom if freedom else math.nan
    if y_error is None:
        widening, reduced = scatter, math.nan
    else:
        widening, reduced = max(1.0, scatter) if freedom else 1.0, scatter
    prefactor = math.exp(level)
    return PowerLaw(
        exponent=exponent,
        exponent_error=math.sqrt(widening / spread),
        prefactor=prefactor,
        prefactor_error=prefactor * math.sqrt(widening * (1 / float(weight.sum()) + middle**2 / spread)),
        reduced_chi_squared=reduced,
        points=len(log_x),
    )


def _positive(name: str, values: Tensor | np.ndarray) -> np.ndarray:
    array = torch.as_tensor(values).detach().cpu().double().numpy()
    if array.ndim != 1 or not (np.isfinite(array) & (array > 0)).all():
        raise InvalidInput(f"{name}: give positive finite numbers in one dimension; drop points that are not")
    return array
