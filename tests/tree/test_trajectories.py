"""Samples through all ages: each age is the library's fixed point from that before."""

import numpy as np
import pytest
import torch

import carving
from carving.tree import trajectories
from tests.tree.runs import KINDS, pattern_samples


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("visible", "hidden"), KINDS)
def test_each_age_starts_where_the_older_one_ends(run_of, visible, hidden):
    run, samples = run_of(visible=visible, hidden=hidden), pattern_samples(5, visible=visible, flips=0.3)
    found = trajectories(run, samples)
    assert found.age.tolist() == [1000, 100, 10, 1]
    points = carving.fixed_points(run[-1], samples)
    for column, age in enumerate(found.age.tolist()):
        if column:
            before = points
            points = carving.fixed_points(run.at_age(age), before.visible, hidden=before.hidden)
            # root of the mean square over sites, ±1 counted as 0 and 1
            moved = (points.visible - before.visible).flatten(1).square().sum(1) / run.visible_size
            scale = {"bernoulli": 1, "spin": 0.25, "potts": 1}[visible]
            assert found.moved[:, column].tolist() == pytest.approx((scale * moved).sqrt().tolist())
        for name in ("visible", "hidden", "free_energy", "error", "converged", "stable"):
            assert torch.equal(getattr(found, name)[:, column], getattr(points, name)), name
    assert not found.moved[:, 0].any()


def test_ages_can_be_chosen(run):
    found = trajectories(run, pattern_samples(3), ages="10,1000", order=1)
    assert found.age.tolist() == [1000, 10]
    assert found[1:].visible.shape == (2, 2, run.visible_size)
    assert repr(found) == "Trajectories(3 samples through 2 ages, 0 points unconverged)"


def test_the_youngest_machine_has_one_state(run):
    found = trajectories(run, pattern_samples(20))
    assert np.ptp(found.visible[:, -1].numpy(), axis=0).max() < 1e-6


def test_samples_that_do_not_fit_are_refused(run):
    with pytest.raises(ValueError, match="sites"):
        trajectories(run, pattern_samples(3)[:, :-1])
