"""Learning against the theory of its first stage (mathematics §7)."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import root_scalar

import carving
from carving.data import correlated_patterns, curie_weiss
from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training.optimisers import Ascent
from tests.training.machines import configurations, settings, with_blocks_turned_over


@pytest.mark.one_in(2)
@pytest.mark.parametrize("beta", [1.5, 2.0])
def test_curie_weiss_data_are_learned_at_the_rate_of_their_magnetisation_squared(tmp_path, beta):
    sites, rate = 500, 0.02
    data = curie_weiss(sites=sites, samples=2000, beta=beta, generator=torch.Generator().manual_seed(1))
    run = carving.train(
        data.samples,
        tmp_path / "run",
        hidden=1,
        hidden_unit=carving.Gaussian(precision=sites),
        updates=400,
        k=1,
        batch_size=2000,
        learning_rate=rate,
        weight_scale=1e-4,
        save="linear:10",
    )
    overlap = [abs(float(machine.weights[:, 0] @ torch.tensor(data.pattern).float())) for machine in run]
    size = [float((machine.weights**2).sum()) / sites for machine in run]
    assert max(size) < 1e-3  # far below the threshold, 1: the linear regime
    # at first the overlap is no larger than chance, and so is what sampling noise adds to it
    growth = np.polyfit(run.ages[5:] * rate, np.log(overlap[5:]), 1)[0]
    assert growth == pytest.approx(data.magnetisation**2, rel=0.02)


@pytest.mark.slow
def test_late_weights_of_curie_weiss_data_are_root_beta_times_the_pattern(tmp_path):
    sites, beta = 500, 1.5
    data = curie_weiss(sites=sites, samples=20_000, beta=beta, generator=torch.Generator().manual_seed(2))
    run = carving.train(
        data.samples,
        tmp_path / "run",
        hidden=1,
        hidden_unit=carving.Gaussian(precision=sites),
        updates=2500,
        k=1,
        chains=2000,
        batch_size=2000,
        learning_rate=0.1,
        rate="exponential:500",
        save="linear:2",
    )
    along = run[-1].weights[:, 0].double() * torch.tensor(data.pattern).double()
    along = along * torch.sign(along.mean())
    assert float(along.mean()) == pytest.approx(beta**0.5, rel=0.02)
    assert float(along.std()) < 0.02 * beta**0.5


@pytest.mark.slow
def test_two_correlated_patterns_are_learned_at_their_two_rates(tmp_path):
    sites, kappa, beta, rate = 1000, 0.4, 2.5, 0.05
    generator = torch.Generator().manual_seed(3)
    data = correlated_patterns(sites=sites, samples=1000, beta=beta, kappa=kappa, generator=generator)
    # the samples' blocks are exactly uncorrelated, and the faster mode does not feed the slower one
    samples = with_blocks_turned_over(data)
    run = carving.train(
        samples,
        tmp_path / "run",
        hidden=2,
        hidden_unit=carving.Gaussian(precision=sites),
        updates=160,
        k=1,
        chains=4000,
        batch_size=4000,
        learning_rate=rate,
        weight_scale=1e-4,
        save="linear:16",
    )
    assert max(float((machine.weights**2).sum()) / sites for machine in run) < 0.05
    for direction, share in zip(data.directions, ((1 + kappa) / 2, (1 - kappa) / 2), strict=True):
        # r and p of mathematics §7, each from the equation of its own block
        own = root_scalar(lambda m, share=share: np.tanh(2 * beta * share * m) - m, bracket=(0.1, 1)).root
        along = torch.tensor(direction).float()
        size = [float(torch.linalg.norm(machine.weights.T @ along)) for machine in run]
        growth = np.polyfit(run.ages[4:] * rate, np.log(size[4:]), 1)[0]
        assert growth == pytest.approx(own**2 * share, rel=0.05)


def test_one_step_grows_and_turns_modes_as_the_theory_says():
    # dw_α/dt and u^α·du^β/dt of equation (9), for small weights, with exact averages of both sides
    sites, precision, step = 8, 2.0, 1e-4
    generator = torch.Generator().manual_seed(4)
    rows = torch.randn(200, sites, generator=generator, dtype=torch.float64)
    rows = torch.sign(rows @ torch.randn(sites, sites, generator=generator, dtype=torch.float64))
    data = torch.cat([rows, -rows])
    left, right = (
        torch.linalg.qr(torch.randn(n, 3, generator=generator, dtype=torch.float64)).Q for n in (sites, 3)
    )
    values = torch.tensor([3e-3, 2e-3, 1e-3], dtype=torch.float64)
    zero = torch.zeros(sites, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    weights = left @ torch.diag(values) @ right.T
    rbm = carving.RBM(weights, *zero, visible="spin", hidden=carving.Gaussian(precision))
    machine = LearningMachine(rbm)
    measured, model = Moments(machine), Moments(machine)
    measured.measure(machine, data, machine.rows(400)[1])
    every = configurations(rbm.visible, sites)
    model.measure(machine, every, machine.rows(len(every))[1], torch.softmax(-rbm.free_energy(every), 0))
    Ascent(machine, settings(learning_rate=step)).step(measured, model, step)

    new_left, new_values, new_right = torch.linalg.svd(machine.weights, full_matrices=False)
    sign = torch.sign((new_left * left).sum(0))
    projected = data @ left
    covariance = projected.T @ projected / len(data)
    growth = (new_values - values) / step
    assert torch.allclose(growth, values / precision * (covariance.diagonal() - 1), rtol=2e-3)
    turn_left = left.T @ (new_left * sign) / step
    turn_right = right.T @ (new_right.T * sign) / step
    for one, other in itertools.permutations(range(3), 2):
        squares = values[other] ** 2 - values[one] ** 2
        common = covariance[one, other] / (precision * squares)
        expected_left = (values[one] ** 2 + values[other] ** 2) * common
        expected_right = 2 * values[one] * values[other] * common
        assert float(turn_left[one, other]) == pytest.approx(float(expected_left), rel=5e-3, abs=1e-3)
        assert float(turn_right[one, other]) == pytest.approx(float(expected_right), rel=5e-3, abs=1e-3)
