"""Singular directions against numpy, the growth law against the exact gradient, and their numbering."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import carving
from carving import RBM
from carving.errors import InvalidInput
from carving.meanfield import Plefka
from carving.physics import spectrum, spectrum_along_learning
from carving.physics._stationary import field_direction
from tests.machines import random_machine
from tests.physics.machines import grown

SITES, UNITS = 7, 3
STATES = np.array(list(itertools.product([-1, 1], repeat=SITES)))
PRECISION = 2.0


@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
def test_singular_values_and_vectors_are_those_of_beta_times_the_weights(visible: str):
    rbm = random_machine(visible, "spin", sites=9, units=5, beta=1.7, seed=1)
    found = spectrum(rbm)
    matrix = 1.7 * rbm.weights.numpy()
    np.testing.assert_allclose(found.values, np.linalg.svd(matrix, compute_uv=False), rtol=1e-12)
    np.testing.assert_allclose(found.visible.T @ torch.diag(found.values) @ found.hidden, matrix, atol=1e-12)
    assert bool(((found.visible**3).sum(1) >= 0).all())
    torch.testing.assert_close(spectrum(rbm, count=2).visible, found.visible[:2])


@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_the_gauge_of_a_potts_machine_changes_nothing(seed: int):
    rbm = random_machine("potts", "bernoulli", sites=5, units=4, states=3, seed=seed)
    shift = torch.randn(5, 1, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    other = RBM(rbm.weights + shift, rbm.visible_bias, rbm.hidden_bias, rbm.visible, rbm.hidden)
    first, second = spectrum(rbm), spectrum(other)
    torch.testing.assert_close(first.values, second.values)
    torch.testing.assert_close(first.visible, second.visible, atol=1e-8, rtol=0)
    # the zero-sum gauge, and sites and states side by side
    matrix = (rbm.weights - rbm.weights.mean(1, keepdim=True)).reshape(15, 4).numpy()
    np.testing.assert_allclose(first.values, np.linalg.svd(matrix, compute_uv=False), rtol=1e-10)
    assert first.visible.shape == (4, 5, 3)


def _centred(hidden: str, fields: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log-partition and mean of hidden units about their mean without field."""
    if hidden == "gaussian":
        return fields**2 / (2 * PRECISION), fields / PRECISION
    if hidden == "spin":
        return np.log(np.cosh(fields)), np.tanh(fields)
    return np.log(np.cosh(fields / 2)), np.tanh(fields / 2) / 2


def _gradient(weights: np.ndarray, hidden: str, values: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Of the log-likelihood by enumeration of all visible states, units about their means without field."""
    log_weight, mean = _centred(hidden, values @ weights)
    probability = np.exp(log_weight.sum(1))
    probability /= probability.sum()
    _, clamped = _centred(hidden, data @ weights)
    return data.T @ clamped / len(data) - (values * probability[:, None]).T @ mean


@pytest.mark.parametrize("hidden", ["gaussian", "spin", "bernoulli"])
@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
def test_small_weights_grow_as_predicted_along_the_exact_gradient(tmp_path: Path, visible: str, hidden: str):
    draw = np.random.default_rng(4)
    # correlated, and as often up as down
    data = np.sign(draw.standard_normal((40, 2)) @ draw.standard_normal((2, SITES)) + 0.3)
    data = np.concatenate([data, -data])
    scale = 1.0 if visible == "spin" else 0.5
    rate, steps = 3e-3, 4
    weights = 0.01 * draw.standard_normal((SITES, UNITS))
    unit = carving.Gaussian(precision=PRECISION) if hidden == "gaussian" else hidden
    centre_v, centre_h = (0.5 if name == "bernoulli" else 0.0 for name in (visible, hidden))
    path = tmp_path / "run"
    training = {"optimiser": "sgd", "rate": "constant", "learning_rate": rate}
    with carving.create_checkpoints(path, visible=visible, hidden=unit, training=training) as run:
        for step in range(steps):
            fields, biases = -centre_h * weights.sum(1), -centre_v * weights.sum(0)
            rbm = RBM(weights, fields, biases, visible, unit)
            run.append(rbm.to(torch.float32), updates=step + 1)
            weights = weights + rate * _gradient(weights, hidden, scale * STATES, scale * data)
    samples = data.astype(np.int8) if visible == "spin" else (data > 0).astype(np.uint8)
    found = spectrum_along_learning(carving.open_checkpoints(path), samples)
    largest = np.abs(found.growth[:-1]).max()
    assert largest > 3e-5
    np.testing.assert_allclose(found.growth[:-1], found.predicted_growth[:-1], rtol=0.01, atol=0.01 * largest)
    assert np.isnan(found.growth[-1]).all()
    variance = np.var(data @ found.directions[0].T * scale, axis=0)
    np.testing.assert_allclose(found.data_variance[0], variance, rtol=1e-5)


@pytest.mark.parametrize(
    "training", [None, {"learning_rate": 0.1, "optimiser": "adam"}, {"learning_rate": 0.1, "rate": "cosine"}]
)
def test_without_a_constant_rate_along_the_gradient_nothing_is_predicted(
    tmp_path: Path, training: dict[str, object] | None
):
    run = grown(tmp_path, lambda x: _two_directions(0.1 + x, 0.3), (1, 5), training)
    samples = np.ones((3, SITES), dtype=np.int8)
    found = spectrum_along_learning(run, samples)
    assert np.isnan(found.predicted_growth).all()
    assert np.isfinite(found.data_variance).all()
    assert np.isfinite(spectrum_along_learning(run, samples, learning_rate=0.1).predicted_growth).all()
    assert np.isnan(spectrum_along_learning(run, learning_rate=0.1).data_variance).all()


def test_directions_that_a_machine_does_not_have_yet_grow_at_no_rate(tmp_path: Path):
    weights = torch.zeros(SITES, UNITS)
    with carving.create_checkpoints(tmp_path / "run", visible="spin", hidden="spin") as run:
        for age in (1, 2, 4):
            rbm = RBM(weights * age, torch.zeros(SITES), torch.zeros(UNITS), "spin", "spin")
            run.append(rbm, updates=age)
            # of rank 1, and exactly so
            weights = torch.zeros(SITES, UNITS)
            weights[0, 0] = 0.5
    found = spectrum_along_learning(carving.open_checkpoints(tmp_path / "run"))
    np.testing.assert_allclose(found.growth[:, 0], [np.nan, math.log(2) / 2, np.nan])
    assert np.isnan(found.growth[:, 1:]).all()


def _orthogonal() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    left = torch.linalg.qr(torch.randn(SITES, 2, generator=draw, dtype=torch.float64))[0].T
    right = torch.linalg.qr(torch.randn(UNITS, 2, generator=draw, dtype=torch.float64))[0].T
    return left, right


def _two_directions(first: float, second: float) -> RBM:
    left, right = _orthogonal()
    weights = first * torch.outer(left[0], right[0]) + second * torch.outer(left[1], right[1])
    return RBM(
        weights,
        torch.zeros(SITES, dtype=torch.float64),
        torch.zeros(UNITS, dtype=torch.float64),
        "spin",
        "spin",
    )


def test_directions_are_numbered_in_the_order_in_which_they_condense(tmp_path: Path):
    # the second overtakes the first, but passes half of the threshold after it
    ages = (1, 4, 10, 30, 100, 300)
    first, second = (lambda x: 0.30 * x), (lambda x: 0.025 * x**2.5)
    run = grown(tmp_path, lambda x: _two_directions(first(x), second(x)), ages)
    found = spectrum_along_learning(run, count=2)
    x = np.log1p(ages)
    assert second(x[-1]) > first(x[-1])
    np.testing.assert_allclose(found.values, np.stack([first(x), second(x)], 1), rtol=1e-5)
    left, _ = _orthogonal()
    overlap = np.abs(np.einsum("tki,ki->tk", found.directions, left.numpy()))
    np.testing.assert_allclose(overlap, 1, atol=1e-5)
    np.testing.assert_allclose(found.overlap[:-1], 1, atol=1e-5)
    assert found.threshold == pytest.approx(1)
    growth = np.diff(np.log(found.values), axis=0) / np.diff(ages)[:, None]
    np.testing.assert_allclose(found.growth[:-1], growth)


def test_directions_that_do_not_condense_are_numbered_by_their_last_value(tmp_path: Path):
    run = grown(tmp_path, lambda x: _two_directions(0.3 - 0.02 * x, 0.05 * x), (1, 10, 100))
    found = spectrum_along_learning(run, count=2)
    assert found.values[:, 0] == pytest.approx(0.05 * np.log1p([1, 10, 100]), rel=1e-5)


def test_all_components_of_a_change_of_fields_are_along_the_directions(tmp_path: Path):
    rbm = random_machine("potts", "spin", sites=6, units=4, states=3, seed=5).to(torch.float32)
    with carving.create_checkpoints(tmp_path / "run", visible="potts", hidden="spin") as run:
        run.append(rbm, updates=1)
        run.append(rbm, updates=100)
    along = spectrum_along_learning(carving.open_checkpoints(tmp_path / "run"))
    soft = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fields = field_direction(Plefka(rbm.to(torch.float64), 2), soft).numpy()
    parts = along.components(fields, np.array([1.0, 3.0, 90.0, 1e6, math.nan]))
    np.testing.assert_allclose((parts[:4] ** 2).sum(1), 1, atol=1e-5)
    assert np.isnan(parts[4]).all()
    # a direction is all along itself
    own = along.components(along.directions[0].astype(float), np.ones(4))
    np.testing.assert_allclose(own, np.eye(4), atol=1e-5)


def test_what_cannot_be_used_is_refused(tmp_path: Path):
    run = grown(tmp_path, lambda x: _two_directions(0.1 + x, 0.3), (1, 5))
    for count in (0, -3):
        with pytest.raises(InvalidInput, match="count"):
            spectrum(run[-1], count=count)
        with pytest.raises(InvalidInput, match="count"):
            spectrum_along_learning(run, count=count)
    with pytest.raises(InvalidInput, match="samples: there are none"):
        spectrum_along_learning(run, np.zeros((0, SITES), dtype=np.int8))
    with pytest.raises(InvalidInput, match="samples: have 8 sites"):
        spectrum_along_learning(run, np.ones((3, SITES + 1), dtype=np.int8))
