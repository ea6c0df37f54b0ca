import numpy as np
import pytest
import scipy.signal
import torch

from carving import RBM
from carving.errors import InvalidInput
from carving.training.quality import autocorrelation_time, gibbs_series
from tests.machines import PAIRS, encoding_factor, random_machine
from tests.training.quality.exact import enumerated, transition_matrix


def autoregressive(slope: float, *, times: int, chains: int, observables: int, seed: int = 0) -> np.ndarray:
    """x_t = φ x_{t−1} + noise in equilibrium, whose ρ(t) = φ^t. (times, chains, observables)"""
    noise = np.random.default_rng(seed).standard_normal((times, chains, observables))
    noise[0] /= np.sqrt(1 - slope**2)
    return np.asarray(scipy.signal.lfilter([1.0], [1.0, -slope], noise, axis=0))


def closed_form(slope: float) -> float:
    return 0.5 * (1 + slope) / (1 - slope)


@pytest.mark.parametrize(("times", "chains"), [(4000, 1), (400, 10), (150, 50)])
@pytest.mark.parametrize("slope", [0.0, 0.5, 0.8])
def test_is_the_closed_form_of_an_autoregressive_process(slope: float, times: int, chains: int) -> None:
    observables = 150
    found = autocorrelation_time(autoregressive(slope, times=times, chains=chains, observables=observables))
    assert not bool(found.lower_bound.any())
    deviation = (found.integrated - closed_form(slope)) / found.standard_error
    # a window of 5 τ cuts off 1 %, and noise may end it early
    assert float(found.integrated.mean()) == pytest.approx(closed_form(slope), rel=0.03)
    assert float(deviation.square().mean().sqrt()) == pytest.approx(1, abs=0.25)


def by_definition(series: np.ndarray) -> tuple[float, int]:
    """τ and its window from sums over pairs of times, one after the other; series (chains, times)."""
    times = series.shape[1]
    deviation = series - series.mean()
    covariance = [
        np.mean([deviation[:, s] * deviation[:, s + lag] for s in range(times - lag)])
        for lag in range(times // 2 + 1)
    ]

    def summed() -> tuple[float, int]:
        time, window = 0.5, 0
        while window < 5 * max(time, 0.5) and window < len(covariance) - 1:
            window += 1
            time += float(covariance[window] / covariance[0])
        return time, window

    lost = 2 * summed()[0] * covariance[0] / series.size
    covariance = [x + lost for x in covariance]
    return summed()


@pytest.mark.parametrize(("slope", "times", "chains"), [(0.3, 60, 7), (0.8, 201, 2), (0.99, 40, 3)])
def test_is_the_sum_over_pairs_of_times(slope: float, times: int, chains: int) -> None:
    series = autoregressive(slope, times=times, chains=chains, observables=1)[:, :, 0].T + 1000
    found = autocorrelation_time(series)
    time, window = by_definition(series)
    assert float(found.integrated) == pytest.approx(time, rel=1e-9)
    assert int(found.window) == window


def test_the_mean_being_of_the_same_data_leaves_no_bias() -> None:
    found = autocorrelation_time(autoregressive(0.5, times=300, chains=1, observables=3000))
    # without the correction 5 % are lost; that noise has a say in the window adds 2 %
    assert float(found.integrated.mean()) == pytest.approx(closed_form(0.5), rel=0.03)


def test_anticorrelated_draws_have_less_than_a_half() -> None:
    found = autocorrelation_time(autoregressive(-0.5, times=4000, chains=5, observables=20))
    assert 0 < float(found.integrated.mean()) < 0.25


@pytest.mark.parametrize(("times", "chains"), [(100, 1), (30, 3), (12, 100)])
def test_too_short_a_run_is_marked_a_lower_bound(times: int, chains: int) -> None:
    slope = 0.98
    found = autocorrelation_time(autoregressive(slope, times=times, chains=chains, observables=50))
    assert bool(found.lower_bound.all())
    assert float(found.integrated.mean()) < closed_form(slope)


def test_chains_stuck_in_different_states_are_marked() -> None:
    series = np.random.default_rng(0).standard_normal((20, 500))
    series[:10] += 8
    assert bool(autocorrelation_time(series).lower_bound)
    assert not bool(autocorrelation_time(series[:10]).lower_bound)


def test_a_series_that_never_changes_is_unknown() -> None:
    found = autocorrelation_time(np.ones((3, 100)))
    assert bool(found.lower_bound)
    assert bool(found.integrated.isnan())
    assert bool(found.standard_error.isnan())


def test_layouts_agree() -> None:
    series = autoregressive(0.5, times=500, chains=4, observables=3)
    together = autocorrelation_time(series)
    alone = autocorrelation_time(torch.from_numpy(series[:, :, 1].T.copy()))
    assert alone.integrated.shape == ()
    assert float(alone.integrated) == pytest.approx(float(together.integrated[1]), rel=1e-12)
    assert (alone.times, alone.chains) == (500, 4)


def test_counts_in_gibbs_steps() -> None:
    series = autoregressive(0.5, times=500, chains=4, observables=1)
    one, five = autocorrelation_time(series), autocorrelation_time(series, steps=5)
    torch.testing.assert_close(five.integrated, 5 * one.integrated)
    torch.testing.assert_close(five.standard_error, 5 * one.standard_error)
    torch.testing.assert_close(five.effective_samples, one.effective_samples)
    torch.testing.assert_close(five.relative_to(10), five.integrated / 5)


def test_effective_samples_give_the_variance_of_means() -> None:
    series = autoregressive(0.8, times=400, chains=5, observables=2000)
    found = autocorrelation_time(series[:, :, :100])
    variance = series.var() / float(found.effective_samples.mean())
    assert series.mean((0, 1)).var() == pytest.approx(variance, rel=0.15)


def slow_machine(visible: str, hidden: str) -> RBM:
    factor = encoding_factor(visible, hidden)
    return random_machine(
        visible, hidden, sites=4, units=2, states=3, weights=0.35 * factor, bias=0.2, seed=4
    )


def run_of(machine: RBM, *, times: int, chains: int, seed: int = 5) -> torch.Tensor:
    """Configurations in equilibrium, (times, chains, N_v·q)."""
    start = torch.from_numpy(enumerated(machine).draw(chains, seed))
    every = torch.eye(machine.visible_bias.numel())
    generator = torch.Generator().manual_seed(seed)
    return gibbs_series(machine, start, every, times=times, generator=generator)


def spectrum_of(machine: RBM) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues of the exact step, falling, its eigenfunctions in columns, and p(v)."""
    probability = enumerated(machine).probability
    root = np.sqrt(probability)
    # detailed balance makes it symmetric
    symmetric = root[:, None] * transition_matrix(machine) / root
    np.testing.assert_allclose(symmetric, symmetric.T, atol=1e-6)
    values, vectors = np.linalg.eigh(symmetric)
    return values[::-1], (vectors / root[:, None])[:, ::-1], probability


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_the_slowest_function_has_the_time_of_the_spectral_gap(visible: str, hidden: str) -> None:
    machine = slow_machine(visible, hidden)
    values, functions, _ = spectrum_of(machine)
    run = run_of(machine, times=1000, chains=60).numpy()
    rows = enumerated(machine).rows
    number = {tuple(row): index for index, row in enumerate(rows)}
    codes = np.array([number[tuple(row)] for row in run.reshape(-1, run.shape[2])])
    found = autocorrelation_time(functions[codes, 1].reshape(run.shape[:2]).T)
    expected = closed_form(values[1])
    assert not bool(found.lower_bound)
    assert expected > 1
    assert float(found.standard_error) < 0.06 * expected
    assert float(found.integrated) == pytest.approx(expected, abs=3.5 * float(found.standard_error))


def test_projections_have_the_time_of_the_exact_step() -> None:
    machine = slow_machine("spin", "bernoulli")
    values, functions, probability = spectrum_of(machine)
    found = autocorrelation_time(run_of(machine, times=4000, chains=40))
    share = np.square((functions * probability[:, None]).T @ enumerated(machine).rows)[1:]
    expected = (share * closed_form(values[1:])[:, None]).sum(0) / share.sum(0)  # pyright: ignore
    assert (expected <= closed_form(values[1])).all()
    deviation = (found.integrated.numpy() - expected) / found.standard_error.numpy()
    assert np.abs(deviation).max() < 4


def test_series_is_that_of_gibbs_steps() -> None:
    machine = random_machine("potts", "spin", sites=4, states=3)
    start = torch.from_numpy(enumerated(machine).draw(5, 0))
    directions = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = gibbs_series(
        machine, start, directions, times=3, steps=2, generator=torch.Generator().manual_seed(7)
    )
    generator, v = torch.Generator().manual_seed(7), start
    for time in range(3):
        for _ in range(2):
            v, _hidden = machine.gibbs_step(v, generator)
        torch.testing.assert_close(found[time], torch.einsum("ciq,diq->cd", v, directions))


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        (np.zeros(5), {}, "1 dimensions"),
        (np.zeros((0, 5)), {}, "at least 4 times"),
        (np.zeros((2, 3)), {}, "at least 4 times"),
        (np.zeros((5, 2, 0)), {}, "at least 4 times"),
        (np.array([[1.0, 2, np.nan, 3, 4]]), {}, "NaN"),
        (np.zeros((2, 5)), {"steps": 0}, "steps"),
    ],
)
def test_refuses(series: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        autocorrelation_time(series, **options)


@pytest.mark.parametrize(
    ("start", "directions", "options", "message"),
    [
        ((5, 4), (2, 3), {}, "start: has shape"),
        ((0, 3), (2, 3), {}, "start: has shape"),
        ((5, 3), (2, 4), {}, "directions: have shape"),
        ((5, 3), (0, 3), {}, "directions: have shape"),
        ((5, 3), (2, 3), {"times": 0}, "times"),
        ((5, 3), (2, 3), {"steps": 0}, "steps"),
    ],
)
def test_refuses_chains_of_another_machine(
    start: tuple, directions: tuple, options: dict, message: str
) -> None:
    machine = random_machine("spin", "spin", sites=3)
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(InvalidInput, match=message):
        gibbs_series(
            machine,
            torch.ones(start),
            torch.ones(directions),
            generator=generator,
            **{"times": 2, **options},
        )
