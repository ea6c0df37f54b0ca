"""Distances of trees and their levels: as DendroPy, scikit-learn and looking at every triple find them."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from dendropy.calculate import treecompare
from hypothesis import given
from sklearn.metrics import adjusted_rand_score

from carving.tree import Tree, compare
from tests.tree.related_trees import clades_of, few, in_dendropy, random_trees, seeds, sets_of, some_leaves
from tests.trees import random_tree, small_tree


@few
@given(seed=seeds)
def test_robinson_foulds_is_dendropys(seed: int):
    first, second = random_trees(seed)[:2]
    theirs = in_dendropy([first, second])
    found = compare.robinson_foulds(first, second)
    assert found.count == treecompare.symmetric_difference(*theirs)
    # the clade of all leaves is in both
    assert found.of == len(clades_of(first)) + len(clades_of(second)) - 2
    assert 0 <= found.normalised <= 1


def resolved(sets: list[frozenset[str]], names: Sequence[str]) -> frozenset[str] | None:
    """Which two of three leaves some clade holds without the third."""
    return next((pair for clade in sets if len(pair := clade.intersection(names)) == 2), None)


@few
@given(seed=seeds)
def test_triplet_distance_is_what_looking_at_all_triples_finds(seed: int):
    first, second = random_trees(seed)[:2]
    triples = list(itertools.combinations(first.leaves.name, 3))
    ours, theirs = sets_of(first), sets_of(second)
    different = sum(resolved(ours, triple) != resolved(theirs, triple) for triple in triples)
    found = compare.triplet_distance(first, second)
    assert (found.count, found.of) == (different, len(triples))


@pytest.mark.parametrize("many", [0, 32])
def test_quartet_distance_is_what_looking_at_all_quartets_finds(many: int, monkeypatch: pytest.MonkeyPatch):
    from carving.tree.compare import _quartets

    monkeypatch.setattr(_quartets, "_MANY", many)
    for seed in range(40):
        first, second = random_trees(seed)[:2]
        quartets = list(itertools.combinations(first.leaves.name, 4))
        ours, theirs = sets_of(first), sets_of(second)
        different = sum(split(ours, quartet) != split(theirs, quartet) for quartet in quartets)
        found = compare.quartet_distance(first, second)
        assert (found.count, found.of) == (different, len(quartets))


def split(sets: list[frozenset[str]], names: Sequence[str]) -> frozenset[frozenset[str]] | None:
    """The two pairs of leaves that some clade sets apart."""
    pair = resolved(sets, names)
    return None if pair is None else frozenset([pair, frozenset(names) - pair])


def test_distances_of_large_trees_do_not_overflow():
    leaves = 60_000
    number = np.arange(leaves)
    star, halves, odd = (two_levels(group) for group in (0 * number, 2 * number // leaves, number % 2))
    half, quarter = leaves // 2, leaves // 4
    pairs = math.comb(half, 2)
    # the star says nothing; halves resolve two leaves against one or two
    assert compare.triplet_distance(star, halves).count == 2 * pairs * half
    assert compare.quartet_distance(star, halves).count == pairs**2
    assert compare.quartet_distance(halves, halves).count == 0
    # with a, b of one half and both odd, c, d of the other and both even, they agree; with one leaf in each
    # quarter they say different things
    alike, different = 2 * math.comb(quarter, 2) ** 2, quarter**4
    assert compare.quartet_distance(halves, odd).count == 2 * pairs**2 - 2 * alike - different


def two_levels(group: np.ndarray) -> Tree:
    """A tree in which the leaves of each group are one state and all states meet in the root."""
    groups = int(group.max()) + 1
    tree = random_tree(
        len(group), generator=np.random.default_rng(0), ages=1, states=groups, added_root=groups > 1
    )
    size = np.bincount(group, minlength=groups)
    nodes = dataclasses.replace(tree.nodes, size=[*size, len(group)][: len(tree.nodes)])
    return dataclasses.replace(tree, nodes=nodes, leaves=dataclasses.replace(tree.leaves, node=group))


def test_triplet_distance_of_trees_of_different_samples_is_that_of_what_they_share():
    first, second = random_trees(11)[:2]
    names = sorted(first.leaves.name)
    fewer = some_leaves(second, names[:-1])
    shared = compare.triplet_distance(some_leaves(first, names[:-1]), fewer)
    assert compare.triplet_distance(first, fewer) == shared
    assert compare.robinson_foulds(first, fewer) == compare.robinson_foulds(
        some_leaves(first, names[:-1]), fewer
    )


def test_distances_of_all_pairs_are_those_of_each():
    trees = random_trees(3)
    trees[0] = some_leaves(trees[0], sorted(trees[0].leaves.name)[1:])
    found = compare.distances(trees)
    pairs = list(itertools.combinations(range(len(trees)), 2))
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == pairs
    for row, (i, j) in enumerate(pairs):
        one = compare.robinson_foulds(trees[i], trees[j])
        assert (found.robinson_foulds[row], found.leaves[row]) == (one.count, one.leaves)
        assert found.robinson_foulds_normalised[row] == one.normalised
        assert found.triplets[row] == compare.triplet_distance(trees[i], trees[j]).normalised
        assert np.isnan(found.quartets[row])
    other = compare.distances(trees, triplets=False, quartets=True)
    assert np.isnan(other.triplets).all()
    assert other.quartets.tolist() == [
        compare.quartet_distance(trees[i], trees[j]).normalised for i, j in pairs
    ]


# ---- levels


@few
@given(seed=seeds)
def test_coclustering_is_the_share_of_trees_with_both_in_one_group(seed: int):
    trees = random_trees(seed)
    age = min(int(tree.ages.updates[0]) for tree in trees)
    if age < max(int(tree.ages.updates[-1]) for tree in trees):
        return
    names, share = compare.coclustering(trees, age=age)
    assert share.dtype == np.float32
    groups = [dict(zip(tree.leaves.name, tree.partition(age), strict=True)) for tree in trees]
    wanted = [[np.mean([of[a] == of[b] for of in groups]) for b in names] for a in names]
    np.testing.assert_allclose(share, wanted, atol=1e-6)


def test_the_level_of_a_number_of_groups_is_the_nearest_and_of_two_the_older():
    #  5 samples in 3, 2 and 1 groups
    trees = [small_tree(), small_tree()]
    for groups, age in ((9, 100), (3, 100), (2, 10), (1, 1)):
        by_age = compare.coclustering(trees, age=age)[1]
        np.testing.assert_array_equal(compare.coclustering(trees, groups=groups)[1], by_age)


@few
@given(seed=seeds)
def test_adjusted_rand_index_is_sklearns(seed: int):
    first, second = random_trees(seed)[:2]
    found = compare.adjusted_rand_index(first, second, groups=3)
    levels = [tree.ages.updates[np.abs(tree.ages.groups - 3).argmin()] for tree in (first, second)]
    groups = [
        tree.partition(int(age))[np.argsort(tree.leaves.name)]
        for tree, age in zip((first, second), levels, strict=True)
    ]
    assert found == pytest.approx(adjusted_rand_score(*groups))
