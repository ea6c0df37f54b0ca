"""An estimate of log Z with an interval, from independent unbiased estimates of Z."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scipy.special import chdtri, stdtrit
from torch import Tensor

from carving.rbm import RBM
from carving.training._configurations import Configurations
from carving.training.likelihood._rows import log_weights_of
from carving.training.likelihood._weights import effective_count, log_mean

# a 95 % interval leaves as much on either side
_ON_EITHER_SIDE = 0.025


@dataclass(frozen=True)
class MeanLogLikelihood:
    """Mean of log p(v) over some samples, in nats a sample.

    Attributes
    ----------
    value
        The mean.
    low, high
        A 95 % interval. It is that of log Z: the samples are taken as they are, not as some of many.
    standard_error
        That of log Z.
    """

    value: float
    low: float
    high: float
    standard_error: float


@dataclass(frozen=True)
class Estimate:
    """An estimate of log Z.

    Attributes
    ----------
    value
        log of the mean weight. The mean is unbiased, so its logarithm is too low on average, by about half
        the square of the standard error.
    low, high
        A 95 % interval; wider above than below where weights are uneven.
    standard_error
        Of ``value``, by how the populations differ.
    effective_samples
        As many chains of equal weights among which a like standard error is left: all chains at the most.
        With few, say below ten, neither value nor interval should be trusted; take more temperatures.
    """

    value: float
    low: float
    high: float
    standard_error: float
    effective_samples: float

    def log_likelihood(self, machine: RBM, samples: Any, *, weights: Any = None) -> MeanLogLikelihood:
        """Mean log p(v) of samples under the machine whose log Z this is.

        Parameters
        ----------
        machine
            The one that was given for the estimate.
        samples
            :class:`carving.Samples`, or a table (n, N_v) or one-hot (n, N_v, q) of any kind; read in blocks
            of rows.
        weights
            How much each sample counts, (n,), not negative. None: all alike.

        Raises
        ------
        InvalidInput
            If the samples are none of the machine's visible layer, or weights are not one a sample, finite
            and not negative.
        """
        shares = Configurations(samples, machine.visible, "samples", weights=weights).shares
        log_weight = float(shares @ log_weights_of(machine, samples).cpu())
        return MeanLogLikelihood(
            log_weight - self.value, log_weight - self.high, log_weight - self.low, self.standard_error
        )


def estimate_from(log_weights: Tensor) -> Estimate:
    """log Z from weights whose means over each population are independent and unbiased.

    The interval is Student's for the mean of the populations' means, by linearisation of the logarithm, with
    as many degrees of freedom as populations are effective, less one: where a few of them carry the mean, the
    variance is known no better than from so few. Two things are then known of its ends:

    - Below, P(Ẑ > c Z) ≤ 1/c by Markov's inequality, so no more than log 40 is ever needed.
    - Above, the largest weights may not have been met. Logarithms of weights are sums of many terms and
      roughly normal, and the mean of such weights is e^{μ + σ²/2}. Where the upper limit of that, from the
      limits of μ and of σ² (Zou, Huo & Taleban 2009), is higher, it is the end; while σ is small, both agree.
      μ and σ are those of the upper half of the populations, as some that were left behind in a state of
      little weight say nothing about the largest.

    Parameters
    ----------
    log_weights
        (populations, chains), at least 2 populations.
    """
    means = log_mean(log_weights)
    count = len(means)
    value, effective = float(log_mean(means)), float(effective_count(means))
    # rounding may leave more effective than there are
    error = math.sqrt(max(0.0, (1 / effective - 1 / count) * count / (count - 1)))
    reach = _quantile(effective - 1) * error
    return Estimate(
        value=value,
        low=value - min(reach, -math.log(_ON_EITHER_SIDE)),
        high=max(value + reach, _normal_limit(means)),
        standard_error=error,
        effective_samples=1 / (error**2 + 1 / log_weights.numel()),
    )


def _normal_limit(means: Tensor) -> float:
    """Upper limit of log of a mean, if logarithms above their median are as those of normal numbers."""
    middle = float(means.median())
    above = means[means >= middle] - middle
    freedom = len(above) - 1
    # the median itself, which is one of them, deviates by nothing
    variance = float(above.square().sum()) / freedom
    # a median has π/2 times the variance of a mean
    of_middle = _quantile(freedom) * math.sqrt(math.pi / 2 * variance / len(means))
    of_variance = variance / 2 * (freedom / float(chdtri(freedom, 1 - _ON_EITHER_SIDE)) - 1)
    return middle + variance / 2 + math.hypot(of_middle, of_variance)


def _quantile(freedom: float) -> float:
    """Student's quantile of one side of the interval."""
    return float(stdtrit(max(1.0, freedom), 1 - _ON_EITHER_SIDE))
