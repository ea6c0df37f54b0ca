"""The Hopfield model against enumeration, self-consistent equations and sign dynamics."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special

from benchmarks.hopfield_recall import by_fixed_points, by_signs, extrapolated, half_recalled_load
from carving import fixed_points
from carving.errors import InvalidInput
from carving.physics.models import Hopfield
from carving.physics.models import _hopfield_phases as phases


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---- machines and data


@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
def test_the_machine_has_the_models_distribution(visible: str) -> None:
    model = Hopfield(sites=8, patterns=3, beta=0.9)
    patterns = model.draw_patterns(seeded())
    s = 2.0 * ((np.arange(2**8)[:, None] >> np.arange(8)) & 1) - 1
    v = torch.tensor(s if visible == "spin" else (1 + s) / 2)
    p = torch.softmax(-model.machine(patterns, visible=visible).free_energy(v), 0).numpy()
    np.testing.assert_allclose(p, special.softmax(0.9 / 16 * ((s @ patterns.T) ** 2).sum(1)), rtol=1e-12)


def test_the_machine_of_the_datas_patterns_has_their_energy() -> None:
    model = Hopfield(sites=300, patterns=3, beta=2.0)
    data = model.data(50, seeded(), burn_in=30)
    point = fixed_points(model.machine(data.patterns), data.patterns, order=1)
    overlap = (point.visible.numpy()[data.start] * data.samples * data.start_sign[:, None]).mean(1)
    # ⟨s⟩ of a state is its fixed point
    square = (point.visible.numpy() ** 2).mean(1)[data.start]
    assert overlap.mean() == pytest.approx(square.mean(), abs=0.01)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("hidden", ["spin", "bernoulli"])
def test_discrete_hidden_units_add_the_stated_quartic_term(hidden: str, copies: int) -> None:
    model = Hopfield(sites=9, patterns=2, beta=1.3)
    patterns = model.draw_patterns(seeded())
    machine, gaussian = model.machine(patterns, hidden=hidden, copies=copies), model.machine(patterns)
    # along a pattern, far from its end: what differs is of fourth order, then of sixth
    t = 0.01
    along = torch.tensor(np.stack([0 * patterns[0], t * patterns[0]]), dtype=torch.float64)
    added = (machine.free_energy(along) - gaussian.free_energy(along)).diff()
    overlaps = t * patterns.astype(float) @ patterns[0]
    expected = model.quartic_coefficient(copies=copies) * (overlaps**4).sum()
    assert float(added) == pytest.approx(expected, rel=1e-3)


def test_patterns_of_another_model_are_refused() -> None:
    model = Hopfield(sites=9, patterns=2, beta=1.3)
    with pytest.raises(InvalidInput, match="patterns"):
        model.machine(np.ones((3, 9)))
    with pytest.raises(InvalidInput, match="patterns"):
        Hopfield(sites=9, patterns=0, beta=1.0)


# ---- finitely many patterns


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("temperature", [0.9, 0.7, 0.4])
@pytest.mark.parametrize(("patterns", "draws"), [(1, 1), (3, 4)])
def test_the_magnetisation_of_a_pattern_solves_its_equation(
    patterns: int, draws: int, temperature: float, order: int
) -> None:
    # three random patterns overlap by 1/√N, which lowers m by O(1/N(1 − T)²): N = 8000, mean over all
    model = Hopfield(sites=8000, patterns=patterns, beta=1 / temperature)
    overlaps = []
    for seed in range(draws):
        drawn = model.draw_patterns(seeded(seed))
        points = fixed_points(model.machine(drawn), drawn, order=order)
        assert bool(points.converged.all())
        overlaps.extend((points.visible.numpy() * drawn).mean(1))
    m = model.magnetisation
    assert m == pytest.approx(math.tanh(m / temperature), rel=1e-12)
    assert m > 0.5
    assert np.mean(overlaps) == pytest.approx(m, rel=0.01)


# ---- at finite load


def gaussian_average(function: object) -> float:
    """∫Dz, by adaptive quadrature."""

    def weighted(z: float) -> float:
        return math.exp(-z * z / 2) / math.sqrt(2 * math.pi) * function(z)  # pyright: ignore[reportCallIssue]

    return sum(integrate.quad(weighted, a, b, epsabs=1e-12)[0] for a, b in ((-10, 0), (0, 10)))


@pytest.mark.parametrize(("load", "beta"), [(0.02, 2.0), (0.05, 1.2), (0.05, 4.0)])
def test_states_are_stationary_points_of_the_free_energy(load: float, beta: float) -> None:
    # ∂f/∂m = ∂f/∂q = 0 are the self-consistent equations (r eliminated by its own): finite differences
    states = [(0.0, phases.glass_order(beta, load))]
    recall = Hopfield(sites=1000, patterns=round(1000 * load), beta=beta).recall_state()
    if recall[0] > 0:
        states.append(recall)
    assert all(q > 0 for _, q in states)
    step = 1e-5
    for m, q in states:
        by_m = phases.free_energy(beta, load, m + step, q) - phases.free_energy(beta, load, m - step, q)
        by_q = phases.free_energy(beta, load, m, q + step) - phases.free_energy(beta, load, m, q - step)
        assert by_m / (2 * step) == pytest.approx(0, abs=1e-5)
        assert by_q / (2 * step) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("beta", [1.5, 3.0])
def test_without_load_the_free_energy_is_that_of_curie_weiss(beta: float) -> None:
    model = Hopfield(sites=10, patterns=1, beta=beta)
    m = model.magnetisation
    expected = m * m / 2 - math.log(2 * math.cosh(beta * m)) / beta
    assert phases.free_energy(beta, 1e-9, m, m * m) == pytest.approx(expected, abs=1e-7)


def test_the_order_of_the_glass_solves_its_equation() -> None:
    beta, load = 2.0, 0.1
    q = phases.glass_order(beta, load)
    noise = math.sqrt(load * q) / (1 - beta * (1 - q))
    assert q == pytest.approx(gaussian_average(lambda z: math.tanh(beta * noise * z) ** 2), abs=1e-9)
    assert phases.glass_order(0.99 / (1 + math.sqrt(load)), load) == 0
    assert phases.glass_order(1.01 / (1 + math.sqrt(load)), load) > 0


@pytest.mark.slow
def test_recall_ends_at_its_temperature() -> None:
    model = Hopfield(sites=100, patterns=8, beta=1.0)
    t = model.recall_temperature
    below, above = (Hopfield(sites=100, patterns=8, beta=1 / x) for x in (t - 1e-4, t + 1e-4))
    # it vanishes with a jump
    assert below.recall_state()[0] > 0.5
    assert above.recall_state()[0] == 0


@pytest.mark.slow
def test_phase_boundaries_at_small_load_are_the_published_ones() -> None:
    # Amit, Gutfreund & Sompolinsky: T_M = 1 − 1.95 √α, T_c = 1 − 2.6 √α, T_g = 1 + √α
    model = Hopfield(sites=10**7, patterns=1000, beta=1.0)
    root = math.sqrt(model.load)
    assert (1 - model.recall_temperature) / root == pytest.approx(1.95, abs=0.05)
    assert (1 - model.crossing_temperature) / root == pytest.approx(2.6, abs=0.05)
    assert model.glass_temperature == 1 + root


@pytest.mark.slow
def test_phase_boundaries_end_at_the_published_loads() -> None:
    # α_c = 0.138 and 0.051 at T = 0, replica-symmetric
    def at(load: float) -> Hopfield:
        return Hopfield(sites=10**6, patterns=round(load * 10**6), beta=1.0)

    assert at(0.137).recall_temperature > 0
    assert at(0.139).recall_temperature == 0
    assert at(0.050).crossing_temperature > 0
    assert at(0.052).crossing_temperature == 0


# ---- recall as T → 0 (benchmarks/hopfield_recall.py measures the load where it ends)


def test_second_order_loses_recall_at_high_load_and_first_order_does_not() -> None:
    # the first keeps the self-coupling J_ii = α
    overlaps = {}
    for load in (0.10, 0.25):
        model = Hopfield(sites=400, patterns=round(400 * load), beta=50.0)
        drawn = model.draw_patterns(seeded())
        naive = fixed_points(model.machine(drawn), drawn[:8], order=1)
        overlaps[load] = (naive.visible.numpy() * drawn[:8]).mean(1), by_fixed_points(drawn, 8, 0.02)
    assert all((each > 0.9).all() for each in overlaps[0.10])
    first, second = overlaps[0.25]
    assert (second < 0.9).all()
    assert first.mean() > second.mean() + 0.2


def test_fixed_points_at_low_temperature_are_stable_under_sign_dynamics() -> None:
    # with J_ii = 0: the limit T → 0 of order 2
    model = Hopfield(sites=500, patterns=50, beta=200.0)
    drawn = model.draw_patterns(seeded())
    points = fixed_points(model.machine(drawn), drawn[:8], order=2, iteration="layer-exact")
    signs = torch.sign(points.visible).numpy()
    couplings = drawn.T.astype(float) @ drawn / 500
    np.fill_diagonal(couplings, 0)
    clear = np.abs(points.visible.numpy()) > 0.9
    assert clear.mean() > 0.98
    assert ((signs @ couplings) * signs)[clear].min() > 0


def test_recall_at_low_temperature_has_the_replica_symmetric_overlap() -> None:
    model = Hopfield(sites=2000, patterns=160, beta=50.0)
    overlaps = by_fixed_points(model.draw_patterns(seeded()), 10, 0.02)
    assert overlaps.mean() == pytest.approx(model.recall_state()[0], abs=0.005)


@pytest.mark.slow
def test_half_of_the_patterns_are_recalled_up_to_a_load_near_the_theory_s() -> None:
    # at N = 2000 the load is some 0.01 above that of many sites
    loads = [half_recalled_load(2000, 16, seed, by_signs, 0.02) for seed in range(6)]
    assert np.mean(loads) == pytest.approx(0.155, abs=0.01)


def test_the_extrapolation_finds_the_constant_of_its_law() -> None:
    sizes = [1000, 2000, 4000, 8000]
    loads = 0.14 + 2 * np.array(sizes) ** (-2 / 3)
    value, error, misfit = extrapolated(sizes, loads, np.full(4, 1e-3), 2 / 3)
    assert (value, misfit) == pytest.approx((0.14, 0), abs=1e-9)
    assert 0 < error < 2e-3
