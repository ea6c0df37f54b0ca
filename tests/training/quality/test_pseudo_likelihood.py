import importlib
import math

import numpy as np
import pytest
import torch

from carving import RBM
from carving.errors import InvalidInput
from carving.training.quality import pseudo_likelihood, pseudo_log_likelihoods
from tests.machines import PAIRS, random_machine
from tests.training.quality.exact import enumerated, log_weight, site_states


def conditionals(machine: RBM, rows: np.ndarray) -> np.ndarray:
    """log p(v_i | others) from probabilities of whole configurations, (n, N_v)."""
    states = site_states(machine)
    width = states.shape[1]
    own = log_weight(machine, rows)
    result = np.empty((len(rows), machine.visible_size))
    for site in range(machine.visible_size):
        every = []
        for state in states:
            changed = rows.copy()
            changed[:, site * width : (site + 1) * width] = state
            every.append(np.exp(log_weight(machine, changed) - own))
        result[:, site] = -np.log(np.sum(every, axis=0))
    return result


@pytest.fixture(params=PAIRS, ids="-".join)
def machine(request: pytest.FixtureRequest) -> RBM:
    return random_machine(*request.param, sites=5, units=4, states=3, weights=0.8, beta=1.3)


def samples_of(machine: RBM, count: int) -> np.ndarray:
    return enumerated(machine).draw(count, 1)


def test_is_the_sum_of_enumerated_conditionals(machine: RBM) -> None:
    samples = samples_of(machine, 23)
    found = pseudo_log_likelihoods(machine, samples).numpy()
    expected = conditionals(machine, samples.reshape(23, -1)).sum(1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_one_site_of_each_row_in_turn(machine: RBM) -> None:
    samples = samples_of(machine, 23)
    found = pseudo_log_likelihoods(machine, samples, sites="one").numpy()
    every = conditionals(machine, samples.reshape(23, -1))
    np.testing.assert_allclose(found, 5 * every[range(23), np.arange(23) % 5], rtol=0, atol=1e-12)


def test_does_not_depend_on_chunks(machine: RBM, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = samples_of(machine, 23)
    whole = [pseudo_log_likelihoods(machine, samples, sites=sites) for sites in ("all", "one")]
    monkeypatch.setattr("carving.training._configurations._CHUNK_NUMBERS", 7 * samples[0].size)
    # by name, the package has the function
    module = importlib.import_module("carving.training.quality.pseudo_likelihood")
    monkeypatch.setattr(module, "_FIELDS", 3 * 4)
    parts = [pseudo_log_likelihoods(machine, samples, sites=sites) for sites in ("all", "one")]
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-13)


def test_single_precision_keeps_six_digits(machine: RBM) -> None:
    samples = samples_of(machine, 23)
    single = pseudo_log_likelihoods(machine.to(torch.float32), samples)
    torch.testing.assert_close(single, pseudo_log_likelihoods(machine, samples), rtol=2e-6, atol=1e-6)


def test_codes_and_one_hot_are_the_same_samples() -> None:
    machine = random_machine("potts", "spin", sites=5, units=4, states=3)
    samples = samples_of(machine, 9)
    codes = pseudo_log_likelihoods(machine, samples.argmax(-1).astype(np.uint8))
    assert torch.equal(codes, pseudo_log_likelihoods(machine, samples))


@pytest.mark.parametrize(("visible", "states"), [("bernoulli", 2), ("spin", 2), ("potts", 4)])
def test_a_machine_that_knows_nothing_guesses(visible: str, states: int) -> None:
    machine = random_machine(visible, "spin", weights=0.0, bias=0.0)
    samples = samples_of(random_machine(visible, "spin", sites=4), 5)
    found = pseudo_likelihood(random_machine(visible, "spin", sites=4, weights=0.0, bias=0.0), samples)
    assert machine.visible_size == 10
    assert found.per_site == pytest.approx(-math.log(states))


def test_mean_and_error_of_equal_rows_are_those_of_numpy(machine: RBM) -> None:
    samples = samples_of(machine, 23)
    each = pseudo_log_likelihoods(machine, samples).numpy() / 5
    found = pseudo_likelihood(machine, samples)
    assert found.per_site == pytest.approx(each.mean(), abs=1e-13)
    assert found.standard_error == pytest.approx(each.std(ddof=1) / 23**0.5, abs=1e-13)
    assert found.rows == 23


def test_weight_two_is_a_row_twice() -> None:
    machine = random_machine("spin", "bernoulli", sites=5)
    samples = samples_of(machine, 6)
    weights = [1, 2, 0, 3, 1, 1]
    weighted = pseudo_likelihood(machine, samples, weights=weights)
    repeated = pseudo_likelihood(machine, np.repeat(samples, weights, axis=0))
    assert weighted.per_site == pytest.approx(repeated.per_site, abs=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_standard_error_is_the_spread_over_data_sets(weighted: bool) -> None:
    machine = random_machine("bernoulli", "spin", sites=5, weights=0.8)
    weights = np.linspace(0.1, 2.0, 80) if weighted else None
    exact = enumerated(machine)
    found = [pseudo_likelihood(machine, exact.draw(80, seed), weights=weights) for seed in range(300)]
    spread = np.std([x.per_site for x in found])
    # a spread of 300 is known to 4 %
    assert np.mean([x.standard_error for x in found]) == pytest.approx(spread, rel=0.12)


def test_one_row_has_no_error() -> None:
    machine = random_machine("spin", "spin", sites=3)
    assert math.isnan(pseudo_likelihood(machine, [[1, -1, 1]]).standard_error)
    only = pseudo_likelihood(machine, [[1, -1, 1], [1, 1, 1]], weights=[0.0, 2.0])
    assert math.isnan(only.standard_error)


@pytest.mark.parametrize(
    ("samples", "options", "message"),
    [
        (np.zeros((0, 3)), {}, "not empty"),
        (np.zeros(3), {}, "shape"),
        (np.zeros((2, 4)), {}, "4 sites, the machine 3"),
        (np.array([[0, 1, 0], [0, 2, 0]]), {}, "row 1, column 1"),
        (np.array([[0, 1, 0], [0, np.nan, 0]]), {}, "row 1, column 1"),
        (np.zeros((2, 3)), {"sites": "some"}, "'some'"),
        (np.zeros((2, 3)), {"weights": [1.0]}, "one for each of 2"),
        (np.zeros((2, 3)), {"weights": [1.0, np.nan]}, "NaN"),
        (np.zeros((2, 3)), {"weights": [1.0, -1.0]}, "negative"),
        (np.zeros((2, 3)), {"weights": [0.0, 0.0]}, "all zero"),
    ],
)
def test_refuses(samples: np.ndarray, options: dict, message: str) -> None:
    machine = random_machine("bernoulli", "spin", sites=3)
    with pytest.raises(InvalidInput, match=message):
        pseudo_likelihood(machine, samples, **options)
