"""Projected chains against the enumerated distribution and the exact transition matrix."""

import numpy as np
import pytest
import torch

from carving._progress import Progress
from carving.errors import InvalidInput
from carving.physics._observables import project_chains
from tests.machines import PAIRS, encoding_factor, random_machine
from tests.reference.reduced_chain import curie_weiss, direction
from tests.training.quality.exact import enumerated, transition_matrix


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_moments_and_memory_are_those_of_the_machine(visible: str, hidden: str) -> None:
    weights = 0.6 * encoding_factor(visible, hidden)
    rbm = random_machine(visible, hidden, sites=3, units=2, states=3, weights=weights, beta=0.9, seed=5)
    exact, step = enumerated(rbm), transition_matrix(rbm)
    # what hidden units remember
    u = rbm.weights
    mean = torch.from_numpy((exact.probability @ exact.rows).reshape(exact.shape))
    series = project_chains(
        rbm,
        u,
        chains=2000,
        burn_in=50,
        steps=120,
        thin=2,
        centre=mean,
        generator=torch.Generator().manual_seed(0),
    ).numpy()
    assert series.shape == (60, 2000, 2)
    s = (exact.rows - mean.flatten().numpy()) @ u.flatten(0, -2).numpy()
    variance = exact.probability @ s**2
    after_two = (exact.probability[:, None] * s * (step @ step @ s)).sum(0)

    def close(by_chain: np.ndarray, expected: np.ndarray) -> None:
        error = by_chain.std(0) / len(by_chain) ** 0.5
        assert (np.abs(by_chain.mean(0) - expected) < 4.5 * error).all()

    close(series.mean(0), np.zeros(2))
    close((series**2).mean(0), variance)
    close((series[1:] * series[:-1]).mean(0), after_two)
    assert (after_two > 0.01 * variance).any()


def test_thinning_leaves_out_times_of_the_same_chains() -> None:
    rbm = random_machine("spin", "gaussian")
    u = torch.eye(10, dtype=torch.float64)[:, :3]

    def series(thin: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return project_chains(rbm, u, chains=5, burn_in=6, steps=12, thin=thin, generator=generator)

    assert torch.equal(series(3), series(1)[2::3])


@pytest.mark.parametrize("alike", [True, False])
def test_chains_begin_where_they_are_told(alike: bool) -> None:
    sites = 50
    up = direction(sites)[:, 0].sign()
    start = up if alike else torch.stack([up, -up] * 3)
    series = project_chains(
        curie_weiss(sites, 4.0),
        direction(sites),
        chains=6,
        burn_in=0,
        steps=20,
        starts=start,
        generator=torch.Generator().manual_seed(0),
    )
    expected = torch.ones(6) if alike else torch.tensor([1.0, -1] * 3)
    assert torch.equal(series.sign()[..., 0], expected.double().expand(20, 6))


def test_progress_ends_at_its_total() -> None:
    told: list[Progress] = []
    rbm = random_machine("bernoulli", "bernoulli")
    u = torch.ones(10, 1)
    project_chains(
        rbm,
        u,
        chains=2,
        burn_in=5,
        steps=9,
        thin=2,
        generator=torch.Generator().manual_seed(0),
        progress=told.append,
    )
    done = [report.done for report in told]
    assert done == sorted(set(done))
    assert done[-1] == told[-1].total == 5 + 8


@pytest.mark.parametrize(
    "wrong",
    [
        {"chains": 0},
        {"thin": 0},
        {"burn_in": -1},
        {"steps": 0},
        {"steps": 2, "thin": 3},
        {"centre": torch.zeros(9)},
        {"starts": torch.zeros(2, 10)},
        {"directions": torch.zeros(9, 1)},
        {"directions": torch.full((10, 1), torch.nan)},
        {"arithmetic": "none"},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict) -> None:
    settings: dict = {"directions": torch.ones(10, 1), "chains": 3, "burn_in": 1, "steps": 4, **wrong}
    directions = settings.pop("directions")
    with pytest.raises(InvalidInput):
        project_chains(random_machine("spin", "spin"), directions, generator=torch.Generator(), **settings)
