"""Plefka's expansion against its definition, automatic differentiation and exact enumeration."""

import numpy as np
import pytest
import torch

from carving import RBM, Gaussian, fixed_points
from carving.meanfield import Plefka, stability
from tests.machines import ORDERS, PAIRS, encoding_factor, ordering_machine, random_machine, random_samples
from tests.reference.enumeration import mean_field_errors
from tests.reference.free_energy import gibbs_free_energy, stationarity


def inner_state(rbm: RBM, count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Magnetisations well inside their range."""
    generator = torch.Generator().manual_seed(seed)
    visible = torch.randn(count, *rbm.visible_bias.shape, generator=generator, dtype=torch.float64)
    hidden = torch.randn(count, rbm.hidden_size, generator=generator, dtype=torch.float64)
    return rbm.visible.mean(visible), rbm.hidden.mean(hidden)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_free_energy_is_the_expansion_from_its_definition(visible: str, hidden: str, order: int) -> None:
    rbm = random_machine(visible, hidden, beta=1.3)
    m_v, m_h = inner_state(rbm, 6)
    ours = Plefka(rbm, order).free_energy(m_v, m_h)
    torch.testing.assert_close(ours, gibbs_free_energy(rbm, order, m_v, m_h), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_gradient_is_that_of_the_free_energy(visible: str, hidden: str, order: int) -> None:
    rbm = random_machine(visible, hidden)
    m_v, m_h = (x.requires_grad_() for x in inner_state(rbm, 5))
    expected = list(torch.autograd.grad(gibbs_free_energy(rbm, order, m_v, m_h).sum(), (m_v, m_h)))
    if visible == "potts":
        expected[0] = expected[0] - expected[0].mean(-1, keepdim=True)
    ours = Plefka(rbm, order).gradient(m_v.detach(), m_h.detach())
    torch.testing.assert_close(list(ours), expected, rtol=1e-10, atol=1e-10)


COUPLINGS = (0.8, 0.95, 1.0, 1.05, 1.1, 1.2, 1.5)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_fixed_points_are_stationary_up_to_strong_coupling(visible: str, hidden: str, order: int) -> None:
    largest, radii = 0.0, []
    for coupling in COUPLINGS:
        rbm = ordering_machine(visible, hidden, coupling)
        points = fixed_points(rbm, random_samples(rbm, 8), order=order, tolerance=1e-8)
        assert bool(points.converged.all())
        off = stationarity(rbm, order, points.visible, points.hidden)
        largest = max(largest, float(off.max()))
        radii += [
            stability(rbm, points.visible[i], points.hidden[i], order=order).spectral_radius for i in (0, 1)
        ]
    assert max(radii) > 0.9, "the machines are too weak to test anything"
    assert largest <= 1e-6


def expansion_errors(visible: str, hidden: str, couplings: np.ndarray) -> np.ndarray:
    """Root-mean-square of min Γ_k + log Z over 100 random machines, (orders, couplings)."""
    squares = np.zeros((3, len(couplings)))
    for seed in range(100):
        unit = random_machine(visible, hidden, sites=6, units=4, states=3, weights=1.0, bias=0.5, seed=seed)
        for j, g in enumerate(couplings):
            rbm = RBM(g * unit.weights, unit.visible_bias, unit.hidden_bias, visible, hidden)
            exact = -rbm.enumerate().log_partition
            for order in ORDERS:
                points = fixed_points(rbm, random_samples(rbm, 1), order=order, tolerance=1e-10)
                squares[order - 1, j] += (float(points.free_energy[0]) - exact) ** 2
    return np.sqrt(squares / 100)


@pytest.mark.one_in(9)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_errors_fall_with_the_power_of_the_first_missing_order(visible: str, hidden: str) -> None:
    couplings = np.array([0.01, 0.04])
    errors = expansion_errors(visible, hidden, couplings)
    slopes = [np.polyfit(np.log(couplings), np.log(row), 1)[0] for row in errors]
    # κ₃ of Gaussian units vanishes: order 2 is then complete to third order
    print(f"{visible} × {hidden}: powers of g at orders 1, 2, 3: {np.round(slopes, 3)}")
    expected = (2, 4, 4) if hidden == "gaussian" else (2, 3, 4)
    np.testing.assert_allclose(slopes, expected, atol=0.1)


@pytest.mark.one_in(9)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_tap_beats_naive_mean_field_on_every_machine(visible: str, hidden: str) -> None:
    for seed in range(100):
        naive, tap = (mean_field_errors(visible, hidden, strength=1.0, order=k, seed=seed) for k in (1, 2))
        assert tap.free_energy < naive.free_energy, f"machine {seed}"
        assert tap.means < naive.means, f"machine {seed}"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_layer_exact_sweeps_solve_their_layer(visible: str, hidden: str, order: int) -> None:
    rbm = random_machine(visible, hidden, weights=0.5 * encoding_factor(visible, hidden))
    plefka = Plefka(rbm, order)
    m_v, m_h = plefka.layer_exact_sweep(*inner_state(rbm, 10))
    again = rbm.visible.mean(plefka.visible_field(m_v, m_h))
    torch.testing.assert_close(again, m_v, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_layer_exact_sweeps_never_raise_the_second_order_free_energy(visible: str, hidden: str) -> None:
    rbm = random_machine(visible, hidden, weights=1.5 * encoding_factor(visible, hidden))
    plefka = Plefka(rbm, 2)
    state = inner_state(rbm, 20)
    energy = plefka.free_energy(*state)
    for _ in range(10):
        state = plefka.layer_exact_sweep(*state)
        lower = plefka.free_energy(*state)
        assert bool((lower <= energy + 1e-10).all())
        energy = lower


def test_gaussian_hidden_units_of_any_precision_give_the_same_couplings() -> None:
    # β²WWᵀ/γ is what the visible units see (mathematics §2)
    rbm = random_machine("spin", "gaussian", bias=0.0)
    visible_bias = torch.linspace(-1, 1, rbm.visible_size, dtype=torch.float64)
    other = RBM(3 * rbm.weights, visible_bias, rbm.hidden_bias, "spin", Gaussian(precision=9.0))
    rbm = RBM(rbm.weights, visible_bias, rbm.hidden_bias, "spin", "gaussian")
    samples = random_samples(rbm, 5)
    ours, theirs = fixed_points(rbm, samples), fixed_points(other, samples)
    torch.testing.assert_close(ours.visible, theirs.visible, rtol=0, atol=1e-7)
