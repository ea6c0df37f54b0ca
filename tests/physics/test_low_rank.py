"""The low-rank machine against numerical singular values and the stability of its paramagnetic point."""

import numpy as np
import pytest
import torch

from carving.errors import InvalidInput
from carving.meanfield import Plefka
from carving.meanfield.stability import Linearisation
from carving.physics.models import LowRank
from carving.rbm import RBM


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def singular_values(rbm: RBM, count: int) -> np.ndarray:
    w = rbm.weights.numpy()
    return np.sqrt(np.linalg.eigvalsh(w.T @ w)[::-1][:count])


def is_stable(rbm: RBM) -> bool:
    """Of the paramagnetic point, at order 1."""
    zero = [torch.zeros(1, size, dtype=torch.float64) for size in rbm.weights.shape]
    return bool(Linearisation(Plefka(rbm, 1), zero[0], zero[1]).stable)


def strength_at_which_it_is_lost(size: tuple[int, int], noise: float, seed: int) -> float:
    """By bisection on the strength of one mode of one draw."""
    low, high = 0.0, 1.5
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        model = LowRank(visible_size=size[0], hidden_size=size[1], strengths=(middle,), noise=noise)
        low, high = (middle, high) if is_stable(model.machine(seeded(seed))) else (low, middle)
    return 0.5 * (low + high)


@pytest.mark.slow
def test_outliers_and_bulk_edge_of_large_machines_are_where_theory_says() -> None:
    model = LowRank(visible_size=2000, hidden_size=500, strengths=(1.5, 0.9, 0.5, 0.2), noise=0.4)
    assert model.strengths[2] > model.least_strength > model.strengths[3]
    found = np.mean([singular_values(model.machine(seeded(seed)), 4) for seed in range(5)], axis=0)
    np.testing.assert_allclose(found[:3], model.outliers()[:3], rtol=0.02)
    # the weakest mode is lost in the bulk
    assert found[3] == pytest.approx(model.bulk_edge(), rel=0.02)
    assert model.outliers()[3] == pytest.approx(model.bulk_edge())
    assert model.largest_singular_value == model.outliers()[0]


@pytest.mark.slow
def test_the_transition_of_large_machines_is_where_theory_says() -> None:
    model = LowRank(visible_size=2000, hidden_size=500, strengths=(), noise=0.4)
    lost = np.mean([strength_at_which_it_is_lost((2000, 500), 0.4, seed) for seed in range(5)])
    assert lost == pytest.approx(model.critical_strength, rel=0.02)


def test_outliers_of_a_small_machine_are_near_to_theory() -> None:
    model = LowRank(visible_size=400, hidden_size=100, strengths=(1.5, 0.8), noise=0.4)
    found = np.mean([singular_values(model.machine(seeded(seed)), 2) for seed in range(10)], axis=0)
    np.testing.assert_allclose(found, model.outliers(), rtol=0.03)


def test_at_the_critical_strength_the_outlier_is_one() -> None:
    strength = LowRank(visible_size=300, hidden_size=200, strengths=(), noise=0.3).critical_strength
    model = LowRank(visible_size=300, hidden_size=200, strengths=(strength,), noise=0.3)
    assert model.strengths[0] > model.least_strength
    assert model.largest_singular_value == pytest.approx(1, rel=1e-12)


def test_noise_alone_can_destroy_the_paramagnetic_point() -> None:
    model = LowRank(visible_size=200, hidden_size=200, strengths=(0.0,), noise=0.6)
    assert model.critical_strength == 0
    assert not is_stable(model.machine(seeded()))


def test_at_the_least_strength_the_outlier_leaves_the_bulk() -> None:
    least = LowRank(visible_size=300, hidden_size=100, strengths=(), noise=0.5).least_strength
    values = [
        LowRank(visible_size=300, hidden_size=100, strengths=(w,), noise=0.5) for w in (least, 1.01 * least)
    ]
    assert values[0].largest_singular_value == pytest.approx(values[0].bulk_edge(), rel=1e-12)
    assert values[1].largest_singular_value > values[1].bulk_edge()


def test_without_noise_the_strengths_are_the_singular_values() -> None:
    model = LowRank(visible_size=30, hidden_size=20, strengths=(0.3, 1.2), noise=0.0)
    np.testing.assert_allclose(singular_values(model.machine(seeded()), 2), [1.2, 0.3], rtol=1e-9)
    np.testing.assert_allclose(model.outliers(), [0.3, 1.2], rtol=1e-12)
    assert model.critical_strength == 1


@pytest.mark.parametrize(
    ("visible", "hidden"), [("bernoulli", "bernoulli"), ("bernoulli", "gaussian"), ("spin", "bernoulli")]
)
def test_other_units_scale_the_singular_values_and_keep_the_transition(visible: str, hidden: str) -> None:
    for strength, stable in ((0.8, True), (1.2, False)):
        model = LowRank(visible_size=40, hidden_size=30, strengths=(strength,), noise=0.0)
        rbm = model.machine(seeded(), visible=visible, hidden=hidden)
        expected = model.outliers(visible=visible, hidden=hidden)
        np.testing.assert_allclose(singular_values(rbm, 1), expected, rtol=1e-9)
        m_v = torch.full((1, 40), 0.5 if visible == "bernoulli" else 0.0, dtype=torch.float64)
        m_h = torch.full((1, 30), 0.5 if hidden == "bernoulli" else 0.0, dtype=torch.float64)
        plefka = Plefka(rbm, 1)
        assert float(plefka.size(*plefka.residual(m_v, m_h))) < 1e-12
        assert bool(Linearisation(plefka, m_v, m_h).stable) is stable


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match="strengths"):
        LowRank(visible_size=5, hidden_size=2, strengths=(1.0, 1.0, 1.0), noise=0.1)
    with pytest.raises(InvalidInput, match="noise"):
        LowRank(visible_size=5, hidden_size=2, strengths=(1.0,), noise=-0.1)
