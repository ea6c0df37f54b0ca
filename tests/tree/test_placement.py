"""New samples in a finished tree."""

import numpy as np
import pytest

from carving.data import Samples
from carving.tree import build_tree
from tests.tree.runs import KINDS, SITES, as_values, pattern_machines, pattern_samples, store


@pytest.fixture
def tree(run):
    return build_tree(run, pattern_samples(30))


def of_signs(*signs: int, visible: str = "bernoulli") -> np.ndarray:
    """One sample: each block plus (1) or minus (0) its pattern."""
    return as_values(np.repeat(signs, SITES)[None], visible)


@pytest.mark.parametrize(("visible", "hidden"), KINDS)
def test_the_tree_s_own_samples_return_to_their_nodes(run_of, visible, hidden):
    run, samples = run_of(visible=visible, hidden=hidden), pattern_samples(30, visible=visible)
    tree = build_tree(run, samples)
    placement = tree.place(samples, run)
    assert np.array_equal(placement.node, tree.leaves.node)
    assert (placement.age == 1000).all()
    assert placement.converged.all()


def test_a_new_sample_of_a_state_joins_it(run, tree):
    new = pattern_samples(30, seed=7)
    placement = tree.place(new, run)
    both = build_tree(run, np.vstack([pattern_samples(30), new]))
    # in a tree of old and new samples the new ones are with the same old ones
    for row, node in enumerate(placement.node.tolist()):
        members = np.flatnonzero(both.leaves.node == both.leaves.node[30 + row])
        assert set(members[members < 30]) == set(tree.members(node))


def test_distances_are_those_to_the_joined_state(run, tree):
    placement = tree.place(pattern_samples(30, seed=7), run)
    assert placement.distance.max() < 1e-6


def test_a_sample_of_a_state_that_the_tree_lacks_joins_where_that_state_merges(run):
    # the second block is decided from age 10 on, the first from age 100 on
    known = np.vstack([of_signs(0, 0), of_signs(0, 1)])
    tree = build_tree(run, known)
    placement = tree.place(of_signs(1, 1), run)
    assert placement.age.tolist() == [10]
    assert tree.nodes.name[placement.node].tolist() == ["t1000.1"]


def test_a_sample_that_merges_with_nothing_but_all_joins_the_root(run):
    tree = build_tree(run, np.vstack([of_signs(0, 0), of_signs(1, 0)]))
    placement = tree.place(of_signs(0, 1), run)
    assert (placement.node.tolist(), placement.age.tolist()) == ([tree.root], [1])


def test_a_sample_that_is_near_to_no_state_at_any_age_belongs_to_the_root(run):
    tree = build_tree(run, np.vstack([of_signs(0, 0), of_signs(1, 0)]), ages=[1000, 100])
    placement = tree.place(of_signs(0, 1), run)
    assert tree.has_added_root
    assert (placement.node.tolist(), placement.age.tolist()) == ([tree.root], [100])
    assert placement.distance[0] > tree.options["linkage_distance"]


def test_placing_depends_neither_on_order_nor_on_batches(run, tree):
    new, order = pattern_samples(30, flips=0.3, seed=7), np.random.default_rng(0).permutation(30)
    one_by_one = tree.place(new[order], run, batch_size=1)
    assert np.array_equal(tree.place(new, run).node[order], one_by_one.node)


def test_a_tree_s_own_settings_are_used(run_of):
    run, samples = run_of(noise=0.3), pattern_samples(30)
    tree = build_tree(run, samples, order=1, linkage_distance=0.6)
    assert np.array_equal(tree.place(samples, run).node, tree.leaves.node)


def test_a_saved_tree_places_as_before(run, tree, tmp_path):
    from carving.tree import load_tree

    tree.save(tmp_path / "tree.zarr")
    again = load_tree(tmp_path / "tree.zarr").place(pattern_samples(30, seed=7), run)
    assert np.array_equal(again.node, tree.place(pattern_samples(30, seed=7), run).node)


def test_samples_may_come_with_their_names(run, tree):
    values = pattern_samples(5)
    samples = Samples(values, np.array(list("abcde"), dtype=object), None, "x.npz")
    assert np.array_equal(tree.place(samples, run).node, tree.place(values, run).node)


def test_other_checkpoints_are_refused(tree, tmp_path):
    other = store(tmp_path, pattern_machines(seed=1))
    with pytest.raises(ValueError, match="not the checkpoints that the tree was built from"):
        tree.place(pattern_samples(3), other)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (pattern_samples(3)[:, :-1], "sites"),
        (pattern_samples(3) + 1, "row 0"),
        (pattern_samples(3)[0], "dimensions"),
    ],
    ids=["too few sites", "a two", "one dimension"],
)
def test_samples_that_do_not_fit_are_refused(run, tree, samples, words):
    with pytest.raises(ValueError, match=words):
        tree.place(samples, run)


def test_an_unknown_device_is_refused(run, tree):
    with pytest.raises(ValueError, match="abacus"):
        tree.place(pattern_samples(3), run, device="abacus")


def test_a_placement_shows_what_it_holds(run, tree):
    assert repr(tree.place(pattern_samples(3), run)).startswith("Placement(3 samples in ")
