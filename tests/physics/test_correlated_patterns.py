"""Two correlated patterns against enumeration, and where the states of machines split."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import special

import carving
from carving import RBM, fixed_points
from carving.errors import InvalidInput
from carving.meanfield import Plefka
from carving.meanfield.stability import Linearisation
from carving.physics.models import CorrelatedPatterns
from tests.training.machines import with_blocks_turned_over


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def lost_at(rbm: RBM, state: np.ndarray, order: int, between: tuple[float, float]) -> float:
    """b² at which the fixed point followed from ``state`` loses stability, couplings multiplied by b².

    ``state``: magnetisations of the visible units, which the machine's symmetry keeps in their subspace.
    """
    low, high = between
    m_v = torch.tensor(state, dtype=torch.float64)[None]
    while high - low > 1e-4 * low:
        middle = 0.5 * (low + high)
        scaled = rbm.at_inverse_temperature(middle**0.5)
        # layer-exact sweeps do not leave a subspace that Γ is symmetric under, but by rounding
        point = fixed_points(
            scaled, m_v, hidden=scaled.hidden_mean(m_v), order=order, iteration="layer-exact"
        )
        assert bool(point.converged)
        outside = (state == 0) if rbm.visible.name == "spin" else (state == 0.5)
        centre = 0.0 if rbm.visible.name == "spin" else 0.5
        # an unstable point is left sooner or later
        kept = bool(point.stable) and float((point.visible[0, outside] - centre).abs().amax()) < 0.05
        low, high = (middle, high) if kept else (low, middle)
    return 0.5 * (low + high)


def softens_at(rbm: RBM, state: np.ndarray, order: int, near: float) -> float:
    """b² at which the smallest curvature of the followed state would be zero, from two values before.

    Where a trained machine is not quite symmetric the transition itself is rounded off.
    """
    values = []
    m_v = torch.tensor(state, dtype=torch.float64)[None]
    shares = np.array([0.86, 0.93])
    for share in shares:
        scaled = rbm.at_inverse_temperature((share * near) ** 0.5)
        point = fixed_points(scaled, m_v, hidden=scaled.hidden_mean(m_v), order=order)
        assert bool(point.converged)
        assert bool(point.stable)
        values.append(float(Linearisation(Plefka(scaled, order), point.visible, point.hidden).smallest))
    return near * (shares[0] + (shares[1] - shares[0]) * values[0] / (values[0] - values[1]))


# ---- machines and data


@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
def test_the_machine_has_the_models_distribution(visible: str) -> None:
    model = CorrelatedPatterns(sites=8, beta=0.9, kappa=0.25)
    numbers = np.arange(2**8)[:, None]
    s = 2.0 * ((numbers >> np.arange(8)) & 1) - 1
    v = torch.tensor(s if visible == "spin" else (1 + s) / 2)
    p = torch.softmax(-model.machine(visible=visible).free_energy(v), 0).numpy()
    np.testing.assert_allclose(
        p, special.softmax(0.9 / 16 * ((s @ model.patterns.T) ** 2).sum(1)), rtol=1e-12
    )


def test_patterns_overlap_by_kappa() -> None:
    model = CorrelatedPatterns(sites=101, beta=1.0, kappa=0.4)
    assert model.patterns[0].astype(int) @ model.patterns[1] / 101 == pytest.approx(model.kappa)
    assert model.kappa == pytest.approx(0.4, abs=1 / 101)


def test_data_are_of_the_models_own_patterns() -> None:
    model = CorrelatedPatterns(sites=1000, beta=2.5, kappa=0.4)
    data = model.data(300, seeded())
    np.testing.assert_array_equal(data.patterns, model.patterns)
    np.testing.assert_array_equal(data.directions, model.directions)
    overlaps = np.sort(np.abs(data.samples @ model.patterns.T.astype(float)) / 1000, axis=1).mean(0)
    assert overlaps[::-1] == pytest.approx(model.magnetisations, abs=0.01)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match="kappa"):
        CorrelatedPatterns(sites=10, beta=1.0, kappa=1.0)
    with pytest.raises(InvalidInput, match="order"):
        CorrelatedPatterns(sites=10, beta=1.0, kappa=0.2).transition_temperatures(order=4)


# ---- closed forms


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.4, 2.5])
def test_magnetisations_are_those_of_the_fixed_point_at_order_one(beta: float) -> None:
    model = CorrelatedPatterns(sites=50, beta=beta, kappa=0.2)
    point = fixed_points(model.machine(), model.patterns[:1], order=1)
    found = point.visible[0].numpy() @ model.patterns.T / 50
    assert found == pytest.approx(model.magnetisations, abs=1e-5)


def test_growth_rates_are_those_of_the_exact_second_moments() -> None:
    # (9): a direction of unit length grows at (⟨s_u²⟩ − 1)/N; the samples are exact
    model = CorrelatedPatterns(sites=4000, beta=2.5, kappa=0.4)
    data = model.data(200, seeded())
    for direction, rate in zip(model.directions, model.growth_rates, strict=True):
        projected = data.samples @ (direction / np.linalg.norm(direction))
        assert ((projected**2).mean() - 1) / 4000 == pytest.approx(rate, rel=0.02)


# ---- where states split


@pytest.mark.one_in(4)
@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_states_of_the_machine_split_at_the_two_temperatures(order: int, visible: str) -> None:
    # the paramagnetic point first, then the state on the common direction
    model = CorrelatedPatterns(sites=40, beta=1.0, kappa=0.4)
    common = model.directions[0].astype(float)
    for start, expected in zip(
        (np.zeros(40), 0.9 * common), model.transition_temperatures(order=order), strict=True
    ):
        state = start if visible == "spin" else (1 + start) / 2
        found = lost_at(model.machine(visible=visible), state, order, (0.8 / expected, 1.25 / expected))
        assert 1 / found == pytest.approx(expected, rel=1e-3)


def test_the_second_order_shift_is_seen() -> None:
    # the bar above, 0.1 %, tells the orders apart
    model = CorrelatedPatterns(sites=40, beta=1.0, kappa=0.4)
    for naive, tap in zip(
        model.transition_temperatures(), model.transition_temperatures(order=2), strict=True
    ):
        assert naive - tap == pytest.approx(0.05)


@pytest.mark.slow
def test_states_of_a_trained_machine_split_at_the_two_temperatures(tmp_path: Path) -> None:
    sites, beta = 200, 1.6
    model = CorrelatedPatterns(sites=sites, beta=beta, kappa=0.2)
    data = model.data(5000, seeded(1))
    # fields and correlations of the blocks are exactly zero in these
    samples = with_blocks_turned_over(data)
    run = carving.train(
        samples,
        tmp_path / "run",
        hidden=2,
        hidden_unit=carving.Gaussian(precision=sites),
        updates=3000,
        k=1,
        chains=2000,
        batch_size=2000,
        learning_rate=0.1,
        rate="exponential:600",
        save="linear:2",
    )
    learned = run[-1].to(dtype=torch.float64)
    # what noise has left of the fields would round the transitions off
    rbm = RBM(
        learned.weights,
        torch.zeros(sites).double(),
        torch.zeros(2).double(),
        learned.visible,
        learned.hidden,
    )
    common = model.directions[0].astype(float)
    for order in (1, 2):
        expected = model.transition_temperatures(order=order)
        # at b² the couplings are those of the inverse temperature β b²
        first = lost_at(rbm, np.zeros(sites), order, (0.8 / expected[0] / beta, 1.25 / expected[0] / beta))
        second = softens_at(rbm, 0.9 * common, order, 1 / (beta * expected[1]))
        assert 1 / (beta * first) == pytest.approx(expected[0], rel=0.01)
        assert 1 / (beta * second) == pytest.approx(expected[1], rel=0.01)
