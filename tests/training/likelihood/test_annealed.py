"""Annealed importance sampling against exact sums."""

import math

import pytest
import torch

from carving import RBM
from carving.errors import InvalidInput
from carving.training.likelihood import (
    annealed_importance_sampling,
    exact_log_likelihood,
    exact_log_partition,
    site_bias,
)
from tests.machines import PAIRS, random_machine, random_samples
from tests.training.likelihood.brute_force import coupled_machine


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def is_held(machine: RBM, seed: int, **settings: int | str) -> bool:
    estimate = annealed_importance_sampling(machine, generator=seeded(seed), **settings)  # pyright: ignore
    return estimate.low <= exact_log_partition(machine) <= estimate.high


def test_intervals_hold_the_exact_value() -> None:
    held = sum(is_held(coupled_machine(i), i, chains=200, temperatures=50) for i in range(100))
    assert held >= 90


def test_intervals_of_a_hasty_walk_are_honest() -> None:
    # a standard error of half a nat and more at the strongest couplings
    held = sum(is_held(coupled_machine(i), i, chains=40, temperatures=8) for i in range(100))
    assert held >= 90


@pytest.mark.slow
@pytest.mark.parametrize("steps", ["plain", "integer"])
def test_intervals_hold_the_exact_value_of_many_machines(steps: str) -> None:
    machines = [(i, coupled_machine(i)) for i in range(600)]
    tried = [x for x in machines if steps == "plain" or x[1].hidden.name != "gaussian"][:400]
    held = sum(is_held(x, 5000 + i, chains=200, temperatures=60, steps=steps) for i, x in tried)
    assert held >= 0.92 * len(tried)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_estimates_are_as_good_as_they_say(visible: str, hidden: str) -> None:
    machine = random_machine(visible, hidden, states=3, weights=0.5)
    estimate = annealed_importance_sampling(machine, generator=seeded(), chains=400, temperatures=100)
    assert estimate.low < estimate.value < estimate.high
    assert estimate.standard_error < 0.05
    assert estimate.value == pytest.approx(exact_log_partition(machine), abs=4 * estimate.standard_error)


@pytest.mark.parametrize(("visible", "hidden"), [pair for pair in PAIRS if pair[1] != "gaussian"])
def test_integer_steps_give_the_same(visible: str, hidden: str) -> None:
    machine = random_machine(visible, hidden, states=3, weights=0.5).to(torch.float32)
    estimate = annealed_importance_sampling(
        machine, generator=seeded(1), chains=400, temperatures=100, steps="integer"
    )
    assert estimate.value == pytest.approx(exact_log_partition(machine), abs=4 * estimate.standard_error)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_a_machine_without_weights_is_exact_from_its_own_biases(visible: str, hidden: str) -> None:
    machine = random_machine(visible, hidden, weights=0.0, bias=2.0, beta=0.7)
    estimate = annealed_importance_sampling(
        machine,
        generator=seeded(),
        chains=20,
        temperatures=3,
        reference=machine.beta * machine.visible_bias,
    )
    assert estimate.value == pytest.approx(exact_log_partition(machine), abs=1e-10)
    assert estimate.high - estimate.low < 1e-6


def test_more_temperatures_make_the_error_smaller() -> None:
    machine = random_machine("spin", "spin", weights=1.0)
    errors = [
        annealed_importance_sampling(
            machine, generator=seeded(), chains=400, temperatures=temperatures
        ).standard_error
        for temperatures in (5, 50, 500)
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_a_reference_near_the_machine_makes_the_error_smaller() -> None:
    machine = random_machine("bernoulli", "spin", weights=0.2, bias=2.0)
    every = machine.visible.configurations(10, torch.float64)
    chosen = torch.multinomial(
        exact_log_likelihood(machine, every).exp(), 2000, replacement=True, generator=seeded()
    )
    from_data, from_uniform = (
        annealed_importance_sampling(
            machine, generator=seeded(), chains=400, temperatures=20, reference=reference
        )
        for reference in (site_bias(machine, every[chosen]), None)
    )
    assert from_data.standard_error < from_uniform.standard_error / 2
    assert from_data.value == pytest.approx(exact_log_partition(machine), abs=4 * from_data.standard_error)


def test_site_bias_has_the_frequencies_of_the_samples_and_one_more() -> None:
    machine = random_machine("potts", "spin", sites=2, units=2, states=3)
    bias = site_bias(machine, [[0, 2], [0, 1], [0, 2]])
    expected = torch.tensor([[10, 1, 1], [1, 4, 7]], dtype=torch.float64) / 12
    torch.testing.assert_close(machine.visible.mean(bias), expected)


def test_mean_log_likelihood_has_the_interval_of_the_partition_function() -> None:
    machine = random_machine("spin", "bernoulli", weights=0.8)
    samples = random_samples(machine, 50)
    estimate = annealed_importance_sampling(machine, generator=seeded(), chains=200, temperatures=50)
    likelihood = estimate.log_likelihood(machine, samples)
    exact = float(exact_log_likelihood(machine, samples).mean())
    assert likelihood.low <= exact <= likelihood.high
    assert likelihood.value - exact == pytest.approx(exact_log_partition(machine) - estimate.value, abs=1e-9)
    assert likelihood.high - likelihood.low == pytest.approx(estimate.high - estimate.low, abs=1e-9)
    assert likelihood.standard_error == estimate.standard_error


@pytest.mark.parametrize("steps", ["plain", "integer"])
def test_equal_generators_give_equal_estimates(steps: str) -> None:
    machine = random_machine("spin", "spin", weights=0.8)
    before = torch.get_rng_state()
    first, second = (
        annealed_importance_sampling(machine, generator=seeded(3), chains=60, temperatures=20, steps=steps)
        for _ in range(2)
    )
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)


def test_a_machine_far_too_large_for_sums_that_is_solved_by_hand() -> None:
    # one pattern, one Gaussian unit: log Z is a sum over the number of sites that agree with it
    sites, strength = 400, 0.8
    weights = torch.full((sites, 1), math.sqrt(strength / sites))
    machine = RBM(
        weights,
        torch.zeros(sites),
        torch.zeros(1),
        "spin",
        "gaussian",
    )
    agree = torch.arange(sites + 1, dtype=torch.float64)
    ways = math.lgamma(sites + 1) - torch.lgamma(agree + 1) - torch.lgamma(sites - agree + 1)
    exact = float(torch.logsumexp(ways + strength * (2 * agree - sites) ** 2 / (2 * sites), 0))
    estimate = annealed_importance_sampling(machine, generator=seeded(), chains=200, temperatures=100)
    assert estimate.low <= exact <= estimate.high
    assert estimate.high - estimate.low < 0.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chains": 19}, "chains: are 19; give at least 20"),
        ({"temperatures": 0}, "temperatures: are 0; give at least 1"),
        ({"steps": "giant"}, "steps: 'giant' is not known"),
        ({"reference": torch.zeros(9)}, r"reference: has shape \(9,\), but the visible bias \(10,\)"),
        ({"reference": torch.full((10,), math.inf)}, "infinite"),
    ],
)
def test_wrong_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        annealed_importance_sampling(random_machine("spin", "spin"), generator=seeded(), **settings)


def test_steps_that_do_not_serve_are_refused() -> None:
    with pytest.raises(InvalidInput, match="steps: 'integer' do not serve.*give 'plain'"):
        annealed_importance_sampling(random_machine("spin", "gaussian"), generator=seeded(), steps="integer")
