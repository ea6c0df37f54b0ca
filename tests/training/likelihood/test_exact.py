"""Sums over one layer against sums over both."""

import math

import numpy as np
import pytest
import torch

from carving import RBM, Gaussian
from carving.errors import InvalidInput
from carving.training.likelihood import exact, exact_log_likelihood, exact_log_partition, is_enumerable
from tests.machines import PAIRS, random_machine, random_samples
from tests.training.likelihood.brute_force import layer, log_partition, log_sum, log_weights


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
@pytest.mark.parametrize(("sites", "units"), [(3, 6), (6, 3)])
def test_log_partition_is_the_sum_over_both_layers(visible: str, hidden: str, sites: int, units: int) -> None:
    machine = random_machine(visible, hidden, sites=sites, units=units, states=3, weights=0.7, beta=0.8)
    assert exact_log_partition(machine) == pytest.approx(log_partition(machine), abs=1e-10)


def test_precision_of_gaussian_units_counts() -> None:
    base = random_machine("spin", "gaussian", sites=5, units=3)
    machine = RBM(base.weights, base.visible_bias, base.hidden_bias, "spin", Gaussian(precision=2.5))
    assert exact_log_partition(machine) == pytest.approx(log_partition(machine), abs=1e-10)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_log_likelihood_of_every_row(visible: str, hidden: str) -> None:
    machine = random_machine(visible, hidden, sites=5, units=4, states=3, weights=0.7, beta=1.3)
    samples = random_samples(machine, 40)
    expected = log_weights(machine, samples.flatten(1).numpy()) - log_partition(machine)
    np.testing.assert_allclose(exact_log_likelihood(machine, samples).numpy(), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_probabilities_sum_to_one(visible: str, hidden: str) -> None:
    machine = random_machine(visible, hidden, sites=6, units=5, states=3, weights=2.0)
    every = layer(visible, 6, 3).reshape(-1, *machine.visible_bias.shape)
    assert float(log_sum(exact_log_likelihood(machine, every).numpy())) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize(("sites", "units"), [(4, 9), (9, 4)])
@pytest.mark.parametrize("visible", ["spin", "potts"])
def test_answer_does_not_depend_on_the_batch(
    monkeypatch: pytest.MonkeyPatch, visible: str, sites: int, units: int
) -> None:
    machine = random_machine(visible, "bernoulli", sites=sites, units=units, states=3)
    whole = exact_log_partition(machine)
    monkeypatch.setattr(exact, "_CHUNK_NUMBERS", 7 * (machine.visible_bias.numel() + units))
    assert exact_log_partition(machine) == pytest.approx(whole, abs=1e-12)


def test_sums_of_a_single_precision_machine_are_in_double() -> None:
    machine = random_machine("bernoulli", "spin", weights=2.0).to(torch.float32)
    assert exact_log_partition(machine) == pytest.approx(log_partition(machine), abs=1e-10)


def test_twins_give_samples_the_same_likelihood() -> None:
    machine = random_machine("bernoulli", "bernoulli", weights=1.5)
    samples = random_samples(machine, 30)
    torch.testing.assert_close(
        exact_log_likelihood(machine, samples),
        exact_log_likelihood(machine.convert(visible="spin", hidden="spin"), 2 * samples - 1),
        rtol=0,
        atol=1e-10,
    )


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor, list])
def test_samples_may_be_codes_of_any_kind(kind: type) -> None:
    machine = random_machine("potts", "spin", sites=3, units=4, states=3)
    codes = [[0, 1, 2], [2, 2, 0]]
    one_hot = torch.eye(3, dtype=torch.float64)[torch.tensor(codes)]
    torch.testing.assert_close(
        exact_log_likelihood(machine, kind(codes)), exact_log_likelihood(machine, one_hot)
    )


def of_zeros(visible: str, hidden: str, sites: int, units: int) -> RBM:
    states = (3,) if visible == "potts" else ()
    return RBM(
        torch.zeros(sites, *states, units), torch.zeros(sites, *states), torch.zeros(units), visible, hidden
    )


@pytest.mark.parametrize(
    ("visible", "hidden", "sites", "units"),
    [("spin", "spin", 23, 23), ("bernoulli", "gaussian", 23, 2), ("potts", "spin", 14, 23)],
)
def test_large_machines_are_refused(visible: str, hidden: str, sites: int, units: int) -> None:
    with pytest.raises(InvalidInput, match="too large to enumerate.*use annealed_importance_sampling"):
        exact_log_partition(of_zeros(visible, hidden, sites, units))


@pytest.mark.parametrize(
    ("visible", "hidden", "sites", "units", "expected"),
    [
        ("spin", "bernoulli", 3000, 8, 3008 * math.log(2)),
        ("potts", "gaussian", 9, 50, 9 * math.log(3)),
        ("bernoulli", "spin", 10, 2000, 2010 * math.log(2)),
    ],
)
def test_the_other_layer_may_be_large(
    visible: str, hidden: str, sites: int, units: int, expected: float
) -> None:
    assert exact_log_partition(of_zeros(visible, hidden, sites, units)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.slow
def test_as_many_as_22_units_are_summed() -> None:
    machine = of_zeros("bernoulli", "bernoulli", 30, 22)
    assert exact_log_partition(machine) == pytest.approx(52 * math.log(2), abs=1e-9)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (torch.zeros(4, 3), r"samples: have 3 sites; give a table \(rows, 10\)"),
        (torch.zeros(0, 10), "samples: have shape"),
        (torch.full((2, 10), 2.0), "samples: row 0, column 0"),
    ],
)
def test_samples_of_another_layer_are_refused(samples: torch.Tensor, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        exact_log_likelihood(random_machine("bernoulli", "spin"), samples)


@pytest.mark.parametrize(
    ("visible", "hidden", "sites", "units", "possible"),
    [
        ("bernoulli", "spin", 22, 90, True),
        ("bernoulli", "spin", 90, 22, True),
        ("bernoulli", "spin", 23, 23, False),
        ("potts", "bernoulli", 11, 90, True),  # 4¹¹ = 2²²
        ("potts", "bernoulli", 12, 23, False),
        ("spin", "gaussian", 90, 3, False),  # three numbers, but not from a list
    ],
)
def test_one_layer_of_22_units_of_two_values_can_be_enumerated(
    visible: str, hidden: str, sites: int, units: int, possible: bool
) -> None:
    assert is_enumerable(random_machine(visible, hidden, sites=sites, units=units)) is possible
