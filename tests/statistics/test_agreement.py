"""Agreement: scores of scikit-learn, p-values of all shuffles that there are, and what chance does."""

from dataclasses import replace
from importlib import import_module
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.metrics.cluster import expected_mutual_information

from carving.errors import InvalidInput
from carving.statistics import agreement, best_levels
from carving.statistics._information import expected_information
from carving.tree import Tree
from tests.statistics.planted import labelled_tree, shuffled, with_planted
from tests.trees import chain_tree, random_tree, small_tree


def scores_of_scikit_learn(tree: Tree, labels: np.ndarray) -> np.ndarray:
    known = labels != ""
    scores = []
    for age in tree.ages.updates.tolist():
        groups = tree.partition(age)[known]
        # one sample in every group and of every label: no shuffle changes that, which scikit-learn calls 1
        alike = len({*groups}) == len({*labels[known]}) == known.sum()
        scores.append(0 if alike else adjusted_mutual_info_score(labels[known], groups))
    return np.array(scores)


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    leaves=st.integers(6, 60),
    ages=st.integers(1, 7),
    labels=st.integers(2, 5),
    unknown=st.sampled_from([0.0, 0.3]),
    added=st.booleans(),
)
def test_scores_are_those_of_scikit_learn(seed, leaves, ages, labels, unknown, added):
    tree = labelled_tree(seed, leaves=leaves, labels=labels, unknown=unknown, ages=ages, added_root=added)
    found = agreement(tree, "random", permutations=1, generator=np.random.default_rng(0))
    assert found.age.tolist() == tree.ages.updates.tolist()
    assert found.groups.tolist() == tree.ages.groups.tolist()
    assert found.samples == (tree.labels["random"] != "").sum()
    expected = scores_of_scikit_learn(tree, tree.labels["random"])
    assert found.score == pytest.approx(expected, abs=1e-9)
    assert found.best == np.argmax(found.score)
    assert found.score[found.best] == pytest.approx(expected.max(), abs=1e-9)


@given(
    sizes=st.lists(st.integers(1, 400), min_size=2, max_size=6),
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=6),
)
def test_expected_information_is_that_of_scikit_learn(sizes, cuts):
    labels = np.array(sizes)
    samples = int(labels.sum())
    edges = np.unique(np.clip([0, *cuts, samples], 0, samples))
    groups = np.diff(edges)
    # which table has these sums does not matter
    table = np.zeros((len(groups), len(labels)), dtype=np.int64)
    np.add.at(
        table,
        (np.repeat(np.arange(len(groups)), groups), np.repeat(np.arange(len(labels)), labels)),
        1,
    )
    theirs = expected_mutual_information(table, samples)
    assert expected_information(groups, labels).sum() / samples == pytest.approx(theirs, rel=1e-9, abs=1e-12)


def test_p_values_are_the_shares_of_all_shuffles():
    tree = random_tree(6, generator=np.random.default_rng(32), ages=4, states=5)
    labels = np.array(list("aaaabb"), dtype=object)
    tree = replace(tree, labels={"letters": labels})
    every = np.array([scores_of_scikit_learn(tree, np.array(each)) for each in {*permutations(labels)}])
    mine = scores_of_scikit_learn(tree, labels)
    assert len(np.unique(mine.round(9))) > 2
    exact = (every >= mine - 1e-9).mean(0)
    exact_best = (every.max(1) >= mine.max() - 1e-9).mean()
    shuffles = 20_000
    found = agreement(tree, "letters", permutations=shuffles, generator=np.random.default_rng(0))
    margin = 4 * np.sqrt(exact * (1 - exact) / shuffles) + 1 / shuffles
    assert (np.abs(found.p_value - exact) <= margin).all()
    assert found.best_p_value == pytest.approx(exact_best, abs=4 * 0.5 / shuffles**0.5)
    # looking at several ages makes a high score more likely
    assert found.best_p_value > found.p_value[found.best]


def test_few_shuffles_at_a_time_find_the_same(monkeypatch):
    tree = labelled_tree(1, leaves=50, labels=3)
    whole = agreement(tree, "random", permutations=2000, generator=np.random.default_rng(3))
    monkeypatch.setattr(import_module("carving.statistics.agreement"), "_ENTRIES", 3000)
    parts = agreement(tree, "random", permutations=2000, generator=np.random.default_rng(3))
    assert parts.p_value == pytest.approx(whole.p_value, abs=0.05)
    assert parts.best_p_value == pytest.approx(whole.best_p_value, abs=0.05)


def test_p_values_of_labels_at_random_are_uniform():
    found = [
        agreement(
            labelled_tree(seed, leaves=60, labels=3, ages=6, states=20),
            "random",
            permutations=99,
            generator=np.random.default_rng(seed),
        )
        for seed in range(200)
    ]
    oldest = np.array([each.p_value[0] for each in found])
    assert kstest(oldest, "uniform").pvalue > 0.01
    corrected = np.array([each.best_p_value for each in found])
    # where every age is worse than chance, one group for all is the best one, and p = 1
    for level in (0.05, 0.1, 0.2, 0.4):
        assert (corrected <= level).mean() == pytest.approx(level, abs=3 * (level * (1 - level) / 200) ** 0.5)
    # without the correction the best age looks too good
    assert (np.array([each.p_value[each.best] for each in found]) <= 0.05).mean() > 0.1


def test_the_planted_level_is_the_best_one_and_beyond_chance():
    tree = random_tree(300, generator=np.random.default_rng(5), ages=8, states=40)
    level = int(np.flatnonzero((tree.ages.groups > 3) & (tree.ages.groups < 20))[0])
    tree = with_planted(tree, int(tree.ages.updates[level]))
    tree = replace(tree, labels={**tree.labels, "noise": shuffled(tree, "planted", 1).labels["planted"]})
    found = best_levels(tree, generator=np.random.default_rng(0))
    assert [*found] == ["planted", "noise"]
    assert found["planted"].groups[found["planted"].best] == tree.ages.groups[level]
    assert found["planted"].best_p_value == 0.001
    assert found["noise"].best_p_value > 0.05
    assert abs(found["noise"].score).max() < 0.05


def test_a_deep_chain_is_scored_at_every_age():
    tree = chain_tree(400)
    column = np.array([f"third {3 * leaf // 401}" for leaf in range(401)], dtype=object)
    tree = replace(tree, labels={"third": column})
    found = agreement(tree, "third", permutations=19, generator=np.random.default_rng(0))
    some = [0, 100, 200, 399, 400]
    expected = [
        adjusted_mutual_info_score(column, tree.partition(int(tree.ages.updates[index]))) for index in some
    ]
    assert found.score[some] == pytest.approx(expected, abs=1e-9)


def test_samples_that_are_all_different_agree_with_nothing():
    tree = chain_tree(5)
    tree = replace(tree, labels={"name": tree.leaves.name})
    found = agreement(tree, "name", permutations=9, generator=np.random.default_rng(0))
    assert found.score == pytest.approx(np.zeros(6), abs=1e-9)
    assert found.best_p_value == 1


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"column": ["a", "a", "a", "", ""]}, "column has 1 known labels"),
        ({"column": ["", "", "", "", ""]}, "column has 0 known labels"),
        ({}, "--labels CSV"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_left_out_of_all(labels, words):
    tree = replace(small_tree(), labels=labels, colors={})
    with pytest.raises(InvalidInput, match=words):
        agreement(tree, "column", generator=np.random.default_rng(0))
    assert best_levels(tree, generator=np.random.default_rng(0)) == {}


def test_leaves_that_stand_for_several_samples_are_not_compared():
    tree = small_tree()
    leaves = replace(tree.leaves, size=np.array([5, 1, 1, 2, 1]))
    tree = replace(tree, leaves=leaves, nodes=replace(tree.nodes, size=np.array([6, 1, 3, 7, 10])))
    with pytest.raises(InvalidInput, match="not condensed"):
        agreement(tree, "continent", generator=np.random.default_rng(0))
    assert best_levels(tree, generator=np.random.default_rng(0)) == {}


def test_no_shuffle_is_refused():
    with pytest.raises(InvalidInput, match="permutations: 0"):
        agreement(small_tree(), "continent", permutations=0, generator=np.random.default_rng(0))
