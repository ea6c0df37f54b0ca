"""Data of a known tree of states, trained and carved: the tree comes out."""

import pytest
import torch

import carving
from carving.data import random_tree
from tests.training.agreement import agreement


@pytest.mark.slow
def test_a_tree_of_two_levels_is_found(tmp_path):
    data = random_tree(
        levels=2,
        sites=100,
        flips=((0.15, 0.25), (0.08, 0.12)),
        samples=500,
        generator=torch.Generator().manual_seed(0),
    )
    run = carving.train(
        data.samples, tmp_path / "run", hidden=50, updates=1000, chains=200, save="exponential:30"
    )
    found = agreement(carving.build_tree(run, data.samples), data)
    assert found.missing == {}
    assert found.crossing == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_default_settings_find_a_tree_of_three_levels(tmp_path, seed):
    data = random_tree(generator=torch.Generator().manual_seed(seed))
    run = carving.train(data.samples, tmp_path / "run", seed=seed)
    found = agreement(carving.build_tree(run, data.samples), data)
    assert found.missing == {}
    assert found.crossing == []
