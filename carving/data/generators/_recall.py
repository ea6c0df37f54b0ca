"""The recall state of the Hopfield model at finite load, for many sites."""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import root_scalar

_POINTS = 801
_REACH = 10.0
_STEPS = 400

# beyond this noise no alignment survives at any temperature: m = erf(m/√2s) at T = 0 needs s < √(2/π)
_MOST_NOISE = math.sqrt(2 / math.pi)


def recall_state(beta: float, load: float) -> tuple[float, float]:
    """m and q of the Hopfield model's recall state, replica-symmetric (Amit, Gutfreund & Sompolinsky 1985).

    With the noise s = √(αr): m = ∫Dz tanh β(sz + m), q = ∫Dz tanh² β(sz + m), r = q / (1 − β(1 − q))².
    Iterating all three can cycle; so m is solved for at given s, and the last equation for s. Of its
    solutions with m > 0 the one of least noise is the metastable state.

    Parameters
    ----------
    beta
        β.
    load
        α = P/N > 0.

    Returns
    -------
    magnetisation, edwards_anderson
        m and q. Where recall is lost m = 0 and q is that of the spin glass, or 0 above its temperature
        1 + √α.
    """

    def excess(noise: float, m: float) -> float:
        """s (1 − β(1 − q)) − √(αq): negative where the patterns make more noise than s."""
        q = _averages(beta, noise, m)[1]
        return noise * (1 - beta * (1 - q)) - math.sqrt(load * q)

    before = 0.0
    for noise in np.linspace(0, _most_noise(beta), _STEPS + 1)[1:].tolist():
        m = _alignment(beta, noise)
        if m == 0:
            break
        if excess(noise, m) >= 0:
            noise = _root(lambda s: excess(s, _alignment(beta, s)), before, noise)
            m = _alignment(beta, noise)
            return m, _averages(beta, noise, m)[1]
        before = noise
    if beta * (1 + math.sqrt(load)) <= 1:
        return 0.0, 0.0
    # without alignment the excess is s − √(2/π) − √α for much noise, and negative for little
    noise = _root(lambda s: excess(s, 0.0), 1e-9, _MOST_NOISE + math.sqrt(load) + 1)
    return 0.0, _averages(beta, noise, 0.0)[1]


def _most_noise(beta: float) -> float:
    """The noise from which on the only alignment is 0: where β ∫Dz sech²(β noise z) = 1."""
    if beta <= 1:
        return 0.0
    return _root(lambda s: beta * (1 - _averages(beta, s, 0.0)[1]) - 1, 0.0, _MOST_NOISE + 1e-6)


def _alignment(beta: float, noise: float) -> float:
    """The solution m > 0 of m = ∫Dz tanh β(noise z + m), concave in m; 0 if there is none."""

    def gain(m: float) -> float:
        return _averages(beta, noise, m)[0] - m

    return _root(gain, 1e-9, 1 + 1e-9) if gain(1e-9) > 0 else 0.0


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(root_scalar(function, bracket=(low, high), method="brentq", xtol=1e-14).root)


def _averages(beta: float, noise: float, m: float) -> tuple[float, float]:
    """∫Dz tanh β(noise z + m), and of its square.

    By the trapezoidal rule in u, z = z₀ + c sinh u, which puts most points where tanh changes sign: a width
    c = 1/(β noise) around z₀ = −m/noise, that may be much narrower than the Gaussian.
    """
    sharpness = beta * noise
    if sharpness == 0:
        mean = math.tanh(beta * m)
        return mean, mean**2
    centre = min(max(-m / noise, -_REACH), _REACH)
    width = 1.0 if sharpness < 1 else 1 / sharpness
    end = math.asinh(2 * _REACH / width)
    u = np.linspace(-end, end, _POINTS)
    z = centre + width * np.sinh(u)
    measure = np.exp(-0.5 * z * z) * np.cosh(u)
    measure /= measure.sum()
    magnetisation = np.tanh(beta * (noise * z + m))
    return float(measure @ magnetisation), float(measure @ magnetisation**2)
