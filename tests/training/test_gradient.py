import pytest
import torch

from carving.training._gradient import Moments
from carving.training._machine import LearningMachine, pace
from carving.training.optimisers import Ascent
from carving.units import Bernoulli, Gaussian, Potts, Spin
from tests.training.machines import (
    PAIRS,
    configurations,
    log_likelihood,
    pair_name,
    settings,
    small_machine,
)


def exact_moments(machine):
    """Of the machine itself, by enumeration."""
    exact = machine.enumerate()
    moments = Moments(LearningMachine(machine))
    moments.visible.copy_(exact.visible_mean.flatten())
    moments.hidden.copy_(exact.hidden_mean)
    moments.product.copy_(exact.correlations.flatten(0, -2))
    return moments


def random_rows(visible, sites, count, seed):
    every = configurations(visible, sites)
    return every[torch.randint(len(every), (count,), generator=torch.Generator().manual_seed(seed))]


@pytest.mark.parametrize("pair", PAIRS, ids=pair_name)
def test_a_step_is_the_gradient_of_the_exact_likelihood_in_centred_parameters(pair):
    visible, hidden = pair
    rbm = small_machine(visible, hidden, seed=1)
    data = random_rows(visible, 5, 40, seed=2)
    machine = LearningMachine(rbm)
    # as every step leaves it, so that parameters can be compared
    machine.fix_gauge()
    weights, a, b = machine.weights.clone(), machine.visible_bias.clone(), machine.hidden_bias.clone()
    measured = Moments(machine)
    measured.measure(machine, data, machine.rows(40)[1])

    # E is (v − μ)ᵀW(h − λ) + ã·v + b̃·h with ã = a + Wλ, b̃ = b + Wᵀμ, up to a constant
    mean, hidden_mean = measured.visible.clone(), measured.hidden.clone()
    centred = [weights, a + weights @ hidden_mean, b + weights.T @ mean]
    leaves = [x.clone().requires_grad_() for x in centred]
    plain = (leaves[0], leaves[1] - leaves[0] @ hidden_mean, leaves[2] - leaves[0].T @ mean)
    gradient = torch.autograd.grad(log_likelihood(data, *plain, visible, hidden), leaves)
    rates = (0.1, 0.1 / pace(hidden) ** 2, 0.1 / pace(visible) ** 2)
    expected = [x + rate * g for x, rate, g in zip(centred, rates, gradient, strict=True)]

    Ascent(machine, settings()).step(measured, exact_moments(rbm), learning_rate=0.1)
    found = [
        machine.weights,
        machine.visible_bias + machine.weights @ hidden_mean,
        machine.hidden_bias + machine.weights.T @ mean,
    ]
    for value, truth in zip(found, expected, strict=True):
        assert torch.allclose(value, truth, atol=1e-12)


def test_a_step_of_a_machine_and_of_its_spin_twin_are_the_same():
    rbm = small_machine(Bernoulli(), Bernoulli(), seed=3)
    twin = rbm.convert(visible="spin", hidden="spin")
    data = random_rows(Bernoulli(), 5, 40, seed=4)
    results = []
    for machine_of, rows, rate in ((rbm, data, 0.1), (twin, 2 * data - 1, 0.1 / 16)):
        machine = LearningMachine(machine_of)
        measured = Moments(machine)
        measured.measure(machine, rows, machine.rows(40)[1])
        Ascent(machine, settings()).step(measured, exact_moments(machine_of), learning_rate=rate)
        results.append(machine.as_rbm())
    converted = results[0].convert(visible="spin", hidden="spin")
    for name in ("weights", "visible_bias", "hidden_bias"):
        assert torch.allclose(getattr(converted, name), getattr(results[1], name), atol=1e-12)


def test_a_machine_at_the_maximum_of_the_likelihood_stays_there():
    rbm = small_machine(Spin(), Bernoulli(), seed=5)
    machine = LearningMachine(rbm)
    Ascent(machine, settings()).step(exact_moments(rbm), exact_moments(rbm), learning_rate=1.0)
    assert torch.allclose(machine.weights, rbm.weights, atol=1e-13)


@pytest.mark.parametrize(
    ("unit", "expected"), [(Bernoulli(), 1.0), (Spin(), 0.5), (Gaussian(4.0), 1.0), (Potts(21), 1.0)]
)
def test_pace_is_half_over_the_spread_without_field(unit, expected):
    assert pace(unit) == pytest.approx(expected)
