"""Intervals of means of weights whose distribution is known."""

import math

import pytest
import torch

from carving.training.likelihood.estimate import Estimate, estimate_from


def estimates(spread: float, *, populations: int = 20, chains: int = 1, runs: int = 400) -> list[Estimate]:
    """Of e^{σx − σ²/2}, x normal: the mean weight is 1."""
    generator = torch.Generator().manual_seed(0)
    shape = (runs, populations, chains)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return [estimate_from(run) for run in spread * x - spread**2 / 2]


@pytest.mark.parametrize("spread", [0.01, 0.3, 1.0, 3.0, 10.0])
def test_intervals_hold_the_mean_of_lognormal_weights(spread: float) -> None:
    held = sum(x.low <= 0 <= x.high for x in estimates(spread))
    assert held >= 0.93 * 400


def test_narrow_weights_give_the_plain_standard_error() -> None:
    mean = sum(x.standard_error for x in estimates(0.01)) / 400
    assert mean == pytest.approx(0.01 / math.sqrt(20), rel=0.05)


def test_effective_samples_are_those_of_lognormal_weights() -> None:
    (estimate,) = estimates(1.0, populations=20, chains=5000, runs=1)
    # E[w]²/E[w²] = e^{−σ²}; twenty populations know their variance to a sixth
    assert estimate.effective_samples == pytest.approx(100_000 / math.e, rel=0.5)


def test_the_low_end_is_never_further_than_markov_allows() -> None:
    assert all(x.value - x.low <= math.log(40) + 1e-12 for x in estimates(10.0))


def test_equal_weights_leave_no_doubt() -> None:
    estimate = estimate_from(torch.full((20, 3), -1e4, dtype=torch.float64))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((-1e4, -1e4, -1e4), abs=1e-6)
    assert estimate.effective_samples == pytest.approx(60)
