"""Points that are known, once each: against a comparison of every pair, one after the other."""

import numpy as np
import pytest
import torch

from carving import RBM
from carving.meanfield.capture import KnownPoints
from carving.meanfield.plefka import Plefka

SITES, UNITS = 5, 3


def points(places: np.ndarray, error: float) -> KnownPoints:
    """Points in a random direction from the middle, at so many of their errors."""
    generator = torch.Generator().manual_seed(1)
    visible, hidden = (2 * torch.rand(n, generator=generator).double() - 1 for n in (SITES, UNITS))
    at = error * torch.from_numpy(places)[:, None]
    number = torch.full((len(places),), error, dtype=torch.float64)
    v, h = at * visible, at * hidden
    return KnownPoints(v, h, number, number > 0, torch.ones(len(places), 3, 2).double(), h, v, h)


@pytest.mark.parametrize("visible", ["bernoulli", "spin"])
@pytest.mark.parametrize("seed", range(20))
def test_a_point_is_known_once(visible: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # as near to each other as their errors: some are the same, some are not
    places = rng.integers(0, 60, size=rng.integers(1, 30)).astype(np.float64)
    cut = int(rng.integers(0, len(places)))
    rbm = RBM(torch.zeros(SITES, UNITS), torch.zeros(SITES), torch.zeros(UNITS), visible, "bernoulli")
    everything = points(places, error=1e-3)

    expected: list[int] = []
    of_point: list[int] = []
    scale = 0.5 if visible == "spin" else 1.0
    for one in range(len(places)):
        away = [
            max(
                scale * float((everything.visible[one] - everything.visible[other]).abs().max()),
                float((everything.hidden[one] - everything.hidden[other]).abs().max()),
            )
            for other in expected
        ]
        if away and min(away) <= 2e-3:
            of_point.append(int(np.argmin(away)))
        else:
            of_point.append(len(expected))
            expected.append(one)

    known = KnownPoints.none(everything.visible, everything.hidden)
    plefka = Plefka(rbm, 2)
    which = torch.cat(
        [
            known.add_new(plefka, everything[slice(0, cut)]),
            known.add_new(plefka, everything[slice(cut, None)]),
        ]
    )
    assert which.tolist() == of_point
    torch.testing.assert_close(known.visible, everything.visible[expected])
    torch.testing.assert_close(known.state(torch.float32)[1], everything.hidden[expected].float())
    assert len({len(known.error), len(known.stable), len(known.gap), len(known.slowest), len(expected)}) == 1


def test_nothing_new_is_nothing_more() -> None:
    known = points(np.array([0.0, 9.0]), error=1e-3)
    rbm = RBM(torch.zeros(SITES, UNITS), torch.zeros(SITES), torch.zeros(UNITS), "bernoulli", "bernoulli")
    assert known.add_new(Plefka(rbm, 2), known[slice(0, 0)]).tolist() == []
    assert len(known) == 2
