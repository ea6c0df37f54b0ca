"""Stability against automatic differentiation and closed forms."""

import numpy as np
import pytest
import torch

from carving import RBM, Gaussian, fixed_points
from carving.meanfield import Plefka, stability
from carving.meanfield.stability import Linearisation
from tests.machines import ORDERS, PAIRS, ordering_machine, random_samples
from tests.reference.free_energy import gibbs_free_energy


def smallest_curvature(rbm: RBM, order: int, m_v: torch.Tensor, m_h: torch.Tensor) -> float:
    """Smallest eigenvalue of the Hessian of Γ by automatic differentiation; Potts: on the tangent space."""
    shape = m_v.shape

    def energy(m: torch.Tensor) -> torch.Tensor:
        return gibbs_free_energy(rbm, order, m[: m_v.numel()].reshape(1, *shape), m[m_v.numel() :][None])[0]

    point = torch.cat([m_v.flatten(), m_h])
    hessian = torch.as_tensor(torch.autograd.functional.hessian(energy, point))
    if rbm.states is not None:
        q = rbm.states
        site = torch.linalg.svd(torch.ones(1, q, dtype=torch.float64), full_matrices=True)[2][1:].T
        basis = torch.block_diag(*[site] * rbm.visible_size, torch.eye(len(m_h), dtype=torch.float64))
        hessian = basis.T @ hessian @ basis
    return float(np.linalg.eigvalsh(hessian.numpy())[0])


@pytest.mark.one_in(4)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_stable_means_a_positive_definite_hessian(visible: str, hidden: str, order: int) -> None:
    answers = set()
    for coupling in (0.7, 0.95, 1.3, 1.6):
        rbm = ordering_machine(visible, hidden, coupling)
        # no fixed points: any state has a Hessian, and one without order loses stability first
        field_v = 0.1 * random_samples(rbm, 1, seed=int(100 * coupling))[0]
        m_v = rbm.visible.mean(field_v)
        centre = 0.5 if hidden == "bernoulli" else 0.0
        m_h = torch.full((rbm.hidden_size,), centre, dtype=torch.float64)
        expected = smallest_curvature(rbm, order, m_v, m_h) > 0
        answers.add(expected)
        assert stability(rbm, m_v, m_h, order=order).stable == expected
    assert answers == {True, False}


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_eigenvalues_are_those_of_the_sweeps_jacobian(visible: str, hidden: str) -> None:
    rbm = ordering_machine(visible, hidden, 1.1)
    point = fixed_points(rbm, random_samples(rbm, 1))
    plefka = Plefka(rbm, 2)

    def sweep(m: torch.Tensor) -> torch.Tensor:
        v, h = plefka.sweep(
            m[: point.visible.numel()].reshape(point.visible.shape), m[-rbm.hidden_size :][None]
        )
        return torch.cat([v.flatten(), h.flatten()])

    at = torch.cat([point.visible.flatten(), point.hidden.flatten()])
    jacobian = torch.as_tensor(torch.autograd.functional.jacobian(sweep, at)).numpy()
    expected = np.sort(np.abs(np.linalg.eigvals(jacobian)))[::-1][:4]
    ours = np.abs(stability(rbm, point.visible[0], point.hidden[0]).eigenvalues)
    np.testing.assert_allclose(ours, expected, atol=1e-8)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_the_slowest_modes_amount_a_sweep_later_is_that_of_the_jacobian(
    visible: str, hidden: str, order: int
) -> None:
    rbm = ordering_machine(visible, hidden, 0.8)
    plefka = Plefka(rbm, order)
    found = fixed_points(rbm, random_samples(rbm, 1), order=order)
    point = found.visible, found.hidden
    linear = Linearisation(plefka, *point)
    assert bool(linear.stable.all())
    generator = torch.Generator().manual_seed(0)
    difference = tuple(torch.randn(x.shape, generator=generator, dtype=x.dtype) for x in point)
    _, (_, later) = torch.autograd.functional.jvp(plefka.sweep, point, difference)
    told = sum((x * d).sum() for x, d in zip(linear.slowest_after, difference, strict=True))
    torch.testing.assert_close(told, (linear.slowest * later).sum(), rtol=1e-7, atol=1e-9)


def test_large_machines_use_the_same_eigenvalues() -> None:
    # Curie–Weiss at order 1 without fields: the paramagnetic point has the one eigenvalue Σ w²/γ
    sites, x = 200, 0.9
    weights = torch.full((sites, 1), x**0.5, dtype=torch.float64)
    rbm = RBM(
        weights, torch.zeros(sites).double(), torch.zeros(1).double(), "spin", Gaussian(precision=sites)
    )
    found = stability(rbm, torch.zeros(sites), torch.zeros(1), order=1, count=1)
    assert found.spectral_radius == pytest.approx(x, abs=1e-10)


@pytest.mark.parametrize(("singular_value", "stable"), [(0.99, True), (1.01, False)])
def test_spins_lose_the_paramagnetic_point_at_singular_value_one(singular_value: float, stable: bool) -> None:
    weights = torch.full((30, 20), singular_value / 600**0.5, dtype=torch.float64)
    rbm = RBM(weights, torch.zeros(30).double(), torch.zeros(20).double(), "spin", "spin")
    assert stability(rbm, torch.zeros(30), torch.zeros(20), order=1).stable is stable


def test_second_order_threshold_of_a_rank_one_machine() -> None:
    # mathematics §6: 1.056 for rank one, 20 × 20
    def stable(strength: float) -> bool:
        weights = torch.full((20, 20), strength / 20, dtype=torch.float64)
        rbm = RBM(weights, torch.zeros(20).double(), torch.zeros(20).double(), "spin", "spin")
        return stability(rbm, torch.zeros(20), torch.zeros(20), order=2).stable

    assert stable(1.0555)
    assert not stable(1.0565)
