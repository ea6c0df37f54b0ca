"""Consensus and support of several trees: as DendroPy and counting by hand find them."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.tree import Tree, compare
from tests.tree.related_trees import clades_of, few, in_dendropy, random_trees, seeds, sets_of, some_leaves
from tests.trees import chain_tree, small_tree

GREATER_THAN_HALF = 0.500000001


def clades_of_consensus(found: compare.Consensus) -> dict[frozenset[str], float]:
    return {frozenset(found.leaves[found.members(clade)]): share for clade, share in enumerate(found.support)}


# ---- clades


@few
@given(seed=seeds)
def test_keys_are_equal_exactly_where_sets_of_names_are(seed: int):
    trees = random_trees(seed)
    by_key: dict[int, frozenset[str]] = {}
    by_set: dict[frozenset[str], int] = {}
    for tree in trees:
        found = compare.clades(tree)
        for key, size, names in zip(found.key, found.size.tolist(), sets_of(tree), strict=True):
            assert size == len(names)
            assert by_key.setdefault(key, names) == names
            assert by_set.setdefault(names, key) == key


@few
@given(seed=seeds)
def test_keys_of_some_leaves_are_those_of_the_tree_of_these_leaves(seed: int):
    tree = random_trees(seed)[0]
    names = sorted(tree.leaves.name)[::2]
    part = compare.clades(some_leaves(tree, names))
    assert set(part.key) == {
        key for key, size in zip(*dataclasses.astuple(compare.clades(tree, set(names))), strict=True) if size
    }


# ---- consensus


def test_majority_rule_is_dendropys_on_a_hundred_sets_of_trees():
    clades = 0
    for seed in range(100):
        trees = random_trees(seed)
        theirs = in_dendropy(trees).consensus(min_freq=GREATER_THAN_HALF)
        wanted = {
            frozenset(leaf.taxon.label for leaf in node.leaf_iter()): float(
                node.annotations.get_value("support")
            )
            for node in theirs.preorder_internal_node_iter()
        }
        assert clades_of_consensus(compare.consensus(trees)) == pytest.approx(wanted)
        clades += len(wanted) - 1
    # most sets agree on something besides the root
    assert clades > 100


@few
@given(seed=seeds, threshold=st.sampled_from([0.5, 0.6, 2 / 3, 0.75, 1.0]))
def test_a_consensus_holds_what_counting_finds_each_below_the_smallest_that_holds_it(
    seed: int, threshold: float
):
    trees = random_trees(seed)
    counts = Counter(clade for tree in trees for clade in clades_of(tree))
    shares = {clade: count / len(trees) for clade, count in counts.items()}
    wanted = {clade: share for clade, share in shares.items() if share > 0.5 and share >= threshold - 1e-12}
    found = compare.consensus(trees, threshold=threshold)
    assert clades_of_consensus(found) == wanted
    sets = [frozenset(found.leaves[found.members(clade)]) for clade in range(len(found))]
    assert found.size.tolist() == [len(clade) for clade in sets]
    for clade, parent in zip(sets[:-1], found.parent[:-1].tolist(), strict=True):
        assert sets[parent] == min((other for other in wanted if clade < other), key=len)
    for name, clade in zip(found.leaves, found.leaf_clade.tolist(), strict=True):
        assert sets[clade] == min((other for other in wanted if name in other), key=len)


@few
@given(seed=seeds)
def test_the_age_of_a_clade_is_the_median_over_the_trees_that_have_it(seed: int):
    trees = random_trees(seed)
    found = compare.consensus(trees)
    for clade, age in enumerate(found.age):
        names = frozenset(found.leaves[found.members(clade)])
        ages = [
            max(int(tree.nodes.age[node]) for node, own in enumerate(sets_of(tree)) if own == names)
            for tree in trees
            if names in clades_of(tree)
        ]
        assert age == np.median(ages)


def test_a_tree_agrees_with_itself():
    tree = small_tree()
    found = compare.consensus([tree, tree, tree])
    assert set(clades_of_consensus(found)) == clades_of(tree)
    assert found.support.tolist() == [1.0] * len(found)


def test_branches_of_a_consensus_of_one_tree_are_its_differences_of_log_age():
    tree = small_tree()
    found = compare.consensus([tree, tree])
    shape = found.topology()
    #  {A, B} and {D, E} of age 100, {A, B, C} of 10, all of 1; C is alone
    heights = {"AB": 100, "DE": 100, "ABC": 10, "ABCDE": 1}
    for clade in range(len(found)):
        name = "".join(sorted(found.leaves[found.members(clade)]))
        above = "ABC" if name == "AB" else "ABCDE"
        assert shape.length[clade] == pytest.approx(np.log1p(heights[name]) - np.log1p(heights[above]))
    assert shape.length[len(found) :] == pytest.approx([0, 0, np.log(101 / 11), 0, 0])


def test_branches_have_no_negative_length_where_ages_contradict_each_other():
    for seed in range(20):
        shape = compare.consensus(random_trees(seed)).topology()
        assert (shape.length >= 0).all()


def test_trees_of_different_samples_agree_on_what_they_share():
    whole = random_trees(5)
    names = sorted(whole[0].leaves.name)
    parts = [some_leaves(tree, names[: len(names) - 1 - index % 2]) for index, tree in enumerate(whole)]
    shared = names[: len(names) - 2]
    found = compare.consensus(parts)
    wanted = compare.consensus([some_leaves(tree, shared) for tree in whole])
    assert sorted(found.leaves) == shared
    assert clades_of_consensus(found) == clades_of_consensus(wanted)
    assert found.left_out == tuple(1 - index % 2 for index in range(len(parts)))


def test_trees_as_deep_as_they_come_are_compared_without_recursion():
    tree = chain_tree(20_000)
    found = compare.consensus([tree, tree])
    assert len(found) == 20_000
    assert found.topology().depth.max() == 20_000
    assert compare.robinson_foulds(tree, tree).count == 0
    assert (compare.support(tree, [tree]).nodes.support[20_001:] == 1).all()


# ---- support


@few
@given(seed=seeds)
def test_support_is_the_share_of_others_that_have_the_node(seed: int):
    first, *others = random_trees(seed)
    marked = compare.support(first, others)
    for names, share in zip(sets_of(first), marked.nodes.support, strict=True):
        if len(names) < 2:
            assert np.isnan(share)
        else:
            assert share == np.mean([names in clades_of(other) for other in others])


def test_support_by_trees_of_fewer_samples_is_counted_where_they_can_say_something():
    tree = small_tree()
    without_b = some_leaves(tree, "ACDE")
    only_de = some_leaves(tree, "DE")
    marked = compare.support(tree, [without_b, only_de])
    sets = ["".join(sorted(names)) for names in sets_of(tree)]
    found = dict(zip(sets, marked.nodes.support.tolist(), strict=True))
    # {A, B} is only A for the one and nothing for the other; {D, E} is in both
    assert np.isnan(found["AB"])
    assert np.isnan(found["C"])
    assert (found["DE"], found["ABC"], found["ABCDE"]) == (1.0, 1.0, 1.0)


@few
@given(seed=seeds)
def test_transfer_support_is_how_few_leaves_must_move(seed: int):
    first, *others = random_trees(seed)
    marked = compare.transfer_support(first, others)
    for names, share in zip(sets_of(first), marked.nodes.support, strict=True):
        if len(names) < 2:
            assert np.isnan(share)
            continue
        moved = [
            min(len(names ^ theirs) for theirs in [*sets_of(other), *map(frozenset, zip(names))])
            for other in others
        ]
        assert share == pytest.approx(np.mean([1 - count / (len(names) - 1) for count in moved]))


def test_transfer_support_by_trees_of_fewer_samples_is_that_of_what_they_share():
    first, second = random_trees(11)[:2]
    fewer = some_leaves(second, sorted(second.leaves.name)[1:])
    part = some_leaves(first, fewer.leaves.name)
    found, wanted = compare.transfer_support(first, [fewer]), compare.transfer_support(part, [fewer])
    shares = dict(zip(wanted.nodes.name, wanted.nodes.support, strict=True))
    for name, share in zip(found.nodes.name, found.nodes.support, strict=True):
        np.testing.assert_equal(share, shares.get(name, np.nan))


def test_support_survives_the_store(tmp_path):
    from carving.tree import load_tree

    marked = compare.support(small_tree(), [small_tree()])
    marked.save(tmp_path / "tree.zarr")
    np.testing.assert_array_equal(load_tree(tmp_path / "tree.zarr").nodes.support, marked.nodes.support)


# ---- what is refused


def renamed(tree: Tree, prefix: str) -> Tree:
    names = np.array([f"{prefix}{name}" for name in tree.leaves.name], dtype=object)
    return dataclasses.replace(tree, leaves=dataclasses.replace(tree.leaves, name=names))


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda tree: compare.consensus([tree]), "trees: 1 given; give at least two"),
        (lambda tree: compare.consensus([tree, tree], threshold=0.4), "from 0.5 to 1"),
        (lambda tree: compare.consensus([tree, tree], threshold=float("nan")), "from 0.5 to 1"),
        (lambda tree: compare.consensus([tree, renamed(tree, "x")]), "tree 2: has 0 of the leaves"),
        (lambda tree: compare.support(tree, []), "give at least one"),
        (lambda tree: compare.support(tree, [renamed(tree, "x")]), "trees of the same samples"),
        (lambda tree: compare.coclustering([tree, tree]), "give one of them"),
        (lambda tree: compare.coclustering([tree, tree], age=1, groups=1), "give one of them"),
        (lambda tree: compare.coclustering([tree, tree], groups=0), "at least 1"),
        (lambda tree: compare.consensus([tree, tree]).members(4), "0 to 3"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(work, message: str):
    with pytest.raises(InvalidInput, match=message) as caught:
        work(small_tree())
    assert "\n" not in str(caught.value)


def test_matrices_that_would_not_fit_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch):
    from carving.tree.compare import _levels, _quartets, _support, _triplets

    monkeypatch.setattr(_levels, "MOST_LEAVES", 4)
    for module in (_triplets, _quartets, _support):
        monkeypatch.setattr(module, "MOST_PAIRS", 20)
    tree = small_tree()
    with pytest.raises(InvalidInput, match="prune"):
        compare.coclustering([tree, tree], groups=2)
    for distance in (compare.triplet_distance, compare.quartet_distance):
        with pytest.raises(InvalidInput, match="robinson_foulds"):
            distance(tree, tree)
    with pytest.raises(InvalidInput, match="support"):
        compare.transfer_support(tree, [tree])
    assert np.isnan(compare.distances([tree, tree]).triplets).all()
