"""Integrated autocorrelation time of a set of chains: how many steps until they forget where they were."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from carving.errors import InvalidInput
from carving.rbm import RBM

# Sokal's window: the smallest W ≥ 5 τ(W); what it cuts off an exponential is e⁻⁵
_WINDOWS = 5
# all chains together are too short below so many τ: the standard error is then above 30 %, and what it is
# known by is the less certain
_LENGTHS = 200
# τ of independent draws, below which anticorrelation alone brings it, and no window should end for that
_INDEPENDENT = 0.5
# τ of a sum that noise has brought to zero or below, which no true one is
_LEAST = 1e-3
FEWEST_TIMES = 4


@dataclass(frozen=True)
class AutocorrelationTime:
    """Integrated autocorrelation times, in Gibbs steps; one value for each observable.

    Attributes
    ----------
    integrated
        τ = k (½ + Σ_{t≥1} ρ(t)), float64, with k the steps between two times of the series. Draws that are
        independent after k steps have k/2, whatever their real τ below that.
    standard_error
        Of ``integrated``, float64.
    lower_bound
        Whether the run is too short: then τ may be far larger than this, and its error means nothing. bool
    window
        The lag in steps at which the sum ends, int64.
    steps
        k.
    times, chains
        Length of the series, and number of chains.
    """

    integrated: Tensor
    standard_error: Tensor
    lower_bound: Tensor
    window: Tensor
    steps: int
    times: int
    chains: int

    @property
    def effective_samples(self) -> Tensor:
        """times · chains · k/2τ: as many independent draws would give means as exact."""
        return self.times * self.chains * self.steps / (2 * self.integrated)

    def relative_to(self, steps: int) -> Tensor:
        """2τ/k′, with k′ the Gibbs steps of an update of a training.

        Below 1, chains are in equilibrium at each update; above, what they average is a mixture of the
        machines of that many updates past.
        """
        return 2 * self.integrated / steps


def autocorrelation_time(series: Tensor | np.ndarray, *, steps: int = 1) -> AutocorrelationTime:
    """Integrated autocorrelation time, by automatic windowing on the average over chains.

    The autocovariance is averaged over the chains, around the mean of all of them, so that chains which
    stay in different states count as correlated:

        C(t) = ⟨(x_s − x̄)(x_{s+t} − x̄)⟩_{s, chains}, ρ(t) = C(t)/C(0)
        τ(W) = ½ + Σ_{t=1}^W ρ(t), W the smallest with W ≥ 5 τ(W)

    the automatic window of Madras & Sokal (1988). That x̄ is of the same data makes C too small by
    2τ C(0)/n, n = times · chains, which is put back; the variance of τ is (4W + 2 − 4τ) τ²/n (Wolff 2004).

    The run is too short, and τ marked as a lower bound, if there is no such W up to half of the times, if
    n < 200 τ, or if the series never changes. Nothing can tell of states that no chain has visited, nor of a
    slow mode whose weight in ρ is below the noise: look at observables that are slow, such as the projections
    on principal directions.

    Parameters
    ----------
    series
        (chains, times), or (times, chains, observables): numbers of any type, at least 4 times, in
        equilibrium from the first on. While a machine learns, take off the mean over chains at each time
        first, so that what all chains do together does not count.
    steps
        k, the Gibbs steps between two times.

    Returns
    -------
    AutocorrelationTime
        Of shape () or (observables,). NaN for a series that never changes.

    Raises
    ------
    InvalidInput
        If the series has another number of dimensions, is empty, has fewer than 4 times or a value that is
        not finite; or if ``steps`` is below 1.

    Notes
    -----
    Fourier transforms of one observable at a time: O(chains · times · log times), and as much memory
    as four copies of its series.
    """
    values, shape = by_observable(series)
    chains, times = values.shape[1:]
    _check_positive("steps", steps)
    measured = [_measure(x) for x in values]
    time, error, bound, window = (
        torch.from_numpy(np.array(column)).reshape(shape) for column in zip(*measured, strict=True)
    )
    return AutocorrelationTime(
        integrated=steps * time,
        standard_error=steps * error,
        lower_bound=bound,
        window=steps * window,
        steps=steps,
        times=times,
        chains=chains,
    )


def by_observable(series: Tensor | np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """A series as (observables, chains, times), float64, and the shape of a result.

    Raises
    ------
    InvalidInput
        If it is neither (chains, times) nor (times, chains, observables), too short, or not finite.
    """
    values = torch.as_tensor(series).detach().cpu().double().numpy()
    if values.ndim not in (2, 3):
        raise InvalidInput(
            f"series: has {values.ndim} dimensions; give (chains, times) or (times, chains, observables)"
        )
    ordered = values[None] if values.ndim == 2 else values.transpose(2, 1, 0)
    if ordered.shape[2] < FEWEST_TIMES or not ordered.size:
        raise InvalidInput(
            f"series: has shape {values.shape}; give at least {FEWEST_TIMES} times of one chain"
        )
    if not np.isfinite(values).all():
        raise InvalidInput("series: holds NaN or an infinite value; leave out the chain that does")
    return ordered, () if values.ndim == 2 else (len(ordered),)


def gibbs_series(
    machine: RBM, start: Tensor, directions: Tensor, *, times: int, generator: torch.Generator, steps: int = 1
) -> Tensor:
    """Projections x_α = u_α·v of Gibbs chains of a machine, for :func:`autocorrelation_time`.

    4 · times · steps · chains · N_v·q · N_h flops.

    Parameters
    ----------
    machine
        The machine.
    start
        Where the chains begin, in equilibrium: (chains, N_v) or one-hot (chains, N_v, q), statistics of the
        visible unit.
    directions
        u, (directions, N_v·q) or (directions, N_v, q), for example ``principal_directions(…).vectors``.
    times
        Length of the series.
    generator
        For the draws, on the machine's device.
    steps
        Gibbs steps between two times.

    Returns
    -------
    Tensor
        (times, chains, directions), in the machine's dtype and on its device.

    Raises
    ------
    InvalidInput
        If shapes are not of this machine, or ``times`` or ``steps`` is below 1.
    """
    shape = tuple(machine.visible_bias.shape)
    if start.ndim != 1 + len(shape) or tuple(start.shape[1:]) != shape or not len(start):
        raise InvalidInput(f"start: has shape {tuple(start.shape)}; give (chains, {str(shape)[1:-1]})")
    columns = math.prod(shape)
    if directions.ndim < 2 or not len(directions) or math.prod(directions.shape[1:]) != columns:
        raise InvalidInput(f"directions: have shape {tuple(directions.shape)}; give (directions, {columns})")
    _check_positive("times", times)
    _check_positive("steps", steps)
    projection = directions.flatten(1).to(machine.weights).T
    v = start.to(machine.weights)
    series = v.new_empty(times, len(v), projection.shape[1])
    for time in range(times):
        for _ in range(steps):
            v, _hidden = machine.gibbs_step(v, generator)
        torch.mm(v.flatten(1), projection, out=series[time])
    return series


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise InvalidInput(f"{name}: {value} is too few; give at least 1")


def _measure(series: np.ndarray) -> tuple[float, float, bool, int]:
    """τ, its standard error, whether it is a lower bound, and its window; series (chains, times)."""
    chains, times = series.shape
    count = chains * times
    if not np.ptp(series) > 0:
        return math.nan, math.nan, True, 0
    # later lags are of few pairs
    covariance = _autocovariance(series - series.mean())[: times // 2 + 1]
    covariance += 2 * integrated_sum(covariance)[0] * covariance[0] / count
    time, window, found = integrated_sum(covariance)
    error = time * math.sqrt(max(4 * window + 2 - 4 * time, 0.0) / count)
    return time, error, not found or count < _LENGTHS * time, window


def _autocovariance(centred: np.ndarray) -> np.ndarray:
    """(1/(times − t)) Σ_s x_s x_{s+t}, averaged over chains. (times,)"""
    chains, times = centred.shape
    # zeros after the end, so that it does not wrap around to the beginning
    size = next_fast_len(2 * times, real=True)
    power = np.square(np.abs(np.fft.rfft(centred, size, axis=1))).sum(0)
    return np.fft.irfft(power, size)[:times] / (chains * np.arange(times, 0, -1))


def integrated_sum(covariance: np.ndarray) -> tuple[float, int, bool]:
    """τ, its window, and whether there is one; if not, all lags are summed."""
    sums = 0.5 + np.concatenate([[0.0], np.cumsum(covariance[1:])]) / covariance[0]
    enough = np.arange(len(sums)) >= _WINDOWS * np.maximum(sums, _INDEPENDENT)
    found = bool(enough.any())
    window = int(np.argmax(enough)) if found else len(sums) - 1
    return max(float(sums[window]), _LEAST), window, found
