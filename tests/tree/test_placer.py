"""Placing time and again, and how sure a node is: against distances that are looked up one by one."""

import numpy as np
import pytest

import carving
from carving.meanfield.solver import Solver
from carving.tree import Placer, build_tree
from tests.tree.runs import KINDS, pattern_samples

TOLERANCE = 1e-6


@pytest.fixture
def tree(run):
    return build_tree(run, pattern_samples(30))


def same(one, other, tolerance: float = TOLERANCE) -> None:
    """The same nodes, and distances within the errors of the points."""
    for name in ("node", "age", "converged"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for name in ("distance", "second_distance"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=tolerance, nan_ok=True), name


def distances(tree, run, age, points) -> dict[int, np.ndarray]:
    """By node, the distance of each point to its state at an age: root mean square over sites."""
    found = {}
    for row in np.flatnonzero(tree.states.age == age):
        apart = points - tree.states.visible[row].astype(np.float64)
        square = (apart**2).reshape(len(points), -1).sum(1) / run.visible_size
        found[int(tree.states.node[row])] = np.sqrt(square * (0.25 if tree.visible_unit == "spin" else 1))
    return found


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("visible", "hidden"), KINDS)
def test_distances_are_those_to_the_two_nearest_states_of_different_nodes(run_of, visible, hidden):
    run = run_of(visible=visible, hidden=hidden)
    samples = pattern_samples(20, visible=visible, seed=3)
    tree = build_tree(run, samples[:3])
    placed = tree.place(samples, run)
    points = carving.fixed_points(run[-1], samples)
    for age in tree.ages.updates.tolist():
        if age != tree.ages.updates[0]:
            points = carving.fixed_points(run.at_age(age), points.visible, hidden=points.hidden)
        by_node = distances(tree, run, age, points.visible.numpy())
        for row in np.flatnonzero(placed.age == age):
            ranked = sorted((apart[row], node) for node, apart in by_node.items())
            assert placed.distance[row] == pytest.approx(ranked[0][0], abs=TOLERANCE)
            if placed.node[row] != tree.root or age != tree.ages.updates[-1]:
                assert placed.node[row] == ranked[0][1]
            second = ranked[1][0] if len(ranked) > 1 else np.nan
            assert placed.second_distance[row] == pytest.approx(second, abs=TOLERANCE, nan_ok=True)
    assert len(set(placed.age.tolist())) > 1


def test_where_there_is_one_state_there_is_no_second(run):
    tree = build_tree(run, pattern_samples(1))
    assert np.isnan(tree.place(pattern_samples(1), run).second_distance).all()


def test_sweeps_are_those_of_all_ages_that_a_sample_went_through(run):
    samples = pattern_samples(8, seed=3)
    tree = build_tree(run, samples[:1])
    # one by one: what others find shortens nobody's way
    placed = [tree.place(sample[None], run) for sample in samples]
    assert len({int(one.age[0]) for one in placed}) == 3
    for sample, one in zip(samples, placed, strict=True):
        points, sweeps = carving.fixed_points(run[-1], sample[None]), 0
        for age in tree.ages.updates[tree.ages.updates >= one.age[0]].tolist():
            if age != 1000:
                points = carving.fixed_points(run.at_age(age), points.visible, hidden=points.hidden)
            sweeps += int(points.sweeps)
        assert one.sweeps.tolist() == [sweeps]


def test_the_first_call_is_the_library_s_to_the_last_bit(run, tree):
    samples = pattern_samples(40, flips=0.3, seed=5)
    ours, theirs = Placer(tree, run).place(samples), tree.place(samples, run)
    for name in ("node", "distance", "age", "converged", "second_distance", "sweeps"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name), equal_nan=True), name


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("visible", "hidden"), KINDS)
def test_what_was_placed_before_changes_nothing(run_of, visible, hidden):
    run = run_of(visible=visible, hidden=hidden)
    samples = pattern_samples(90, visible=visible, flips=0.35, seed=5)
    tree = build_tree(run, samples[:4])
    placer = Placer(tree, run)
    for low, high in [(0, 5), (5, 6), (6, 50), (50, 90), (0, 90)]:
        same(placer.place(samples[low:high]), tree.place(samples[low:high], run))


def test_a_placer_that_knows_the_points_has_less_to_do(run, tree, monkeypatch):
    samples, placer = pattern_samples(120, flips=0.5, seed=5), Placer(tree, run)
    first, known = placer.place(samples), placer.points
    monkeypatch.setattr(Solver, "_propose", lambda *_: pytest.fail("a known point was sought again"))
    again = placer.place(samples)
    assert placer.points == known > 0
    assert again.sweeps.sum() < first.sweeps.sum()
    assert placer.bytes > run[-1].weights.nbytes


def test_rows_that_do_not_converge_are_placed_where_they_were_left(run, tree, monkeypatch):
    # Newton's method is what makes points known: without it none is ever found
    monkeypatch.setattr(Solver, "_propose", lambda *_: None)
    for function in (Solver.__init__, carving.fixed_points):
        monkeypatch.setitem(function.__kwdefaults__, "max_sweeps", 40)
    samples = pattern_samples(6, seed=2)
    placer, theirs = Placer(tree, run), tree.place(samples, run)
    for _ in range(2):
        ours = placer.place(samples)
        assert (placer.points, len(ours)) == (0, 6)
        assert not ours.converged.any()
        for name in ("node", "distance", "age", "sweeps"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_no_samples_are_placed_nowhere(run, tree):
    assert len(Placer(tree, run).place(pattern_samples(3)[:0])) == 0


def test_what_does_not_fit_is_refused_and_changes_nothing(run, tree):
    placer, samples = Placer(tree, run), pattern_samples(6)
    with pytest.raises(ValueError, match="row 2"):
        placer.place(samples + np.array([0, 0, 1, 0, 0, 0])[:, None])
    same(placer.place(samples), tree.place(samples, run))


def test_a_stopped_placer_goes_on(run, tree):
    placer, samples = Placer(tree, run, batch_size=2), pattern_samples(30, flips=0.3, seed=8)

    def stop(_report):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        placer.place(samples, progress=stop)
    same(placer.place(samples), tree.place(samples, run))


def test_rows_of_a_placement_can_be_chosen_and_joined(run, tree):
    placed = tree.place(pattern_samples(9), run)
    again = type(placed).joined([placed[:4], placed[np.arange(4, 9)]])
    assert np.array_equal(again.node, placed.node)
