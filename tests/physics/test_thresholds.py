"""Where stability is lost, against closed forms and against the Hessian by automatic differentiation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import carving
from carving import RBM
from carving.meanfield import Plefka, stability
from carving.physics import (
    Couplings,
    Followed,
    critical_coupling,
    follow,
    paramagnetic_state,
    paramagnetic_state_along_learning,
    symmetric_form,
    unbiased_threshold,
)
from carving.physics._stationary import Stationary, stationary_near
from tests.machines import ORDERS, PAIRS, encoding_factor, random_machine, random_samples
from tests.physics.machines import without_fields

THRESHOLD = {
    ("spin", "spin"): 1.0,
    ("bernoulli", "bernoulli"): 4.0,
    ("bernoulli", "spin"): 2.0,
    ("spin", "gaussian"): math.sqrt(3.0),
}


@pytest.mark.parametrize(("visible", "hidden"), THRESHOLD)
def test_naive_mean_field_loses_stability_where_the_largest_singular_value_reaches_the_threshold(
    visible, hidden
):
    rbm = without_fields(visible, hidden, sites=30, units=20, seed=1)
    largest = float(torch.linalg.matrix_norm(rbm.weights, ord=2))
    threshold = THRESHOLD[visible, hidden]
    assert unbiased_threshold(rbm) == pytest.approx(threshold, rel=1e-12)
    assert critical_coupling(rbm, order=1).coupling * largest == pytest.approx(threshold, rel=1e-6)


def _largest_at_order(weights: torch.Tensor, order: int, precision: float | None) -> float:
    """Largest singular value of (1 + C_v)^−½ W′ (1 + C_h)^−½ of spins (mathematics §6)."""
    squares = weights**2
    middle = weights + (2 / 3) * weights**3 if order == 3 and precision is None else weights
    if precision is None:
        c_v, c_h = squares.sum(1), squares.sum(0)
    else:
        c_v, c_h, middle = squares.sum(1) / precision, 0 * squares.sum(0), middle / math.sqrt(precision)
    scaled = middle / torch.sqrt(1 + c_v)[:, None] / torch.sqrt(1 + c_h)
    return float(torch.linalg.matrix_norm(scaled, ord=2))


@pytest.mark.one_in(5)
@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("hidden", ["spin", "gaussian", "bernoulli"])
@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
def test_higher_orders_lose_stability_where_their_formulae_say(visible, hidden, order):
    rbm = without_fields(visible, hidden, sites=20, units=20, seed=2)
    # of low rank, so that it does lose stability
    spins = symmetric_form(rbm)
    left, values, right = torch.linalg.svd(spins.weights)
    low = RBM(
        values[0] * torch.outer(left[:, 0], right[0]), spins.visible_bias, spins.hidden_bias, "spin",
        spins.hidden,
    )  # fmt: skip
    low = low.convert(
        visible="bernoulli" if visible == "bernoulli" else None,
        hidden="bernoulli" if hidden == "bernoulli" else None,
    )
    found = critical_coupling(low, order=order).coupling
    precision = 3.0 if hidden == "gaussian" else None
    weights = found * symmetric_form(low).weights
    assert _largest_at_order(weights, order, precision) == pytest.approx(1, abs=1e-6)


def test_a_rank_one_machine_of_twenty_spins_a_side_loses_it_a_little_above_one():
    weights = torch.full((20, 20), 1 / 20, dtype=torch.float64)
    zero = torch.zeros(20, dtype=torch.float64)
    found = critical_coupling(RBM(weights, zero, zero, "spin", "spin"), order=2).coupling
    assert found == pytest.approx(1.056, abs=5e-4)


def test_a_random_bulk_never_loses_stability_at_second_order():
    rbm = without_fields("spin", "spin", sites=60, units=60, seed=3)
    assert critical_coupling(rbm, order=1).coupling == pytest.approx(1, rel=1e-6)
    assert critical_coupling(rbm, order=2, most=20).coupling == math.inf


def _hessian(plefka: Plefka, v: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """Of Γ by automatic differentiation, scaled to a diagonal of ones; Potts sites on their tangent space."""
    size, shape = v.numel(), v.shape

    def energy(x: torch.Tensor) -> torch.Tensor:
        return plefka.free_energy(x[:size].reshape(1, *shape), x[None, size:])[0]

    matrix = torch.autograd.functional.hessian(energy, torch.cat([v.flatten(), h]))
    assert isinstance(matrix, torch.Tensor)
    if len(shape) == 2:
        # what a state gains its site's most probable one loses
        eye = torch.eye(shape[1], dtype=torch.float64)
        most = v.argmax(1)
        sites = [torch.stack([eye[q] - eye[k] for q in range(shape[1]) if q != k], 1) for k in most.tolist()]
        basis = torch.block_diag(*sites, torch.eye(len(h), dtype=torch.float64))
        matrix = basis.T @ matrix @ basis
    scale = matrix.diagonal().abs().rsqrt()
    return scale[:, None] * matrix * scale


def _second_state(visible: str, hidden: str, order: int) -> tuple[Couplings, Stationary, Followed]:
    """A state of a strongly coupled machine in random fields, and where it disappears as couplings weaken."""
    strength = encoding_factor(visible, hidden)
    for seed in range(40):
        rbm = random_machine(visible, hidden, sites=6, units=4, weights=strength, bias=0.2, seed=seed)
        path = Couplings(rbm, order)
        machine = path.machine
        begin = path.at(1.0).start(random_samples(machine, 6, seed=seed))
        states = stationary_near(path.at(1.0), *(x.clone() for x in begin), strict=False)
        for row in torch.nonzero(states.stable)[:, 0].tolist():
            if float(follow(path, states[row : row + 1], 1.0, 0.0).place[0]) > 0.01:
                followed = follow(path, states[row : row + 1], 1.0, 0.0, precision=1e-13)
                return path, states[row : row + 1], followed
    raise AssertionError("no machine of forty has a second state")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("visible", "hidden", "order"),
    [(*pair, order) for pair in PAIRS for order in ORDERS],
)
def test_in_random_fields_a_state_disappears_where_hessian_and_jacobian_say(visible, hidden, order):
    path, begin, followed = _second_state(visible, hidden, order)
    place, machine, before = float(followed.place[0]), path.machine, 1e-3

    def softness(state: Stationary, at: float) -> np.ndarray:
        """Smallest eigenvalue of the Hessian in modulus, and the distance of J's spectrum to 1."""
        hessian = _hessian(path.at(at), state.visible[0], state.hidden[0])
        scaled = RBM(
            at * machine.weights, machine.visible_bias, machine.hidden_bias, machine.visible, machine.hidden
        )
        found = stability(scaled, state.visible[0], state.hidden[0], order=order, count=64)
        return np.array(
            [float(torch.linalg.eigvalsh(hessian).abs().min()), np.abs(found.eigenvalues - 1).min()]
        )

    away = follow(path, begin, 1.0, place + before)
    assert bool(away.reached[0])
    # both go as the square root of the distance to a fold, so that their squares tell the distance
    distance = before * (softness(followed.states, place) / softness(away.states, place + before)) ** 2
    assert distance.max() < 1e-6


@pytest.mark.slow
@given(seed=st.integers(0, 1000), factor=st.floats(0.3, 3))
@settings(max_examples=5)
def test_the_critical_coupling_of_a_machine_scales_with_its_weights(seed, factor):
    rbm = without_fields("spin", "spin", sites=8, units=5, seed=seed)
    scaled = RBM(factor * rbm.weights, rbm.visible_bias, rbm.hidden_bias, "spin", "spin")
    once = critical_coupling(rbm, order=1).coupling
    assert critical_coupling(scaled, order=1).coupling * factor == pytest.approx(once, rel=1e-6)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("order", ORDERS)
def test_a_machine_and_its_twin_of_other_units_have_the_same_critical_coupling(order):
    rbm = random_machine("spin", "spin", sites=7, units=5, weights=0.5, bias=0.1, seed=4)
    twin = rbm.convert(visible="bernoulli", hidden="bernoulli")
    assert critical_coupling(twin, order=order).coupling == pytest.approx(
        critical_coupling(rbm, order=order).coupling, rel=1e-7
    )


def test_the_paramagnetic_state_of_free_units_is_their_mean():
    rbm = random_machine("spin", "spin", weights=0.0, bias=0.7, seed=5)
    state = paramagnetic_state(rbm)
    assert state is not None
    torch.testing.assert_close(state.visible[0], torch.tanh(rbm.visible_bias))


def test_a_machine_that_grows_loses_its_paramagnetic_state_at_the_age_of_the_threshold(tmp_path):
    rbm = without_fields("bernoulli", "bernoulli", sites=12, units=8, seed=6)
    run = carving.create_checkpoints(tmp_path / "run", visible="bernoulli", hidden="bernoulli")
    spins = symmetric_form(rbm)
    for age in (1, 3, 10, 30):
        grown = RBM(
            0.4 * math.log1p(age) * spins.weights, spins.visible_bias, spins.hidden_bias, "spin", "spin"
        )
        run.append(grown.convert(visible="bernoulli", hidden="bernoulli").to(torch.float32), updates=age)
    found = paramagnetic_state_along_learning(carving.open_checkpoints(tmp_path / "run"), order=1)
    # largest singular value 0.4 log(1 + age) = 1
    assert math.log1p(found.lost_age) == pytest.approx(2.5, abs=3e-4)
    assert found.goes_on
    assert found.curvature[-1] < 0 < found.curvature[0]
