import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from carving.errors import InvalidInput
from carving.training.quality import adversarial_accuracy
from carving.units import Potts
from tests.machines import random_machine
from tests.training.quality.exact import enumerated

SITES = 60


def independent(count: int, seed: int, *, values: int = 2, tilt: float = 0.0) -> np.ndarray:
    """Rows of sites that are independent of each other, ``tilt`` more often 0 than others."""
    generator = np.random.default_rng(seed)
    probability = np.full(values, (1 - tilt) / values)
    probability[0] += tilt
    return generator.choice(values, (count, SITES), p=probability).astype(np.int8)


def by_scikit_learn(rows: np.ndarray, others: np.ndarray, *, itself: bool) -> np.ndarray:
    """Sites in which each row differs from the nearest of the others."""
    found = NearestNeighbors(n_neighbors=2, algorithm="brute", metric="hamming").fit(others)
    distances = found.kneighbors(rows)[0] * rows.shape[1]
    return distances[:, int(itself)].round()


def scored(other: np.ndarray, own: np.ndarray) -> float:
    return float(((other > own) + 0.5 * (other == own)).mean())


@pytest.mark.parametrize(("unit", "values"), [("bernoulli", 2), ("spin", 2), ("potts", 4)])
@pytest.mark.parametrize("tilt", [0.0, 0.6])
def test_agrees_with_neighbours_of_scikit_learn(unit: str, values: int, tilt: float) -> None:
    data, chains = independent(150, 1, values=values, tilt=tilt), independent(150, 2, values=values)
    # some copies within and between the sets
    data[3], chains[7], chains[8] = data[4], data[5], data[5]
    first, second = (2 * x - 1 if unit == "spin" else x for x in (data, chains))
    found = adversarial_accuracy(first, second, Potts(4) if unit == "potts" else unit)
    truth = scored(by_scikit_learn(data, chains, itself=False), by_scikit_learn(data, data, itself=True))
    other = scored(by_scikit_learn(chains, data, itself=False), by_scikit_learn(chains, chains, itself=True))
    assert found.truth == pytest.approx(truth, abs=1e-12)
    assert found.synthetic == pytest.approx(other, abs=1e-12)
    assert found.accuracy == pytest.approx((truth + other) / 2, abs=1e-12)
    assert found.count == 150


def test_copies_of_data_without_duplicates_are_at_zero() -> None:
    data = independent(100, 1)
    found = adversarial_accuracy(data, data[::-1], "bernoulli")
    assert (found.truth, found.synthetic) == (0, 0)


def test_sets_far_apart_are_at_one() -> None:
    found = adversarial_accuracy(
        independent(100, 1, tilt=0.9), 1 - independent(100, 2, tilt=0.9), "bernoulli"
    )
    assert (found.truth, found.synthetic) == (1, 1)


def test_sets_of_few_different_rows_that_are_all_in_both_are_at_a_half() -> None:
    few = np.repeat(np.array([[0, 0], [0, 1], [1, 1]]), 10, axis=0)
    found = adversarial_accuracy(few, few, "bernoulli")
    assert (found.truth, found.synthetic, found.accuracy_error) == (0.5, 0.5, 0)


@pytest.mark.parametrize("kind", ["independent sites", "a machine of few states"])
def test_draws_of_one_distribution_are_at_a_half_within_their_errors(kind: str) -> None:
    exact = enumerated(random_machine("bernoulli", "spin", sites=10, units=4, weights=1.0))
    count, repeats = 60, 150

    def draw(seed: int) -> np.ndarray:
        return independent(count, seed) if kind == "independent sites" else exact.draw(count, seed)

    found = [adversarial_accuracy(draw(2 * x), draw(2 * x + 1), "bernoulli") for x in range(repeats)]
    for name in ("truth", "synthetic", "accuracy"):
        values = np.array([getattr(x, name) for x in found])
        errors = np.array([getattr(x, f"{name}_error") for x in found])
        # between (n − 1)/(2n − 1) without ties and ½
        assert values.mean() == pytest.approx(
            0.5, abs=0.5 / (2 * count - 1) + 4 * errors.mean() / repeats**0.5
        )
        # a spread of 150 is known to 6 %
        assert values.std() == pytest.approx(np.sqrt(np.square(errors).mean()), rel=0.25), name


def test_a_generator_without_diversity_has_a_low_truth_and_a_high_synthetic_accuracy() -> None:
    data, chains = independent(300, 1, values=4, tilt=0.5), independent(300, 2, values=4, tilt=0.8)
    found = adversarial_accuracy(data, chains, Potts(4))
    assert found.truth < 0.1
    assert found.synthetic > 0.99


def test_copied_training_data_are_a_loss_of_privacy() -> None:
    data, test = independent(300, 1), independent(300, 2)
    copies = data.copy()
    copies[:, 0] ^= 1
    found = adversarial_accuracy(data, copies, "bernoulli", test=test)
    assert found.accuracy == 0
    assert found.test is not None
    assert found.test.accuracy == pytest.approx(0.5, abs=4 * found.test.accuracy_error)
    assert found.privacy_loss > 6 * found.privacy_loss_error


def test_draws_of_the_distribution_itself_lose_no_privacy() -> None:
    found = adversarial_accuracy(
        independent(300, 1), independent(300, 3), "bernoulli", test=independent(300, 2)
    )
    assert abs(found.privacy_loss) < 4 * found.privacy_loss_error
    assert found.privacy_loss_error < 0.1


def test_the_test_set_is_compared_as_data_would_be() -> None:
    data, chains, test = (independent(80, seed) for seed in (1, 2, 3))
    found = adversarial_accuracy(data, chains, "bernoulli", test=test)
    alone = adversarial_accuracy(test, chains, "bernoulli")
    assert found.test is not None
    assert (found.test.truth, found.test.synthetic) == (alone.truth, alone.synthetic)


def test_without_a_test_set_there_is_no_privacy_loss() -> None:
    found = adversarial_accuracy(independent(20, 1), independent(20, 2), "bernoulli")
    assert math.isnan(found.privacy_loss)
    assert math.isnan(found.privacy_loss_error)


def test_sets_are_cut_to_the_smallest_and_to_the_most() -> None:
    data, chains = independent(90, 1), independent(70, 2)
    assert adversarial_accuracy(data, chains, "bernoulli").count == 70
    assert adversarial_accuracy(data, chains, "bernoulli", test=independent(30, 3)).count == 30
    assert adversarial_accuracy(data, chains, "bernoulli", most=20).count == 20


def test_is_the_same_for_the_same_generator_only() -> None:
    data, chains = independent(90, 1), independent(90, 2)
    first, again, other = (
        adversarial_accuracy(
            data, chains, "bernoulli", most=40, generator=torch.Generator().manual_seed(seed)
        )
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_does_not_depend_on_blocks_or_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    data, chains = independent(90, 1, values=3), independent(90, 2, values=3)
    whole = adversarial_accuracy(data, chains, Potts(3))
    monkeypatch.setattr("carving.training.quality.adversarial._DISTANCES", 7 * 180)
    monkeypatch.setattr("carving.training._configurations._CHUNK_NUMBERS", 13 * 3 * SITES)
    assert vars(adversarial_accuracy(data, chains, Potts(3))) == pytest.approx(vars(whole))


@pytest.mark.parametrize(
    ("data", "chains", "options", "message"),
    [
        (np.zeros((0, 2)), np.zeros((3, 2)), {}, "data: have shape"),
        (np.zeros((3, 2)), np.zeros((1, 2)), {}, "smallest set: is 1"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"most": 1}, "smallest set: is 1"),
        (np.zeros((3, 2)), np.zeros((3, 4)), {}, "chains: have 4 sites"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"test": np.zeros((3, 1))}, "test: have 1 sites"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), {}, "data: row 0, column 0"),
    ],
)
def test_refuses(data: np.ndarray, chains: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        adversarial_accuracy(data, chains, "bernoulli", **options)
