"""States followed along paths: next to a fold, and past what only looks like their continuation."""

import math

import pytest
import torch

from carving.physics import Couplings, Field, follow
from carving.physics._stationary import Stationary, stationary_near
from tests.physics.machines import curie_weiss

SITES, COUPLING = 100, 2.0


def state_at(path: Field | Couplings, place: float, magnetisation: float) -> Stationary:
    """The state of aligned spins next to this magnetisation."""
    v = torch.full((1, SITES), magnetisation, dtype=torch.float64)
    return stationary_near(path.at(place), *path.at(place).start(v), strict=False)


@pytest.mark.parametrize("precision", [1e-3, 1e-4, 1e-5, 1e-6, 1e-7])
def test_a_state_next_to_its_fold_can_be_followed_away_from_it(precision):
    direction = torch.full((SITES,), SITES**-0.5, dtype=torch.float64)
    path = Field(curie_weiss(SITES, COUPLING), direction, 1)
    up = state_at(path, 0.0, 0.95)
    ended = follow(path, up, 0.0, -20.0, precision=precision)
    spinodal = math.sqrt(1 - 1 / COUPLING)
    field = math.sqrt(SITES) * (COUPLING * spinodal - math.atanh(spinodal))
    assert float(ended.place[0]) == pytest.approx(-field, abs=precision)
    back = follow(path, ended.states, float(ended.place[0]), 0.0, precision=precision)
    assert bool(back.reached[0])
    torch.testing.assert_close(back.states.visible, up.visible)


def test_an_ordered_state_is_not_followed_into_that_of_free_spins():
    # against a field, so that without couplings there is one state, of the other sign
    rbm = curie_weiss(SITES, COUPLING)
    path = Couplings(type(rbm)(rbm.weights, rbm.visible_bias - 0.05, rbm.hidden_bias, "spin", rbm.hidden), 1)
    followed = follow(path, state_at(path, 1.0, 0.95), 1.0, 0.0)
    assert not bool(followed.reached[0])
    # m = √(1 − 1/K) and K m − atanh m = 0.05 at the spinodal, K = 2 place²
    m, coupling = float(followed.states.visible.mean()), COUPLING * float(followed.place[0]) ** 2
    assert coupling * m - math.atanh(m) == pytest.approx(0.05, abs=1e-9)
    assert coupling * (1 - m * m) == pytest.approx(1, abs=0.03)
