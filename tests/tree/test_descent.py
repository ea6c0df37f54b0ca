"""The walk from old machines to young: what is grouped, what represents a group, what is written down."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from carving.data import Labels, Samples
from carving.meanfield import fixed_points
from carving.meanfield.solver import Solver
from carving.tree import Tree, _reached, build_tree, load_tree
from tests.reference.descent import as_sets, descend, per_site
from tests.tree.runs import AGES, KINDS, pattern_machine, pattern_samples, store

# blocks of different sizes, so that the distances between states differ
UNEQUAL = (6, 12, 20)
THREE = {"strengths": (1.0, 1.3, 1.7), "sites": UNEQUAL, "noise": 0.3, "bias": 0.1}
OLDEST_FIRST = AGES[::-1]


def three_blocks(seed: int = 0) -> np.ndarray:
    return pattern_samples(40, sites=UNEQUAL, flips=0.2, seed=seed)


def merges_only(tree: Tree) -> bool:
    partitions = [tree.partition(age) for age in tree.ages.updates.tolist()]
    return all(
        len(set(zip(older.tolist(), younger.tolist(), strict=True))) == len(set(older.tolist()))
        for older, younger in pairwise(partitions)
    )


# ---- grouping


@settings(max_examples=12)
@given(distance=st.floats(0.01, 0.9), seed=st.integers(0, 3), samples=st.integers(0, 3))
def test_groups_are_those_of_dbscan_at_every_age(run_of, distance, seed, samples):
    run, values = run_of(**THREE, seed=seed), three_blocks(samples)
    tree = build_tree(run, values, linkage_distance=distance)
    reference = descend(run, values, linkage_distance=distance)
    assert {age: as_sets(tree.partition(age)) for age in AGES} == {
        age: as_sets(reference[age].of_sample) for age in AGES
    }


@settings(max_examples=8)
@given(distance=st.floats(0.01, 0.9), seed=st.integers(0, 3), order=st.sampled_from([1, 2, 3]))
def test_partitions_are_nested(run_of, distance, seed, order):
    tree = build_tree(run_of(**THREE, seed=seed), three_blocks(seed), linkage_distance=distance, order=order)
    assert merges_only(tree)


def test_steps_and_gaps_are_those_of_single_linkage(run_of):
    from scipy.cluster.hierarchy import linkage

    run, values = run_of(**THREE), three_blocks()
    tree = build_tree(run, values, linkage_distance=0.6)
    for row, age in enumerate(OLDEST_FIRST):
        points = descend(run, values, linkage_distance=0.6)[age].points
        distinct = np.unique(per_site(points, run).round(6), axis=0)
        heights = linkage(distinct, "single")[:, 2] if len(distinct) > 1 else np.zeros(0)
        inside, outside = heights[heights <= 0.6], heights[heights > 0.6]
        expected = inside.max() if len(inside) else np.nan, outside.min() if len(outside) else np.nan
        found = tree.ages.largest_step[row], tree.ages.smallest_gap[row]
        assert found == pytest.approx(expected, abs=1e-4, nan_ok=True)


@settings(max_examples=8)
@given(distance=st.floats(0.01, 0.9), seed=st.integers(0, 3))
def test_a_sensitive_age_is_one_where_half_or_twice_the_distance_gives_other_groups(run_of, distance, seed):
    # one age alone: at younger ones trees of different distances start from different points
    run, values = run_of(**THREE, seed=seed), three_blocks(seed)
    at, half, twice = (
        build_tree(run, values, linkage_distance=d, ages=[1000])
        for d in (distance, distance / 2, 2 * distance)
    )
    differs = [as_sets(x.partition(1000)) != as_sets(at.partition(1000)) for x in (half, twice)]
    assert at.summary()["sensitive_ages"] == ([1000] if any(differs) else [])


@settings(max_examples=8)
@given(distance=st.floats(0.01, 0.9), seed=st.integers(0, 3))
def test_the_oldest_sensitive_age_is_where_trees_of_half_and_twice_the_distance_part(run_of, distance, seed):
    run, values = run_of(**THREE, seed=seed), three_blocks(seed)
    at, half, twice = (
        build_tree(run, values, linkage_distance=d) for d in (distance, distance / 2, 2 * distance)
    )
    part = [
        age
        for age in OLDEST_FIRST
        if any(as_sets(x.partition(age)) != as_sets(at.partition(age)) for x in (half, twice))
    ]
    assert at.summary()["sensitive_ages"][:1] == part[:1]


def test_points_closer_than_the_same_point_distance_are_one_point(run_of):
    run, values = run_of(**THREE), three_blocks()
    apart = build_tree(run, values, linkage_distance=0.0)
    same = build_tree(run, values, linkage_distance=0.0, same_point_distance=1.0)
    assert (len(same.nodes), len(apart.nodes) > 1) == (1, True)


# ---- what represents a group, and what is written down


def test_the_member_of_lowest_free_energy_represents_its_group(run_of):
    run, values = run_of(**THREE), three_blocks()
    tree = build_tree(run, values, linkage_distance=0.5)
    oldest = descend(run, values, linkage_distance=0.5)[1000]
    # groups of several points, or there is nothing to choose
    assert len(oldest.representatives) < len(np.unique(per_site(oldest.points, run).round(6), axis=0))
    for node in np.flatnonzero(tree.nodes.age == 1000).tolist():
        lowest = oldest.points.free_energy[torch.from_numpy(tree.members(node))].min()
        assert tree.nodes.free_energy[node] == pytest.approx(float(lowest), abs=1e-9)


def test_states_are_the_fixed_points_followed_from_the_next_older_age(run_of):
    run, values = run_of(**THREE), three_blocks()
    tree = build_tree(run, values, linkage_distance=0.5)
    for age, reference in descend(run, values, linkage_distance=0.5).items():
        here = tree.states.age == age
        found = np.hstack([tree.states.visible[here], tree.states.hidden[here]])
        expected = torch.hstack([reference.representatives.visible, reference.representatives.hidden])
        assert np.abs(found - expected.numpy()).max() < 2e-6


def test_a_node_has_the_point_of_its_birth(run):
    tree = build_tree(run, pattern_samples(20))
    for node in range(len(tree.nodes)):
        age = int(tree.nodes.age[node])
        state = np.flatnonzero((tree.states.node == node) & (tree.states.age == age))
        assert np.array_equal(tree.nodes.visible[node].astype("f4"), tree.states.visible[state[0]])


def test_a_node_s_point_solves_the_equations_of_its_age(run):
    tree = build_tree(run, pattern_samples(20))
    for node in range(len(tree.nodes)):
        again = fixed_points(
            run.at_age(int(tree.nodes.age[node])),
            tree.nodes.visible[node : node + 1],
            hidden=tree.nodes.hidden[node : node + 1],
        )
        assert np.abs(again.visible[0].numpy() - tree.nodes.visible[node]).max() < 1e-6


def test_a_leaf_s_distance_is_that_of_its_sample_from_its_state(run_of):
    run, values = run_of(visible="spin"), pattern_samples(20, visible="spin")
    tree = build_tree(run, values)
    point = tree.nodes.visible[tree.leaves.node]
    expected = np.linalg.norm(values / 2 - point / 2, axis=1) / np.sqrt(values.shape[1])
    assert tree.leaves.distance == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("visible", "hidden"), KINDS)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_every_kind_of_machine_has_the_tree_of_its_patterns(run_of, visible, hidden, order):
    run = run_of(visible=visible, hidden=hidden)
    tree = build_tree(run, pattern_samples(30, visible=visible), order=order)
    signs = pattern_samples(30, flips=0.0)[:, [0, -1]]
    by_both, by_stronger = as_sets(signs[:, 0] + 2 * signs[:, 1]), as_sets(signs[:, 1])
    assert [as_sets(tree.partition(age)) for age in OLDEST_FIRST] == [
        by_both,
        by_both,
        by_stronger,
        {frozenset(range(30))},
    ]


# ---- the smallest and the emptiest


def test_one_checkpoint_gives_its_states_under_an_added_root(tmp_path):
    run = store(tmp_path, {7: pattern_machine([2.0, 3.0])})
    tree = build_tree(run, pattern_samples(30))
    assert tree.nodes.name.tolist() == ["t7.0", "t7.1", "t7.2", "t7.3", "t0.0"]


def test_one_sample_gives_one_node_that_is_the_root(run):
    tree = build_tree(run, pattern_samples(1))
    assert (tree.nodes.name.tolist(), tree.leaves.node.tolist()) == (["t1000.0"], [0])


def test_one_sample_and_one_checkpoint_give_a_tree(run):
    assert len(build_tree(run, pattern_samples(1), ages=[10]).nodes) == 1


def test_samples_that_are_all_equal_are_one_node(run):
    tree = build_tree(run, np.repeat(pattern_samples(1), 5, axis=0))
    assert (len(tree.nodes), tree.nodes.size.tolist()) == (1, [5])


def test_groups_left_at_the_youngest_age_meet_in_an_added_root_without_a_point(run):
    tree = build_tree(run, pattern_samples(30), ages=[100, 10])
    assert tree.has_added_root
    assert tree.nodes.age[-1] == 0
    assert np.isnan(tree.nodes.visible[-1]).all()
    assert np.isnan(tree.nodes.free_energy[-1])
    assert tree.children.of(tree.root).tolist() == np.flatnonzero(tree.nodes.age == 10).tolist()


def test_a_single_group_at_the_youngest_age_is_the_root_itself(run):
    assert not build_tree(run, pattern_samples(30)).has_added_root


# ---- names


def test_nodes_are_named_by_age_and_counted_by_first_leaf(run):
    tree = build_tree(run, pattern_samples(30))
    for age in OLDEST_FIRST:
        born = np.flatnonzero(tree.nodes.age == age)
        first = [tree.members(node)[0] for node in born.tolist()]
        assert first == sorted(first)
        assert tree.nodes.name[born].tolist() == [f"t{age}.{k}" for k in range(len(born))]


def test_a_leaf_named_like_a_node_keeps_its_name(run):
    names = ["t1000.0", "t1000.0_", *map(str, range(28))]
    tree = build_tree(run, pattern_samples(30), names=names)
    assert tree.leaves.name.tolist() == names
    assert tree.nodes.name[0] == "t1000.0__"


def test_samples_bring_their_names(run):
    values = pattern_samples(3)
    samples = Samples(values, np.array(["a", "b", "c"], dtype=object), None, "x.npz")
    assert build_tree(run, samples).leaves.name.tolist() == ["a", "b", "c"]


def test_samples_without_names_are_numbered(run):
    assert build_tree(run, pattern_samples(3)).leaves.name.tolist() == ["0", "1", "2"]


def test_labels_and_their_colours_are_kept(run):
    columns = {"kind": np.array(["x", "", "y"], dtype=object)}
    labels = Labels(columns, {"kind": {"x": "#ff0000"}}, 0, "labels.csv")
    tree = build_tree(run, pattern_samples(3), labels=labels)
    assert (tree.labels["kind"].tolist(), tree.colors) == (["x", "", "y"], {"kind": {"x": "#ff0000"}})


# ---- forms in which samples come


@pytest.mark.parametrize("form", ["list", "torch", "float32", "bool", "zarr"])
def test_samples_of_every_form_give_the_same_tree(run, form, tmp_path):
    values = pattern_samples(20)
    if form == "zarr":
        import zarr

        given = zarr.create_array(tmp_path / "samples.zarr", data=values)
    else:
        given = {
            "list": values.tolist(),
            "torch": torch.from_numpy(values),
            "float32": values.astype("f4"),
            "bool": values.astype(bool),
        }[form]
    tree = build_tree(run, given)
    assert np.array_equal(tree.leaves.distance, build_tree(run, values).leaves.distance)


def test_one_hot_samples_give_the_tree_of_their_codes(run_of):
    run, codes = run_of(visible="potts"), pattern_samples(20, visible="potts")
    tree, one_hot = build_tree(run, codes), build_tree(run, np.eye(3, dtype=np.uint8)[codes])
    assert np.array_equal(tree.nodes.visible, one_hot.nodes.visible)


# ---- rows that do not converge


def test_rows_that_do_not_converge_are_in_the_tree_and_counted(run, monkeypatch):
    class Hasty(Solver):
        """Gives up every third row."""

        def solve(self, v, h):
            super().solve(v, h)
            self.point[::3] = -1
            self._left_at = v[::3], h[::3]

    monkeypatch.setattr(_reached, "Solver", Hasty)
    tree = build_tree(run, pattern_samples(30), ages=[100])
    assert (len(tree.leaves), tree.ages.unconverged.tolist()) == (30, [10])


def test_a_third_order_that_never_settles_still_gives_a_tree(tmp_path):
    # a random bulk this strong defeats damped sweeps too
    run = store(tmp_path, {9: pattern_machine([6.0, 6.0], noise=6.0, seed=1)})
    tree = build_tree(run, pattern_samples(3), order=3)
    assert tree.ages.unconverged.tolist() == [3]
    assert not tree.nodes.converged.any()


def test_a_converged_point_represents_a_group_before_one_that_is_not(run, monkeypatch):
    class HalfConverged(Solver):
        @property
        def points(self):
            points = super().points
            points.converged[1::2] = False
            points.free_energy[1::2] -= 1
            return points

    monkeypatch.setattr(_reached, "Solver", HalfConverged)
    tree = build_tree(run, pattern_samples(30), linkage_distance=10.0, ages=[1000])
    assert tree.nodes.converged.tolist() == [True]


# ---- settings


def test_ages_are_those_that_were_chosen(run):
    assert build_tree(run, pattern_samples(5), ages="10,1000").ages.updates.tolist() == [1000, 10]


def test_options_tell_how_the_tree_was_made(run):
    tree = build_tree(run, pattern_samples(5), order=1, tolerance=1e-5, linkage_distance=0.1, ages=[10, 1])
    assert tree.options == {
        "order": 1,
        "tolerance": 1e-5,
        "iteration": "plain",
        "linkage_distance": 0.1,
        "same_point_distance": None,
        "ages": "10,1",
    }


def test_provenance_tells_what_the_tree_was_made_from(run):
    assert build_tree(run, pattern_samples(5)).provenance["checkpoints_fingerprint"] == run.fingerprint


def test_progress_reports_every_age(run):
    reports = []
    build_tree(run, pattern_samples(5), progress=reports.append)
    assert [x.stage for x in reports if x.message] == [f"age {age}" for age in OLDEST_FIRST]


def test_samples_are_left_as_they_were(run):
    values = torch.from_numpy(pattern_samples(5)).double()
    before = values.clone()
    build_tree(run, values)
    assert torch.equal(values, before)


# ---- what is refused, before anything is computed


GOOD = pattern_samples(4)
WRONG = {
    "too few sites": (GOOD[:, :-1], {}, "23"),
    "too many sites": (np.hstack([GOOD, GOOD]), {}, "48"),
    "no samples": (GOOD[:0], {}, "shape"),
    "one dimension": (GOOD[0], {}, "shape"),
    "spins for bernoulli": (2 * GOOD.astype(int) - 1, {}, "-1"),
    "a two": (GOOD + 1, {}, "2"),
    "NaN": (np.where(np.arange(24) == 3, np.nan, GOOD), {}, "column 3"),
    "one-hot for bernoulli": (np.eye(2)[GOOD], {}, "dimensions"),
    "fewer names": (GOOD, {"names": ["a", "b"]}, "2 names"),
    "a name twice": (GOOD, {"names": ["a", "b", "a", "c"]}, "'a'"),
    "an empty name": (GOOD, {"names": ["a", "b", "", "c"]}, "empty"),
    "fewer labels": (GOOD, {"labels": {"kind": ["x"]}}, "kind"),
    "labels that are no text": (GOOD, {"labels": {"kind": [1, 2, 3, 4]}}, "kind"),
    "colours of no label": (GOOD, {"colors": {"kind": {"x": "#000000"}}}, "kind"),
    "unknown order": (GOOD, {"order": 4}, "order 4"),
    "tolerance 0": (GOOD, {"tolerance": 0.0}, "tolerance"),
    "tolerance NaN": (GOOD, {"tolerance": float("nan")}, "tolerance"),
    "negative linkage": (GOOD, {"linkage_distance": -1.0}, "linkage"),
    "linkage NaN": (GOOD, {"linkage_distance": float("nan")}, "linkage"),
    "negative closeness": (GOOD, {"same_point_distance": -1.0}, "same-point"),
    "batch of 0": (GOOD, {"batch_size": 0}, "batch"),
    "unknown device": (GOOD, {"device": "abacus"}, "abacus"),
    "absent device": (GOOD, {"device": "cuda:99"}, "cuda:99"),
    "absent age": (GOOD, {"ages": [10, 11]}, "11"),
    "unknown ages": (GOOD, {"ages": "sometimes"}, "sometimes"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_bad_input_is_refused_with_its_place(run, wrong, monkeypatch):
    def must_not_be_called(*_):
        raise AssertionError("computed before the input was checked")

    monkeypatch.setattr(Solver, "solve", must_not_be_called)
    samples, options, words = WRONG[wrong]
    with pytest.raises(ValueError) as refusal:
        build_tree(run, samples, **options)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_store_without_checkpoints_is_refused(tmp_path):
    from carving.checkpoints import create_checkpoints

    with (
        create_checkpoints(tmp_path / "empty.carving") as run,
        pytest.raises(ValueError, match="no checkpoint"),
    ):
        build_tree(run, GOOD)


def test_a_tree_says_what_its_fixed_points_took(run, tmp_path):
    tree = build_tree(run, pattern_samples(40), ages=[1000, 10])
    at_ages = [build_tree(run, pattern_samples(40), ages=[1000]).spent]
    assert tree.spent["rows"] == 40 + tree.ages.groups[0]
    assert tree.spent["captured"] + tree.spent["arrived"] == tree.spent["rows"]
    assert tree.spent["single_precision_sweeps"] > at_ages[0]["single_precision_sweeps"] > 0
    tree.save(tmp_path / "tree.zarr")
    assert load_tree(tmp_path / "tree.zarr").spent == tree.spent
