"""What a machine has learned so far: the singular directions of its weights (mathematics §6)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from carving._progress import Progress, ProgressCallback
from carving.checkpoints import CheckpointSequence
from carving.data import Samples
from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.units import Unit

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Spectrum:
    """The singular value decomposition βW = Σ_α w_α u^α ū^αᵀ of a machine, the largest w first; float64.

    Attributes
    ----------
    values
        w_α, (k,).
    visible
        u^α of unit length, (k, N_v) or (k, N_v, q); the sum over its cubes is not negative.
    hidden
        ū^α, (k, N_h).
    """

    values: Tensor
    visible: Tensor
    hidden: Tensor


def spectrum(rbm: RBM, *, count: int | None = None) -> Spectrum:
    """Singular values and vectors of βW; of a Potts machine in its zero-sum gauge, sites × states flattened.

    Parameters
    ----------
    rbm
        The machine.
    count
        How many, the largest; all by default.
    """
    _check_count(count)
    machine = rbm.to(torch.float64)
    if machine.states is not None:
        machine = machine.zero_sum_gauge()
    weights = machine.beta * machine.weights
    left, values, right = torch.linalg.svd(weights.flatten(0, -2), full_matrices=False)
    left, values, right = left.T[:count], values[:count], right[:count]
    sign = torch.where((left**3).sum(1, keepdim=True) < 0, -1.0, 1.0)
    visible = (sign * left).reshape(len(values), *machine.visible_bias.shape)
    return Spectrum(values, visible, sign * right)


def _check_count(count: int | None) -> None:
    if count is not None and count < 1:
        raise InvalidInput(f"count: {count} is not a number of directions; give at least 1")


def unbiased_threshold(rbm: RBM) -> float:
    """The singular value at which the machine without fields would lose its one state, at order 1.

    1/√(κ₂ κ₂′) with the variances of a visible and a hidden unit without field: 1 for spins, 4 for {0, 1}, √γ
    for spins with Gaussian hidden units of precision γ, 2√q for Potts with {0, 1} (mathematics §6).
    """
    visible, hidden = (_variance_without_field(unit) for unit in (rbm.visible, rbm.hidden))
    return 1 / math.sqrt(visible * hidden)


def _variance_without_field(unit: Unit) -> float:
    """Largest eigenvalue of the covariance of one unit, ∂m/∂θ at θ = 0."""
    field = torch.zeros(unit.site_shape, dtype=torch.float64)
    slope = torch.autograd.functional.jacobian(lambda x: unit.mean(x[None])[0], field)
    assert isinstance(slope, Tensor)
    size = max(field.numel(), 1)
    return float(torch.linalg.eigvalsh(slope.reshape(size, size))[-1])


@dataclass(frozen=True, eq=False)
class SpectrumAlongLearning:
    """Singular directions at every age, numbered in the order in which they condense; float64, numpy.

    They are followed from the oldest age down: at each, a direction is the one that overlaps most with its
    next older self. Their order is that of the ages at which they first pass half of the threshold, and where
    they do not, of their singular values at the oldest age.

    Attributes
    ----------
    ages
        Updates, (T,) int64, ascending.
    values
        w_α, (T, k).
    directions
        u^α, (T, k, N_v) or (T, k, N_v, q) float32.
    overlap
        |u^α(t)·u^α(t_next)| with itself at the next older age, (T, k); NaN at the oldest.
    data_variance
        Variance of s_α = u^α·v over the samples, (T, k); NaN without samples.
    growth
        d log w_α / d(updates) between this age and the next older one, (T, k); NaN at the oldest.
    predicted_growth
        The same by (9): learning rate × κ₂ of a hidden unit × (variance over the samples − variance of free
        units), NaN where samples or learning rate are not known. It holds while the direction is small,
        for steps along the gradient itself.
    threshold
        :func:`unbiased_threshold`, the same at all ages.
    """

    ages: np.ndarray
    values: np.ndarray
    directions: np.ndarray
    overlap: np.ndarray
    data_variance: np.ndarray
    growth: np.ndarray
    predicted_growth: np.ndarray
    threshold: float

    @property
    def age_at_threshold(self) -> np.ndarray:
        """The age at which each singular value first passes the threshold, linear in log(1 + age) between
        checkpoints; NaN where it never does. (k,) float64"""
        logs, result = np.log1p(self.ages), np.full(self.values.shape[1], np.nan)
        above = self.values >= self.threshold
        for number in np.flatnonzero(above.any(0)).tolist():
            index = int(above[:, number].argmax())
            stretch = slice(max(index - 1, 0), index + 1)
            result[number] = np.expm1(np.interp(self.threshold, self.values[stretch, number], logs[stretch]))
        return result

    def components(self, fields: np.ndarray, ages: np.ndarray) -> np.ndarray:
        """|u^α·f| of fields of unit length, (n, N_v) or (n, N_v, q), each with the directions of the age that
        is next to its own, (n,), in its logarithm; NaN where that is. (n, k)"""
        count = self.directions.shape[1]
        result = np.full((len(fields), count), np.nan)
        nearest = np.abs(np.log1p(self.ages)[:, None] - np.log1p(ages)).argmin(0) if len(ages) else ages
        for index in np.unique(nearest).tolist():
            rows = np.flatnonzero((nearest == index) & np.isfinite(ages))
            directions = self.directions[index].reshape(count, -1).astype(np.float64)
            result[rows] = np.abs(fields[rows].reshape(len(rows), directions.shape[1]) @ directions.T)
        return result

    def __repr__(self) -> str:
        return (
            f"SpectrumAlongLearning({self.values.shape[1]} directions at {len(self.ages)} ages; the largest "
            f"singular value {self.values[-1, 0]:.3g} at age {self.ages[-1]}, threshold {self.threshold:.3g})"
        )


def spectrum_along_learning(
    run: CheckpointSequence,
    samples: Samples | Any = None,
    *,
    count: int = 10,
    learning_rate: float | None = None,
    progress: ProgressCallback | None = None,
) -> SpectrumAlongLearning:
    """Follow the leading singular directions of the weights through a training (mathematics §6).

    Parameters
    ----------
    run
        The checkpoints.
    samples
        What was learned, as the visible units take it; for the variances.
    count
        How many directions.
    learning_rate
        Of the training; by default what the store says.
    progress
        Called for every age.

    Raises
    ------
    InvalidInput
        If ``count`` is below 1, or the samples are none or do not fit the machines.
    """
    _check_count(count)
    ages = np.asarray(run.ages)
    older: Spectrum | None = None
    rate = _learning_rate(run) if learning_rate is None else learning_rate
    moments, columns = None, {name: [] for name in ("values", "directions", "overlap", "data", "free")}
    if samples is not None:
        moments = _Moments(samples, run.visible, run.visible_size)
    for done, age in enumerate(reversed(ages.tolist())):
        rbm = run.at_age(age)
        here = spectrum(rbm)
        order, overlap = _followed(here, older)
        older = here = Spectrum(here.values[order], here.visible[order], here.hidden[order])
        columns["values"].append(here.values.numpy())
        columns["directions"].append(here.visible.float().numpy())
        columns["overlap"].append(overlap.numpy())
        unknown = np.full(len(order), np.nan)
        columns["data"].append(unknown if moments is None else moments.variance(here.visible))
        columns["free"].append(unknown if moments is None else moments.free_variance(here.visible))
        if progress:
            progress(Progress("spectrum", done + 1, len(ages), f"age {age}"))
    values, directions, overlap, data, free = (np.stack(column[::-1]) for column in columns.values())
    growth = np.full_like(values, np.nan)
    # weights of lower rank have values of zero, which do not grow at any rate
    logarithms = np.log(values, out=np.full_like(values, np.nan), where=values > 0)
    growth[:-1] = np.diff(logarithms, axis=0) / np.diff(ages)[:, None]
    gain = _variance_without_field(run.hidden) * (np.nan if rate is None else rate)
    predicted = gain * (data - free)
    threshold = unbiased_threshold(run[-1])
    first = _by_condensation(values, threshold)[:count]
    columns = (each[:, first] for each in (values, directions, overlap, data, growth, predicted))
    return SpectrumAlongLearning(ages, *columns, threshold=threshold)


def _by_condensation(values: np.ndarray, threshold: float) -> np.ndarray:
    """The directions in the order in which they pass half of the threshold, then by their last value."""
    passed = values >= threshold / 2
    when = np.where(passed.any(0), passed.argmax(0), len(values))
    return np.lexsort((-values[-1], when))


def _followed(here: Spectrum, older: Spectrum | None) -> tuple[Tensor, Tensor]:
    """Which of the directions here continue the older ones, and the overlaps; each at most once."""
    if older is None:
        order = torch.arange(len(here.values))
        return order, torch.full((len(order),), torch.nan, dtype=torch.float64)
    overlaps = (older.visible.flatten(1) @ here.visible.flatten(1).T).abs()
    rows, order = linear_sum_assignment(overlaps.numpy(), maximize=True)
    return torch.from_numpy(order), overlaps[rows, order]


def _learning_rate(run: CheckpointSequence) -> float | None:
    """What a training by carve says of it, where it is one number and steps are along the gradient."""
    settings = run.training
    rate = settings.get("learning_rate")
    plain = settings.get("optimiser", "sgd") == "sgd" and settings.get("rate", "constant") == "constant"
    return float(rate) if isinstance(rate, (int, float)) and plain else None


class _Moments:
    """Variances over the samples along directions of the visible layer."""

    def __init__(self, samples: Samples | Any, unit: Unit, sites: int | None) -> None:
        values = samples.values if isinstance(samples, Samples) else samples
        rows = values if hasattr(values, "shape") else np.asarray(values)
        total, square, count = None, None, 0
        for low in range(0, rows.shape[0], _ROWS_AT_ONCE):
            part = rows[low : low + _ROWS_AT_ONCE]
            part = part if isinstance(part, Tensor) else np.asarray(part)
            v = unit.encode(part, torch.float64, source="samples", first_row=low)
            if v.shape[1] != sites:
                raise InvalidInput(
                    f"samples: have {v.shape[1]} sites, but the machines {sites}; give what was learned"
                )
            v = v.flatten(1)
            total = v.sum(0) + (0 if total is None else total)
            square = v.T @ v + (0 if square is None else square)
            count += len(v)
        if total is None or square is None:
            raise InvalidInput("samples: there are none; give at least one row")
        self._mean = total / count
        self._covariance = square / count - torch.outer(self._mean, self._mean)
        self._sites = total.numel() // max(1, math.prod(unit.site_shape))

    def variance(self, directions: Tensor) -> np.ndarray:
        """Of u·v over the samples. (k,)"""
        u = directions.flatten(1)
        return ((u @ self._covariance) * u).sum(1).numpy()

    def free_variance(self, directions: Tensor) -> np.ndarray:
        """Of u·v if sites were independent, each distributed as in the samples. (k,)"""
        u = directions.reshape(len(directions), self._sites, -1)
        states = u.shape[-1]
        blocks = self._covariance.reshape(self._sites, states, self._sites, states)
        own = blocks.diagonal(dim1=0, dim2=2).permute(2, 0, 1)
        return torch.einsum("kis,ist,kit->k", u, own, u).numpy()
