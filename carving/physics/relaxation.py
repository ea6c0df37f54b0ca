"""Relaxation time along a direction: how slow a machine is there, by sampling and in mean field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from carving.errors import InvalidInput
from carving.meanfield import stability
from carving.physics._observables import independent_parts, jackknife_error, leave_one_out
from carving.rbm import RBM
from carving.training.quality.autocorrelation import by_observable, integrated_sum

# a run of fewer relaxation times does not know its own
_LENGTHS = 20
# an autocorrelation is above the noise while it exceeds this many of its standard errors
_ABOVE_NOISE = 3.0
# τ is from windows of so many τ, the first of which begins at as many
_STRIDE = 0.5
_LONGEST = 2**31
# a later window is taken if its rate is lower by more standard errors than this; once one has been, C is
# known to have faster exponentials
_DISAGREES, _DISAGREES_AGAIN = 2.5, 1.5
# the mean that was taken off is put back in so many rounds
_ROUNDS = 10
# of no event in n chains, at most 3/n have one with 95 %, and a jump between ±s takes 2 s² off
_UNSEEN = 6.0


@dataclass(frozen=True)
class RelaxationTime:
    """Exponential autocorrelation times in Gibbs steps; one value for each observable.

    Attributes
    ----------
    time
        τ of the tail C(t) ~ e^{−t/τ}, or the least that it can be where ``lower_bound``. float64; NaN for a
        series that never changes.
    standard_error
        Of ``time``, float64; NaN where it is a lower bound.
    lower_bound
        Whether the run is too short to tell. bool
    window
        Lags in steps between which the tail was fitted, (…, 2) int64; all there are where ``lower_bound``.
    steps, times, chains
        Steps between two times of the series, its length, and the number of chains.
    """

    time: Tensor
    standard_error: Tensor
    lower_bound: Tensor
    window: Tensor
    steps: int
    times: int
    chains: int


def relaxation_time(
    series: Tensor | np.ndarray, *, steps: int = 1, states: Tensor | np.ndarray | None = None
) -> RelaxationTime:
    """Exponential autocorrelation time of each observable (mathematics §6, "Relaxation time").

    From C(t), averaged over chains, effective times τ(t) = d/log(C(t)/C(t+d)). C of a reversible chain with
    a spectrum that is not negative, such as block Gibbs sampling of one layer, is a sum of decaying
    exponentials, so that they rise to a plateau, the slowest mode that the observable has a part in. The
    time given is that of t = d = τ/2, or the first later one, window after window, with which the next
    agrees within 2.5 standard errors (1.5 after the first), while C is above three standard errors of zero.
    Errors are those of a jackknife over chains; fewer than twenty are cut into parts, which are then what
    has to be long.

    The run is too short if it has fewer than 20 τ, or C is still above the noise at half its length. Then τ
    is a lower bound, the largest t/log(C(0)/C(t)), less three errors of C: a sum of exponentials lies below
    its slowest one. It is 0 if noise is all there is.

    Parameters
    ----------
    series
        As :func:`project_chains` gives it: (times, chains, observables), or (chains, times) of one.
    steps
        Gibbs steps between two times.
    states
        None: relaxation between states, deviations from the mean of all chains; chains should start in all
        of them. Or the state that each chain stays in, (chains,) integers, for relaxation within a state:
        deviations from the mean of the chains of the same state. ``arange(chains)``: each from its own.

    Raises
    ------
    InvalidInput
        If the series has another number of dimensions, fewer than 4 times, or a value that is not finite;
        if ``states`` has another length, or ``steps`` is below 1.

    Notes
    -----
    A mean that is of the same data makes C too small by its variance, which is put back to first order in
    τ/times. A mode that is faster by less than some three times, or a slowest one whose weight in C(0) is
    below a fifth, may leave a deviation of a few errors, always to too short a time. Below about half a step
    of the series all is noise: τ then is at most of that size.
    """
    if steps < 1:
        raise InvalidInput(f"steps: {steps} is too few; give at least 1")
    values, shape = by_observable(series)
    chains, times = values.shape[1:]
    labels = np.zeros(chains, dtype=int) if states is None else _labels(states, chains)
    found = [_relaxation(x, labels) for x in values]
    time, error, bound, window = (torch.from_numpy(np.array(column)) for column in zip(*found, strict=True))
    return RelaxationTime(
        time=steps * time.reshape(shape),
        standard_error=steps * error.reshape(shape),
        lower_bound=bound.reshape(shape),
        window=steps * window.reshape(*shape, 2),
        steps=steps,
        times=times,
        chains=chains,
    )


def mean_field_relaxation(rbm: RBM, visible: Tensor, hidden: Tensor, *, order: int = 1) -> float:
    """−1/log ρ in sweeps, ρ the spectral radius of the sweep's Jacobian at a fixed point (mathematics §6).

    The mean-field counterpart of :func:`relaxation_time` at order 1; at higher ones the delayed Onsager term
    has a part in ρ. Infinite where ρ ≥ 1, zero where ρ is.

    Parameters
    ----------
    rbm
        The machine.
    visible, hidden
        Magnetisations of the fixed point, (N_v,) or (N_v, q), and (N_h,).
    order
        Order of the expansion.
    """
    radius = stability(rbm, visible, hidden, order=order, count=1).spectral_radius
    if radius >= 1:
        return math.inf
    return -1 / math.log(radius) if radius > 0 else 0.0


def _labels(states: Tensor | np.ndarray, chains: int) -> np.ndarray:
    labels = torch.as_tensor(states).cpu().numpy()
    if labels.shape != (chains,) or labels.dtype.kind not in "iu":
        raise InvalidInput(f"states: have shape {labels.shape}; give one integer for each of {chains} chains")
    return np.unique(labels, return_inverse=True)[1]


def _relaxation(values: np.ndarray, labels: np.ndarray) -> tuple[float, float, bool, tuple[int, int]]:
    """τ, its error, whether it is a lower bound, and the window; values (chains, times)."""
    counts = np.bincount(labels)
    centred = values - (np.bincount(labels, values.mean(1)) / counts)[labels, None]
    parts = independent_parts(centred)
    length = parts.shape[1]
    # later lags are of few pairs
    covariance = _autocovariances(parts)[:, : length // 2 + 1]
    if not covariance[:, 0].any():
        return math.nan, math.nan, True, (0, length // 2)
    mean, without = covariance.mean(0), leave_one_out(covariance)
    bound = _least(mean, without), math.nan, True, (0, length // 2)
    count = values.size / len(counts)
    lost = np.array(_taken_off(mean, count))
    mean = mean + lost
    if len(counts) > 1:
        # what is put back may be half of the tail: its own scatter is part of the error
        lost = np.array([_taken_off(x, count) for x in without])[:, None]
    without = without + lost
    end = _buried(mean, without)
    if end == len(mean):
        return bound
    if end < 2:
        return *_within_a_step(mean, jackknife_error(without)), False, (0, 1)
    rate, error, lags = _tail(mean, without, end)
    return (1 / rate, error / rate**2, False, lags) if rate * length > _LENGTHS else bound


def _buried(mean: np.ndarray, without: np.ndarray) -> int:
    """The first lag at which C is within the noise, or their number."""
    buried = ~(mean > _ABOVE_NOISE * jackknife_error(without))
    return int(np.argmax(buried)) if buried.any() else len(mean)


def _autocovariances(parts: np.ndarray) -> np.ndarray:
    """(1/(length − t)) Σ_s x_s x_{s+t} of each part. (parts, length)"""
    length = parts.shape[1]
    # zeros after the end, so that it does not wrap around to the beginning
    size = next_fast_len(2 * length, real=True)
    power = np.square(np.abs(np.fft.rfft(parts, size, axis=1)))
    return np.fft.irfft(power, size, axis=1)[:, :length] / np.arange(length, 0, -1)


def _taken_off(covariance: np.ndarray, count: float) -> float:
    """Variance of a mean of ``count`` times, 2τ C(0)/count with τ the integrated time of the whole C."""
    lost = 0.0
    for _ in range(_ROUNDS):
        whole = covariance + lost
        lost = min(2 * integrated_sum(whole)[0] / count, 0.5) * whole[0]
    return lost


def _tail(mean: np.ndarray, without: np.ndarray, end: int) -> tuple[float, float, tuple[int, int]]:
    """Rate of the tail in lags below ``end``, its error, and the lags that it is from."""
    fall = int(np.argmax(mean[:end] < mean[0] / math.e)) or end - 1
    rate = math.log(mean[0] / mean[fall]) / fall
    # of the exponentials in C, those that are k times as fast have decayed by e^{−(k−1)/2} more
    begin, last = min(_stride(rate), end - 2), end - 1

    def between(first: int, second: int) -> tuple[float, np.ndarray]:
        left = np.maximum(without[:, [first, second]], np.finfo(float).tiny)
        others = np.log(left[:, 0] / left[:, 1]) / (second - first)
        return math.log(mean[first] / mean[second]) / (second - first), others

    lags = begin, min(begin + _stride(rate), last)
    rate, estimates = between(*lags)
    allowed = _DISAGREES
    while lags[1] < last:
        later = lags[1], min(lags[1] + _stride(rate), last)
        next_rate, next_estimates = between(*later)
        if rate - next_rate <= allowed * jackknife_error(next_estimates - estimates):
            break
        rate, estimates, lags = next_rate, next_estimates, later
        allowed = _DISAGREES_AGAIN
    return rate, float(jackknife_error(estimates)), lags


def _stride(rate: float) -> int:
    """Half a relaxation time: rates over as much have nearly the least error that C can give."""
    return math.ceil(min(_STRIDE / rate, _LONGEST)) if rate > 0 else _LONGEST


def _within_a_step(mean: np.ndarray, noise: np.ndarray) -> tuple[float, float]:
    """τ of a series that is at the noise after one time, and its error."""
    left = min(max(mean[1], noise[1]) / mean[0], 0.5)
    time = -1 / math.log(left)
    return time, time**2 * float(noise[1] / mean[0]) / left


def _least(mean: np.ndarray, without: np.ndarray) -> float:
    """The largest t/log(C(0)/C(t)), less the noise: a sum of exponentials lies below its slowest one."""
    last = _buried(mean, without)
    noise = jackknife_error(without[:, :last] / without[:, :1])
    # where nothing ever jumped, C shows no noise
    ratio = np.minimum(mean[:last] / mean[0] - _ABOVE_NOISE * noise, 1 - min(0.5, _UNSEEN / len(without)))
    known = ratio > 0
    known[:1] = False
    return float((np.arange(last)[known] / -np.log(ratio[known])).max(initial=0.0))
