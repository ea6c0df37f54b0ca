"""Linear response against dense Hessians, re-solved points and enumeration; sampling against closed forms."""

import numpy as np
import pytest
import torch
from torch import Tensor

from carving import RBM, FixedPoints, fixed_points
from carving.errors import InvalidInput
from carving.physics._observables import project_chains
from carving.physics.exponents import fit_power_law
from carving.physics.susceptibility import linear_response, sampled_susceptibility
from tests.machines import ORDERS, PAIRS, encoding_factor, ordering_machine, random_machine, random_samples
from tests.reference.free_energy import gibbs_free_energy
from tests.reference.reduced_chain import curie_weiss, direction, exact_susceptibility
from tests.training.quality.exact import enumerated


def directions_of(rbm: RBM, *, count: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*rbm.visible_bias.shape, count, generator=generator, dtype=torch.float64)


def solved(rbm: RBM, order: int) -> FixedPoints:
    point = fixed_points(rbm, random_samples(rbm, 1), order=order, tolerance=1e-11)
    assert bool(point.converged.all())
    return point


def inverse_hessian(rbm: RBM, order: int, m_v: Tensor, m_h: Tensor) -> Tensor:
    """Visible block, by automatic differentiation; Potts: of the Hessian on the tangent space."""
    size = m_v.numel()

    def energy(m: Tensor) -> Tensor:
        return gibbs_free_energy(rbm, order, m[:size].reshape(1, *m_v.shape), m[size:][None])[0]

    hessian = torch.as_tensor(torch.autograd.functional.hessian(energy, torch.cat([m_v.flatten(), m_h])))
    basis = torch.eye(len(hessian), dtype=torch.float64)
    if rbm.states is not None:
        site = torch.linalg.svd(torch.ones(1, rbm.states, dtype=torch.float64))[2][1:].T
        basis = torch.block_diag(*[site] * rbm.visible_size, torch.eye(len(m_h), dtype=torch.float64))
    return (basis @ torch.linalg.inv(basis.T @ hessian @ basis) @ basis.T)[:size, :size]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_is_the_inverse_hessian_along_each_direction(visible: str, hidden: str, order: int) -> None:
    for rbm in (
        ordering_machine(visible, hidden, 0.7),
        random_machine(visible, hidden, weights=0.2 * encoding_factor(visible, hidden), beta=0.8),
    ):
        point = solved(rbm, order)
        u = directions_of(rbm)
        found = linear_response(rbm, point.visible[0], point.hidden[0], u, order=order)
        expected = inverse_hessian(rbm, order, point.visible[0], point.hidden[0]) @ u.flatten(0, -2)
        assert found.stable
        torch.testing.assert_close(found.response.flatten(0, -2), expected, rtol=1e-8, atol=1e-9)
        torch.testing.assert_close(
            found.susceptibility, (u.flatten(0, -2) * expected).sum(0), rtol=1e-8, atol=1e-9
        )


def test_holds_at_a_point_that_is_no_minimum() -> None:
    rbm = ordering_machine("spin", "spin", 1.4)
    m_v, m_h = torch.zeros(10).double(), torch.zeros(8).double()
    u = directions_of(rbm)
    found = linear_response(rbm, m_v, m_h, u, order=2)
    assert not found.stable
    expected = inverse_hessian(rbm, 2, m_v, m_h) @ u
    torch.testing.assert_close(found.response, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_is_how_the_point_moves_under_a_field(visible: str, hidden: str, order: int) -> None:
    rbm = random_machine(visible, hidden, weights=0.2 * encoding_factor(visible, hidden), beta=0.8, seed=3)
    point, u, step = solved(rbm, order), directions_of(rbm), 1e-4
    found = linear_response(rbm, point.visible[0], point.hidden[0], u, order=order)
    for alpha in range(u.shape[-1]):
        moved = []
        for sign in (-1, 1):
            bias = rbm.visible_bias + sign * step * u[..., alpha] / rbm.beta
            pushed = RBM(rbm.weights, bias, rbm.hidden_bias, rbm.visible, rbm.hidden, beta=rbm.beta)
            there = fixed_points(pushed, point.visible, hidden=point.hidden, order=order, tolerance=1e-12)
            moved.append(there.visible[0])
        torch.testing.assert_close(
            found.response[..., alpha], (moved[1] - moved[0]) / (2 * step), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_is_the_variance_where_couplings_are_weak(visible: str, hidden: str) -> None:
    def deviation(order: int, strength: float) -> float:
        weights = strength * encoding_factor(visible, hidden)
        rbm = random_machine(visible, hidden, sites=5, units=4, states=3, weights=weights, bias=0.5)
        exact, point = enumerated(rbm), solved(rbm, order)
        away = exact.rows - exact.probability @ exact.rows
        covariance = torch.from_numpy(away.T @ (exact.probability[:, None] * away))
        everywhere = torch.eye(len(covariance), dtype=torch.float64)
        u = everywhere.reshape(*rbm.visible_bias.shape, -1)
        found = linear_response(rbm, point.visible[0], point.hidden[0], u, order=order)
        return float(torch.linalg.norm(found.response.flatten(0, -2) - covariance))

    # what order k leaves out is of power k + 1 at least, of which halved couplings leave 2^−(k+1)
    for order in ORDERS:
        assert deviation(order, 0.04) < 0.1**order
        assert deviation(order, 0.02) < 1.4 * deviation(order, 0.04) / 2 ** (order + 1)


@pytest.mark.parametrize("x", [0.2, 0.5, 0.9, 0.99])
def test_is_one_over_one_minus_x_for_curie_weiss(x: float) -> None:
    sites = 4096
    zero = torch.zeros(sites), torch.zeros(1)
    found = linear_response(curie_weiss(sites, x), *zero, direction(sites), order=1)
    assert float(found.susceptibility[0]) == pytest.approx(1 / (1 - x), rel=1e-9)


def test_mean_field_exponent_is_one() -> None:
    sites, distances = 4096, np.geomspace(0.1, 0.6, 6)
    zero = torch.zeros(sites), torch.zeros(1)
    for order in ORDERS:
        chi = [
            float(
                linear_response(
                    curie_weiss(sites, 1 - d), *zero, direction(sites), order=order
                ).susceptibility[0]
            )
            for d in distances
        ]
        assert fit_power_law(1 / distances, np.array(chi)).exponent == pytest.approx(1, abs=0.01)


def test_units_that_are_saturated_do_not_respond() -> None:
    rbm = random_machine("spin", "bernoulli", sites=4)
    bias = rbm.visible_bias.clone()
    bias[0] = 100.0
    rbm = RBM(rbm.weights, bias, rbm.hidden_bias, rbm.visible, rbm.hidden)
    point = solved(rbm, 2)
    found = linear_response(rbm, point.visible[0], point.hidden[0], torch.eye(4).double())
    assert float(found.response[0].abs().max()) == 0
    assert bool(torch.isfinite(found.response).all())
    assert float(found.susceptibility[1:].min()) > 0.1


def test_shapes_of_another_machine_are_refused() -> None:
    rbm = random_machine("potts", "spin")
    point = solved(rbm, 2)
    with pytest.raises(InvalidInput, match="directions"):
        linear_response(rbm, point.visible[0], point.hidden[0], torch.zeros(10, 3))
    with pytest.raises(InvalidInput, match="fixed point"):
        linear_response(rbm, point.visible[0], point.hidden[0][1:], directions_of(rbm))


# ---- by sampling


def autoregressive(slope: float, *, times: int, chains: int, observables: int, seed: int = 0) -> np.ndarray:
    """x_t = φ x_{t−1} + noise in equilibrium, (times, chains, observables)."""
    generator = np.random.default_rng(seed)
    series = np.empty((times, chains, observables))
    series[0] = generator.standard_normal((chains, observables)) / np.sqrt(1 - slope**2)
    for time in range(1, times):
        series[time] = slope * series[time - 1] + generator.standard_normal((chains, observables))
    return series


@pytest.mark.parametrize(("times", "chains"), [(60, 100), (4000, 1), (600, 7)])
def test_errors_know_of_autocorrelation(times: int, chains: int) -> None:
    slope = 0.8
    found = sampled_susceptibility(autoregressive(slope, times=times, chains=chains, observables=150))
    chi = 1 / (1 - slope**2)
    for value, error, expected in (
        (found.susceptibility, found.susceptibility_error, chi),
        (found.absolute, found.absolute_error, (1 - 2 / np.pi) * chi),
        (found.binder, found.binder_error, 0.0),
    ):
        deviation = (value - expected) / error
        assert float(deviation.square().mean().sqrt()) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("x", [0.8, 1.1])
def test_chains_of_a_machine_give_the_exact_moments(x: float) -> None:
    sites = 64
    series = project_chains(
        curie_weiss(sites, x, dtype=torch.float32),
        direction(sites),
        chains=300,
        burn_in=200,
        steps=600,
        generator=torch.Generator().manual_seed(1),
    )
    found = sampled_susceptibility(series)
    chi, absolute, binder = exact_susceptibility(sites, x)
    assert float(found.susceptibility[0]) == pytest.approx(chi, abs=4 * float(found.susceptibility_error[0]))
    assert float(found.absolute[0]) == pytest.approx(absolute, abs=4 * float(found.absolute_error[0]))
    assert float(found.binder[0]) == pytest.approx(binder, abs=4 * float(found.binder_error[0]))
    assert float(found.susceptibility_error[0]) < 0.03 * chi
    assert not bool(found.too_short[0])


def test_two_sharp_states_have_a_cumulant_of_two_thirds() -> None:
    series = np.repeat(np.tile([-3.0, 3.0], 20)[:, None], 50, axis=1)
    found = sampled_susceptibility(series)
    assert float(found.binder) == pytest.approx(2 / 3)
    assert float(found.absolute) == pytest.approx(0)
    assert float(found.susceptibility) == pytest.approx(9)
    # no chain has left its state
    assert bool(found.too_short)


def test_a_far_mean_does_not_cost_digits_of_the_variance() -> None:
    series = autoregressive(0.5, times=50, chains=30, observables=2)
    near, far = sampled_susceptibility(series), sampled_susceptibility(series + 2.0**24)
    torch.testing.assert_close(far.susceptibility, near.susceptibility, rtol=1e-6, atol=0)


def test_the_peak_moves_and_grows_as_finite_sizes_do() -> None:
    # mathematics §6: 1.25/√N above x = 1, height ∝ √N
    peaks, sizes = [], (1024, 4096, 16384)
    for sites in sizes:
        offsets = np.linspace(0.8, 1.8, 101)
        heights = np.array([exact_susceptibility(sites, 1 + c / sites**0.5)[1] for c in offsets])
        peaks.append(heights.max())
        assert offsets[heights.argmax()] == pytest.approx(1.25, abs=0.1)
    assert fit_power_law(np.array(sizes, float), np.array(peaks)).exponent == pytest.approx(0.5, abs=0.02)


@pytest.mark.slow
def test_sampling_a_machine_shows_the_peak() -> None:
    sites, offsets = 256, np.array([0.4, 0.8, 1.2, 1.6, 2.0])
    heights, errors = [], []
    for number, offset in enumerate(offsets):
        x = 1 + offset / sites**0.5
        series = project_chains(
            curie_weiss(sites, x, dtype=torch.float32),
            direction(sites),
            chains=1000,
            burn_in=200,
            steps=1000,
            generator=torch.Generator().manual_seed(number),
        )
        found = sampled_susceptibility(series)
        heights.append(float(found.absolute[0]))
        errors.append(float(found.absolute_error[0]))
        assert heights[-1] == pytest.approx(exact_susceptibility(sites, x)[1], abs=4 * errors[-1])
        assert errors[-1] < 0.02 * heights[-1]
    bend, slope, _ = np.polyfit(offsets, heights, 2)
    assert -slope / (2 * bend) == pytest.approx(1.2, abs=0.15)


@pytest.mark.slow
def test_sampled_exponent_is_that_of_mean_field() -> None:
    sites, distances = 4096, np.array([0.1, 0.16, 0.25, 0.4])
    chi, errors = [], []
    for number, distance in enumerate(distances):
        series = project_chains(
            curie_weiss(sites, 1 - distance, dtype=torch.float32),
            direction(sites),
            chains=300,
            burn_in=int(10 / distance),
            steps=int(60 / distance),
            generator=torch.Generator().manual_seed(number),
        )
        found = sampled_susceptibility(series)
        chi.append(float(found.susceptibility[0]))
        errors.append(float(found.susceptibility_error[0]))
        # at 1 − x = 0.1 the exact χ of so many spins is itself 2.1 % below 1/(1 − x)
        assert chi[-1] == pytest.approx(exact_susceptibility(sites, 1 - distance)[0], rel=0.04)
    found = fit_power_law(1 / distances, np.array(chi), np.array(errors))
    assert found.exponent == pytest.approx(1, abs=0.03)


def test_series_that_are_none_are_refused() -> None:
    for series in (np.zeros(5), np.zeros((3, 2)), np.full((3, 10), np.inf)):
        with pytest.raises(InvalidInput, match="series"):
            sampled_susceptibility(series)
