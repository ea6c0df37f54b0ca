"""Phase boundaries of the Hopfield model at finite load, replica-symmetric, for many sites."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import root_scalar

from carving.data.generators._recall import recall_state

_POINTS = 4001
_REACH = 10.0
# temperatures are found to this
_ACCURACY = 1e-5
_COLDEST = 1e-3


def recall_temperature(load: float) -> float:
    """T_M: below it the recall states exist; 0 where they do not at any temperature."""
    return _last(lambda t: recall_state(1 / t, load)[0] > 0)


def crossing_temperature(load: float) -> float:
    """T_c: below it the recall states have less free energy than the spin glass; 0 where they never do."""

    def recall_wins(t: float) -> bool:
        m, q = recall_state(1 / t, load)
        if m == 0:
            return False
        recall, glass = (
            free_energy(1 / t, load, *state) for state in ((m, q), (0.0, glass_order(1 / t, load)))
        )
        return recall < glass

    return _last(recall_wins)


def _last(holds: Callable[[float], bool]) -> float:
    """The temperature up to which something holds."""
    low, high = _COLDEST, 1.0
    if not holds(low):
        return 0.0
    while high - low > _ACCURACY:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return 0.5 * (low + high)


def glass_order(beta: float, load: float) -> float:
    """q of the spin glass, m = 0: q = ∫Dz tanh² β√(αr) z with r = q/(1 − β(1 − q))²; 0 above 1 + √α."""
    if beta * (1 + math.sqrt(load)) <= 1:
        return 0.0

    # in the noise s = √(αr), as recall_state does: s (1 − β(1 − q)) = √(αq)
    def excess(noise: float) -> float:
        q = _average(lambda z: np.tanh(beta * noise * z) ** 2, beta * noise)
        return noise * (1 - beta * (1 - q)) - math.sqrt(load * q)

    noise = float(root_scalar(excess, bracket=(1e-9, math.sqrt(load) + 2), method="brentq", xtol=1e-14).root)
    return _average(lambda z: np.tanh(beta * noise * z) ** 2, beta * noise)


def free_energy(beta: float, load: float, m: float, q: float) -> float:
    """Free energy a site of a state (Amit, Gutfreund & Sompolinsky, Ann. Phys. 173, 30 (1987)), without −α/2.

    f = m²/2 + (α/2β) [log(1 − β(1 − q)) − βq/(1 − β(1 − q))] + αβ r(1 − q)/2
        − (1/β) ∫Dz log 2cosh β(√(αr) z + m),  r = q/(1 − β(1 − q))²
    """
    rest = 1 - beta * (1 - q)
    r = q / rest**2
    noise = math.sqrt(load * r)

    def log_2cosh(z: np.ndarray) -> np.ndarray:
        field = beta * (noise * z + m)
        return np.logaddexp(field, -field)

    entropic = _average(log_2cosh, beta * noise, centre=-m / noise if noise > 0 else 0.0) / beta
    return (
        m * m / 2
        + load / (2 * beta) * (math.log(rest) - beta * q / rest)
        + load * beta * r * (1 - q) / 2
        - entropic
    )


def _average(function: Callable[[np.ndarray], np.ndarray], sharpness: float, *, centre: float = 0.0) -> float:
    """∫Dz of a function that bends over a width 1/sharpness around a centre, by the trapezoidal rule."""
    width = 1.0 if sharpness < 1 else 1 / sharpness
    centre = min(max(centre, -_REACH), _REACH)
    end = math.asinh(2 * _REACH / width)
    u = np.linspace(-end, end, _POINTS)
    z = centre + width * np.sinh(u)
    measure = np.exp(-0.5 * z * z) * np.cosh(u)
    return float(measure @ function(z) / measure.sum())
