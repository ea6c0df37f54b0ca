"""The path between checkpoints: through every machine, straight where training is, else as scipy's spline."""

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

from carving import RBM
from carving.physics.paths import BetweenCheckpoints, between_ages

AGES = [1, 3, 8, 20, 50, 130, 300]


def machines(parameters: np.ndarray) -> list[RBM]:
    """One machine of 3 × 2 units for every row of 11 parameters."""
    return [
        RBM(torch.tensor(row[:6].reshape(3, 2)), torch.tensor(row[6:9]), torch.tensor(row[9:]))
        for row in parameters
    ]


def flat(path: BetweenCheckpoints, place: float) -> np.ndarray:
    plefka = path.at(place)
    parts = (plefka.powers[0], plefka.visible_bias, plefka.hidden_bias)
    return np.concatenate([part.numpy().ravel() for part in parts])


def path(parameters: np.ndarray, index: int) -> BetweenCheckpoints:
    return between_ages(AGES, index, dict(zip(AGES, machines(parameters), strict=True)).__getitem__, 2)


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(len(AGES), 11))


@pytest.mark.parametrize("index", range(len(AGES) - 1))
def test_it_begins_and_ends_at_the_two_checkpoints(drawn: np.ndarray, index: int):
    for place in (0, 1):
        np.testing.assert_allclose(flat(path(drawn, index), place), drawn[index + place], atol=1e-12)


def test_two_machines_alone_are_joined_by_a_straight_line(drawn: np.ndarray):
    younger, older = machines(drawn[:2])
    mean = flat(BetweenCheckpoints(younger, older), 0.25)
    np.testing.assert_allclose(mean, 0.75 * drawn[0] + 0.25 * drawn[1], atol=1e-12)


@pytest.mark.parametrize("index", range(len(AGES) - 1))
def test_what_grows_evenly_in_log_age_stays_straight(drawn: np.ndarray, index: int):
    log_age = np.log1p(AGES)
    grown = drawn[0] + log_age[:, None] * drawn[1]
    halfway = (log_age[index] + log_age[index + 1]) / 2
    np.testing.assert_allclose(flat(path(grown, index), 0.5), drawn[0] + halfway * drawn[1], atol=1e-9)


def test_in_between_it_is_the_natural_spline_through_the_six_nearest(drawn: np.ndarray):
    log_age = np.log1p(AGES)
    place = log_age[3] + 0.3 * (log_age[4] - log_age[3])
    expected = CubicSpline(log_age[1:], drawn[1:], bc_type="natural")(place)
    np.testing.assert_allclose(flat(path(drawn, 3), 0.3), expected, atol=1e-9)
