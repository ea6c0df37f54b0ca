"""Trees of machines that grow as a known function of log(1 + age): when their branches part."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

import carving
from carving import RBM, Tree
from carving.checkpoints import CheckpointSequence
from carving.errors import InvalidInput
from carving.physics import Splits, birth_ages, locate_splits
from tests.physics.machines import curie_weiss, grown, two_patterns
from tests.tree.runs import pattern_machines, pattern_samples, store

SITES = 20
# √coupling grows with log(1 + age) by so much, so that interpolation is exact
RATE = 0.25
FIRST_BLOCK = np.where(np.arange(SITES) < 12, 1, -1)
# both blocks plus; the second minus; the first minus; both
FOUR = np.stack([np.ones(SITES), FIRST_BLOCK, -FIRST_BLOCK, -np.ones(SITES)]).astype(np.int8)
PLUS_AND_MINUS = FOUR[[0, 3]]
# of the spinodal at order 1 of the coupling 1.5 (mathematics §7)
SPINODAL = 1.5
FIELD = SPINODAL * math.sqrt(1 - 1 / SPINODAL) - math.atanh(math.sqrt(1 - 1 / SPINODAL))


def root(function: Callable[[float], float], low: float, high: float) -> float:
    found = brentq(function, low, high)
    assert isinstance(found, float)
    return found


def in_log_age(coupling: float) -> float:
    """log(1 + age) at which the coupling is reached."""
    return math.sqrt(coupling) / RATE


def log_ages(splits: Splits) -> list[float]:
    return np.log1p(splits.age).tolist()


def in_field(square_root_of_coupling: float) -> RBM:
    rbm = curie_weiss(SITES, square_root_of_coupling**2)
    field = torch.full((SITES,), FIELD, dtype=torch.float64)
    return RBM(rbm.weights, field, rbm.hidden_bias, rbm.visible, rbm.hidden)


@pytest.mark.parametrize("order", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_states_of_two_patterns_part_at_the_temperatures_of_the_blocks(tmp_path: Path, order: int):
    run = grown(tmp_path, lambda x: two_patterns((RATE * x) ** 2), (3, 1000))
    tree = carving.build_tree(run, FOUR[:3], order=order)
    assert len(tree.children.of(tree.root)) == 3
    precision = 1e-3
    splits = locate_splits(tree, run, precision=precision)
    # the third has no twin in the tree at the first transition, and goes on to the second
    shift = 0.0 if order == 1 else 2 / SITES
    first, second = in_log_age(1 / (1.2 - shift)), in_log_age(1 / (0.8 - shift))
    assert log_ages(splits) == pytest.approx([second, first], abs=precision)
    assert splits.kind.tolist() == ["pitchfork", "pitchfork"]
    assert np.abs(splits.curvature).max() < 1e-2
    for direction, block in zip(splits.direction, (FIRST_BLOCK < 0, FIRST_BLOCK > 0), strict=True):
        np.testing.assert_allclose(np.abs(direction), block / math.sqrt(block.sum()), atol=1e-6)
    # born where the last of the children has come
    age, uncertainty = birth_ages(tree, splits)
    assert math.log1p(age[tree.root]) == pytest.approx(first, abs=precision)
    assert age[:-1].tolist() == tree.nodes.age[:-1].tolist()
    assert np.isnan(uncertainty).tolist() == [True] * 3 + [False]


@pytest.mark.slow
def test_all_four_states_of_two_patterns_part_pairwise_and_then_once(tmp_path: Path):
    run = grown(tmp_path, lambda x: two_patterns((RATE * x) ** 2), (3, 1000))
    tree = carving.build_tree(run, FOUR, order=1)
    splits = locate_splits(tree, run, precision=1e-3)
    expected = [in_log_age(1 / 0.8), in_log_age(1 / 0.8), in_log_age(1 / 1.2)]
    assert log_ages(splits) == pytest.approx(expected, abs=1e-3)
    assert set(splits.child.tolist()) == {1, 2, 3}


def test_in_a_field_the_state_against_it_is_lost_at_the_spinodal(tmp_path: Path):
    run = grown(tmp_path, lambda x: in_field(RATE * x), (3, 20, 1000))
    tree = carving.build_tree(run, PLUS_AND_MINUS, order=1)
    splits = locate_splits(tree, run)
    assert log_ages(splits) == pytest.approx([in_log_age(SPINODAL)], abs=1e-4)
    assert splits.kind.tolist() == ["saddle-node"]
    assert tree.nodes.visible[splits.child[0], 0] < 0 < tree.nodes.visible[splits.other[0], 0]
    np.testing.assert_allclose(np.abs(splits.direction), 1 / math.sqrt(SITES), rtol=1e-6)
    # the eigenvalue goes as the root of the distance
    assert 0 < splits.curvature[0] < 0.02
    up = root(lambda m: math.atanh(m) - SPINODAL * m - FIELD, 0.5, 1 - 1e-9)
    down = -math.sqrt(1 - 1 / SPINODAL)
    assert splits.distance[0] == pytest.approx((up - down) / 2, abs=0.01)


@pytest.mark.parametrize("precision", [1e-2, 1e-6])
def test_the_precision_is_that_which_was_asked_for(tmp_path: Path, precision: float):
    run = grown(tmp_path, lambda x: in_field(RATE * x), (3, 1000))
    tree = carving.build_tree(run, PLUS_AND_MINUS, order=1)
    found = log_ages(locate_splits(tree, run, precision=precision))[0]
    # parameters of a store have six digits
    assert found == pytest.approx(in_log_age(SPINODAL), abs=precision + 1e-6)


def test_states_that_are_only_linked_are_both_there_and_at_the_linkage_distance(tmp_path: Path):
    distance = 0.3
    # at the youngest age the states are ± 0.24 already
    ages = (round(math.expm1(in_log_age(1.02))), 1000)
    run = grown(tmp_path, lambda x: curie_weiss(SITES, (RATE * x) ** 2), ages)
    tree = carving.build_tree(run, PLUS_AND_MINUS, order=1, linkage_distance=distance)
    assert not tree.has_added_root
    splits = locate_splits(tree, run)
    # m = tanh(K m) at m = 0.3: a spin counts as (1 + m)/2
    assert log_ages(splits) == pytest.approx([in_log_age(math.atanh(distance) / distance)], abs=2e-4)
    assert splits.kind.tolist() == ["linkage"]
    assert splits.distance[0] == pytest.approx(distance, abs=1e-3)
    slope = math.atanh(distance) / distance * (1 - distance**2)
    assert splits.curvature[0] == pytest.approx(1 - slope, abs=2e-3)


@pytest.mark.slow
def test_the_uncertainty_covers_what_is_missed_when_checkpoints_are_left_out(tmp_path: Path):
    def strength(x: float) -> float:
        return RATE * x + 0.05 * math.sin(3 * x)

    ages = [int(age) for age in np.unique(np.geomspace(2, 1000, 12).round())]
    run = grown(tmp_path, lambda x: in_field(strength(x)), ages)
    truth = root(lambda x: strength(x) - math.sqrt(SPINODAL), math.log1p(2), math.log1p(1000))
    splits = locate_splits(carving.build_tree(run, PLUS_AND_MINUS, order=1), run)
    (found,), (uncertainty,) = log_ages(splits), splits.uncertainty
    assert abs(found - truth) <= uncertainty
    shifts = []
    for first in (0, 1):
        half = carving.build_tree(run, PLUS_AND_MINUS, order=1, ages=sorted({*ages[first::2], ages[-1]}))
        shifts.append(abs(log_ages(locate_splits(half, run))[0] - found))
    assert max(shifts) <= uncertainty
    assert uncertainty < 1.5 * max(shifts) + 0.01


def test_where_interpolation_is_exact_the_uncertainty_is_that_of_the_search(tmp_path: Path):
    run = grown(tmp_path, lambda x: in_field(RATE * x), (3, 12, 50, 120, 300, 1000))
    splits = locate_splits(carving.build_tree(run, PLUS_AND_MINUS, order=1), run)
    assert 0 < splits.uncertainty[0] < 0.01


def _located(run: CheckpointSequence, visible: str, blocks: int) -> tuple[Tree, Splits]:
    tree = carving.build_tree(run, pattern_samples(12, sites=(12,) * blocks, visible=visible))
    return tree, locate_splits(tree, run, precision=1e-3)


def _machines(visible: str, hidden: str, blocks: int) -> dict[int, RBM]:
    """One block that decides, or two."""
    strengths = (1.7,) if blocks == 1 else (1.0, 1.7)
    return pattern_machines(strengths=strengths, sites=(12,) * blocks, visible=visible, hidden=hidden)


def _shifted(rbm: RBM) -> RBM:
    """The same machine in another gauge."""
    draw = torch.Generator().manual_seed(3)
    weights, fields, biases = rbm.weights, rbm.visible_bias, rbm.hidden_bias
    by = 2.0**-4 * torch.randint(-4, 5, (len(weights), 1, weights.shape[2]), generator=draw).to(weights)
    return RBM(weights + by, fields, biases - by.sum((0, 1)), rbm.visible, rbm.hidden)


def _same(first: tuple[Tree, Splits], second: tuple[Tree, Splits]) -> None:
    mine, others = first[1], second[1]
    assert len(mine) > 0
    for name in ("node", "child", "other", "kind"):
        assert getattr(mine, name).tolist() == getattr(others, name).tolist()
    np.testing.assert_allclose(np.log1p(mine.age), np.log1p(others.age), atol=2e-3)
    np.testing.assert_allclose(mine.distance, others.distance, atol=5e-3)
    overlap = np.abs((mine.direction * others.direction).reshape(len(mine), -1).sum(1))
    np.testing.assert_allclose(overlap, 1, atol=1e-3)


BLOCKS = pytest.mark.parametrize("blocks", [1, pytest.param(2, marks=pytest.mark.slow)])


@BLOCKS
def test_a_machine_and_its_twin_of_other_units_have_the_same_splits(tmp_path: Path, blocks: int):
    first, second = (
        _located(store(tmp_path, _machines(unit, unit, blocks)), unit, blocks)
        for unit in ("spin", "bernoulli")
    )
    _same(first, second)


@BLOCKS
def test_the_gauge_of_a_potts_machine_does_not_matter(tmp_path: Path, blocks: int):
    machines = _machines("potts", "bernoulli", blocks)
    shifted = {age: _shifted(rbm) for age, rbm in machines.items()}
    first, second = (_located(store(tmp_path, each), "potts", blocks) for each in (machines, shifted))
    _same(first, second)


def test_below_an_added_root_nothing_is_located(tmp_path: Path):
    run = grown(tmp_path, lambda x: curie_weiss(SITES, (RATE * x) ** 2), (200, 1000))
    tree = carving.build_tree(run, PLUS_AND_MINUS, order=1)
    assert tree.has_added_root
    splits = locate_splits(tree, run)
    assert splits.kind.tolist() == ["unresolved"]
    assert np.isnan(splits.age).all()
    assert np.isinf(splits.uncertainty).all()
    age, uncertainty = birth_ages(tree, splits)
    assert age.tolist() == tree.nodes.age.tolist()
    assert np.isnan(uncertainty).all()


def test_a_tree_of_one_state_has_no_splits(tmp_path: Path):
    run = grown(tmp_path, lambda x: curie_weiss(SITES, (RATE * x) ** 2), (3, 1000))
    tree = carving.build_tree(run, PLUS_AND_MINUS[:1])
    splits = locate_splits(tree, run)
    assert len(splits) == 0
    assert splits.direction.shape == (0, SITES)


def test_what_does_not_belong_together_is_refused(tmp_path: Path):
    run = grown(tmp_path, lambda x: curie_weiss(SITES, (RATE * x) ** 2), (3, 1000))
    tree = carving.build_tree(run, PLUS_AND_MINUS, order=1)
    later = grown(tmp_path, lambda x: curie_weiss(SITES, (RATE * x) ** 2), (3, 999))
    with pytest.raises(InvalidInput, match="no checkpoint of age 1000"):
        locate_splits(tree, later)
    other = grown(tmp_path, lambda x: curie_weiss(SITES, (0.9 * RATE * x) ** 2), (3, 1000))
    with pytest.raises(InvalidInput, match="not the checkpoints"):
        locate_splits(tree, other)
    # a tree that does not say what it was made from
    locate_splits(replace(tree, provenance={}), other, precision=0.1)
    for precision in (0.0, -1.0, math.nan):
        with pytest.raises(InvalidInput, match="precision"):
            locate_splits(tree, run, precision=precision)
