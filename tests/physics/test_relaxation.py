"""Relaxation times against processes with known ones, and the exact spectrum of a machine."""

import math

import numpy as np
import pytest
import scipy.signal
import torch

from carving.errors import InvalidInput
from carving.physics._observables import project_chains
from carving.physics.exponents import fit_power_law
from carving.physics.relaxation import mean_field_relaxation, relaxation_time
from tests.reference.reduced_chain import curie_weiss, direction, exact_relaxation


def autoregressive(tau: float, *, times: int, chains: int, observables: int, seed: int = 0) -> np.ndarray:
    """Unit variance and C(t) = e^{−t/τ}, in equilibrium. (times, chains, observables)"""
    slope = math.exp(-1 / tau)
    noise = np.random.default_rng(seed).standard_normal((times, chains, observables))
    noise[1:] *= np.sqrt(1 - slope**2)
    return np.asarray(scipy.signal.lfilter([1.0], [1.0, -slope], noise, axis=0))


def reduced_chain(sites: int, x: float, *, times: int, chains: int, seed: int = 0) -> np.ndarray:
    """M of a Curie–Weiss machine by draws of M itself, after a burn-in of as long. (times, chains, 1)"""
    generator = np.random.default_rng(seed)
    total = np.zeros(chains)
    series = np.empty((times, chains, 1))
    for time in range(-times // 4, times):
        hidden = x**0.5 * total / sites + generator.standard_normal(chains) / sites**0.5
        total = 2.0 * generator.binomial(sites, 1 / (1 + np.exp(-2 * x**0.5 * hidden))) - sites
        if time >= 0:
            series[time, :, 0] = total
    return series


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(("tau", "times", "chains"), [(10.0, 400, 100), (3.0, 200, 60), (20.0, 3000, 5)])
def test_is_the_time_of_one_exponential_and_its_error_is_honest(
    tau: float, times: int, chains: int, within: bool
) -> None:
    series = autoregressive(tau, times=times, chains=chains, observables=40)
    found = relaxation_time(series, states=np.arange(chains) if within else None)
    known = ~found.lower_bound
    # parts of few chains may be found too short
    assert float(known.double().mean()) > 0.9
    deviation = ((found.time - tau) / found.standard_error)[known]
    assert float(deviation.square().mean().sqrt()) == pytest.approx(1, abs=0.3)
    assert float(found.time[known].mean()) == pytest.approx(tau, rel=0.05)


def test_is_the_slowest_of_several_exponentials() -> None:
    slow = autoregressive(30.0, times=1500, chains=200, observables=20)
    fast = autoregressive(2.0, times=1500, chains=200, observables=20, seed=1)
    for share in (0.3, 0.8):
        found = relaxation_time(share**0.5 * slow + (1 - share) ** 0.5 * fast)
        deviation = (found.time - 30) / found.standard_error
        assert float(deviation.square().mean().sqrt()) == pytest.approx(1, abs=0.4)
        assert float(found.time.mean()) == pytest.approx(30, rel=0.03)


def test_is_in_steps() -> None:
    series = autoregressive(5.0, times=300, chains=40, observables=2)
    one, seven = relaxation_time(series), relaxation_time(series, steps=7)
    torch.testing.assert_close(seven.time, 7 * one.time)
    torch.testing.assert_close(seven.standard_error, 7 * one.standard_error)
    assert seven.window.tolist() == (7 * one.window).tolist()


def test_one_observable_may_be_chains_by_times() -> None:
    series = autoregressive(5.0, times=300, chains=40, observables=2)
    alone = relaxation_time(series[:, :, 1].T)
    assert alone.time.shape == ()
    assert float(alone.time) == float(relaxation_time(series).time[1])


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(("times", "chains"), [(60, 50), (200, 200), (600, 3)])
def test_a_short_run_gives_a_lower_bound(times: int, chains: int, within: bool) -> None:
    tau = 50.0
    series = autoregressive(tau, times=times, chains=chains, observables=30)
    found = relaxation_time(series, states=np.arange(chains) if within else None)
    assert float(found.lower_bound.double().mean()) > 0.9
    bounds = found.time[found.lower_bound]
    # three standard errors, for the largest of some lags
    assert float((bounds <= tau).double().mean()) > 0.9
    assert bool(found.standard_error[found.lower_bound].isnan().all())
    assert float(bounds.median()) > 0.04 * min(times, tau)


def test_chains_that_stay_bound_the_time_between_states_and_measure_the_one_within() -> None:
    wobble = autoregressive(4.0, times=400, chains=60, observables=1)
    state = np.arange(60) % 2
    series = wobble + 5.0 * (2 * state - 1)[None, :, None]
    between, within = relaxation_time(series), relaxation_time(series, states=state)
    assert bool(between.lower_bound)
    assert float(between.time[0]) > 400
    assert not bool(within.lower_bound)
    assert float(within.time[0]) == pytest.approx(4.0, abs=3.5 * float(within.standard_error[0]))
    assert float(within.standard_error[0]) < 0.5


def test_rare_flips_are_not_said_to_be_slower_than_they_are() -> None:
    flip, generator = 1 / 1000, np.random.default_rng(0)
    tau = -1 / math.log(1 - 2 * flip)
    flips = generator.random((500, 200, 20)) < flip
    start = generator.integers(0, 2, (1, 200, 20))
    found = relaxation_time(1.0 - 2 * ((start + flips.cumsum(0)) % 2))
    assert bool(found.lower_bound.all())
    assert float((found.time <= tau).double().mean()) > 0.9
    assert float(found.time.median()) > 0.5 * tau


def test_a_series_that_never_changes_says_nothing() -> None:
    found = relaxation_time(np.ones((5, 50)))
    assert bool(found.lower_bound)
    assert bool(found.time.isnan())


def test_independent_draws_are_forgotten_within_a_step() -> None:
    found = relaxation_time(np.random.default_rng(0).standard_normal((200, 100, 20)))
    assert not bool(found.lower_bound.any())
    assert float(found.time.max()) < 0.5


@pytest.mark.parametrize(
    ("series", "options"),
    [
        (np.zeros(5), {}),
        (np.zeros((3, 2)), {}),
        (np.full((3, 10), np.nan), {}),
        (np.zeros((3, 10)), {"steps": 0}),
        (np.zeros((3, 10)), {"states": np.arange(4)}),
        (np.zeros((3, 10)), {"states": np.zeros(3)}),
    ],
)
def test_what_is_no_series_is_refused(series: np.ndarray, options: dict) -> None:
    with pytest.raises(InvalidInput):
        relaxation_time(series, **options)


@pytest.mark.slow
def test_draws_of_the_reduced_chain_have_the_time_of_its_spectrum() -> None:
    sizes, times, errors = (64, 256, 1024, 4096), [], []
    for sites in sizes:
        exact = exact_relaxation(sites, 1.0)
        found = relaxation_time(reduced_chain(sites, 1.0, times=int(40 * exact), chains=1200, seed=sites))
        times.append(float(found.time[0]))
        errors.append(float(found.standard_error[0]))
        assert times[-1] == pytest.approx(exact, abs=3 * errors[-1])
        assert errors[-1] < 0.025 * exact
    found = fit_power_law(np.array(sizes, float), np.array(times), np.array(errors))
    assert found.exponent == pytest.approx(0.5, abs=0.03)


def test_a_machine_has_the_time_of_its_spectrum() -> None:
    sites, exact = 64, exact_relaxation(64, 1.0)
    series = project_chains(
        curie_weiss(sites, 1.0, dtype=torch.float32),
        direction(sites),
        chains=1000,
        burn_in=100,
        steps=400,
        generator=torch.Generator().manual_seed(2),
    )
    found = relaxation_time(series)
    assert float(found.time[0]) == pytest.approx(exact, abs=3 * float(found.standard_error[0]))
    assert float(found.standard_error[0]) < 0.025 * exact


@pytest.mark.slow
def test_the_machines_time_grows_as_the_root_of_its_size() -> None:
    sizes, times, errors = (64, 256, 1024), [], []
    for sites in sizes:
        exact = exact_relaxation(sites, 1.0)
        series = project_chains(
            curie_weiss(sites, 1.0, dtype=torch.float32),
            direction(sites),
            chains=2000,
            burn_in=int(10 * exact),
            steps=int(60 * exact),
            generator=torch.Generator().manual_seed(sites),
        )
        found = relaxation_time(series)
        times.append(float(found.time[0]))
        errors.append(float(found.standard_error[0]))
        assert times[-1] == pytest.approx(exact, rel=0.03)
    found = fit_power_law(np.array(sizes, float), np.array(times), np.array(errors))
    assert found.exponent == pytest.approx(0.5, abs=0.03)


# ---- mean field


@pytest.mark.parametrize("x", [0.3, 0.9])
def test_mean_field_time_of_curie_weiss_is_that_of_its_one_eigenvalue(x: float) -> None:
    rbm = curie_weiss(100, x)
    found = mean_field_relaxation(rbm, torch.zeros(100), torch.zeros(1))
    assert found == pytest.approx(-1 / math.log(x), rel=1e-9)


def test_mean_field_is_the_limit_of_many_spins() -> None:
    exact = [exact_relaxation(sites, 0.7) for sites in (256, 1024, 4096)]
    expected = mean_field_relaxation(curie_weiss(4096, 0.7), torch.zeros(4096), torch.zeros(1))
    deviations = np.abs(np.array(exact) / expected - 1)
    assert deviations[-1] < 0.01
    # as 1/N
    assert deviations[1] / deviations[2] == pytest.approx(4, rel=0.1)


def test_mean_field_time_is_infinite_past_the_transition_and_zero_without_couplings() -> None:
    zero = torch.zeros(50), torch.zeros(1)
    assert mean_field_relaxation(curie_weiss(50, 1.1), *zero) == math.inf
    assert mean_field_relaxation(curie_weiss(50, 0.0), *zero) == 0
