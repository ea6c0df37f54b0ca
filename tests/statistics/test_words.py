"""The paragraph: its numbers are those of counting, and where there is nothing it says so."""

import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from carving.errors import InvalidInput
from carving.statistics import best_levels, in_words
from carving.statistics._known import MOST_LABELS
from carving.tree import Tree
from tests.statistics.planted import labelled_tree, shuffled, with_planted
from tests.trees import random_tree, small_tree

NOTHING = "do not agree with the labels of {} better than shuffled labels do"


def planted_tree() -> Tree:
    tree = random_tree(300, generator=np.random.default_rng(5), ages=8, states=40)
    level = int(np.flatnonzero((tree.ages.groups > 3) & (tree.ages.groups < 20))[0])
    return with_planted(tree, int(tree.ages.updates[level]))


def words_of(tree: Tree, seed: int = 0) -> str:
    return in_words(tree, best_levels(tree, generator=np.random.default_rng(seed)))


def test_a_planted_level_is_told_with_its_numbers():
    tree = planted_tree()
    words = words_of(tree)
    ages, column = tree.ages.updates.tolist(), tree.labels["planted"]
    scores = [adjusted_mutual_info_score(column, tree.partition(age)) for age in ages]
    best = int(np.argmax(scores))
    assert words.startswith(
        f"300 samples fall into {tree.ages.groups[0]} states at age {ages[0]:,}, the oldest of 8"
    )
    assert f"best at age {ages[best]:,} ({tree.ages.groups[best]} groups)" in words
    assert f"information {scores[best]:.3f}; of 999 shuffles of the labels none agrees" in words
    assert words.endswith(".")
    assert "\n" not in words


def test_the_deepest_split_is_told_with_its_numbers():
    tree = planted_tree()
    words = words_of(tree)
    age = int(tree.nodes.age[tree.root])
    older = int(tree.ages.updates[tree.ages.updates > age].min())
    sides, counts = np.unique(tree.partition(older), return_counts=True)
    assert f"one group up to age {age:,}, {len(sides)} groups from age {older:,} on, by planted: " in words
    for size in counts:
        assert f"{size:,} sample" in words
    # every label is on the side that has most of it
    column = tree.labels["planted"]
    told = dict(re.findall(r"(group \d+): (\d+ of \d+)", words))
    assert told
    for label, numbers in told.items():
        most, total = map(int, numbers.split(" of "))
        of_label = column == label
        assert total == of_label.sum()
        assert most == np.unique(tree.partition(older)[of_label], return_counts=True)[1].max()


def test_with_the_labels_shuffled_there_is_nothing_and_it_is_said():
    tree, found = planted_tree(), 0
    for seed in range(40):
        chance = shuffled(tree, "planted", seed)
        words = words_of(chance, seed)
        if NOTHING.format("planted") in words:
            # no word of which label is where, or parts when
            assert not re.search(r"group \d+", words)
            assert "by planted" not in words
            best = r"but of 999 shuffles of the labels (\d+) agree as well at some age, p = "
            assert re.search(best, words) or words.endswith("adjusted mutual information above 0.")
        else:
            found += 1
    # of p-values of at most 0.01 there are 0.4 of 40 on average, and more than 2 in one of 130 cases
    assert found <= 2


def test_the_number_of_shuffles_is_that_of_the_p_value():
    tree = labelled_tree(3, leaves=60, labels=3, ages=5, states=15)
    found = best_levels(tree, permutations=99, generator=np.random.default_rng(0))
    words = in_words(tree, found)
    (number,) = re.findall(r"of 99 shuffles of the labels (\d+) agree", words)
    assert (1 + int(number)) / 100 == pytest.approx(found["random"].best_p_value)


def test_what_parts_last_is_told():
    tree = replace(small_tree(), labels={"x": list("aabcc")}, colors={})
    found = best_levels(tree, generator=np.random.default_rng(0))
    assert "still together" not in in_words(tree, found)
    # five samples are too few for any test; were they not:
    found["x"] = replace(found["x"], best_p_value=0.01)
    words = in_words(tree, found)
    assert "Of these labels a and b part last, at age 100." in words
    assert (
        "one group up to age 1, 2 groups from age 10 on, by x: 3 samples (a: 2 of 2 and b: 1 of 1) and "
        "2 samples (c: 2 of 2)." in words
    )
    together = replace(tree, labels={"x": list("abccc")})
    found = best_levels(together, generator=np.random.default_rng(0))
    found["x"] = replace(found["x"], best_p_value=0.01)
    assert "Of these labels a and b are still together at age 100." in in_words(together, found)


def test_sites_are_told_by_their_names():
    assert "The two differ most at 0, 1 (sites are counted from 0)." in in_words(small_tree())
    assert "The two differ most at rs9, rs1." in in_words(small_tree(), site_names=["rs9", "rs1"])


def test_a_tree_without_labels_has_its_states_and_its_split():
    words = in_words(replace(small_tree(), labels={}, colors={}))
    assert words == (
        "5 samples fall into 3 states at age 100, the oldest of 3, and into 1 at age 1, the youngest. "
        "The deepest split: one group up to age 1, 2 groups from age 10 on: 3 samples and 2 samples. "
        "The two differ most at 0, 1 (sites are counted from 0)."
    )


def test_one_state_and_one_sample_are_sentences():
    one_state = random_tree(4, generator=np.random.default_rng(0), ages=3, states=1)
    words = in_words(one_state)
    age = int(one_state.ages.updates[0])
    fallen = f"4 samples fall into 1 state at age {age} and at all 2 younger ages"
    assert words == f"{fallen}: there is nothing to tell apart."
    alone = random_tree(1, generator=np.random.default_rng(0), ages=1)
    age = int(alone.ages.updates[0])
    assert in_words(alone) == f"1 sample falls into 1 state at age {age}, the only age that was looked at."


def test_groups_that_never_join_are_said_to_be_apart_from_the_beginning():
    tree = random_tree(12, generator=np.random.default_rng(2), added_root=True, states=6)
    groups = int(tree.ages.groups[-1])
    assert f"Already at the youngest age, {tree.ages.updates[-1]}, they are {groups} groups: " in in_words(
        tree
    )


def test_columns_that_cannot_be_compared_are_said_to_be_such():
    tree = labelled_tree(0, leaves=MOST_LABELS + 1, labels=2, states=10)
    tree = replace(
        tree, labels={"same": np.array(["a"] * len(tree.leaves), dtype=object), "name": tree.leaves.name}
    )
    words = words_of(tree)
    assert "The column same has 1 known label, so there is nothing to compare." in words
    assert "The column name has 1,001 different labels, too many to compare." in words
    assert "same" not in in_words(tree, columns=["name"])
    with pytest.raises(InvalidInput, match="'other' is no label column"):
        in_words(tree, columns=["other"])


def test_of_leaves_that_stand_for_several_samples_it_is_said_that_they_are_not_compared():
    tree = small_tree()
    leaves = replace(tree.leaves, size=np.array([5, 1, 1, 2, 1]))
    tree = replace(tree, leaves=leaves, nodes=replace(tree.nodes, size=np.array([6, 1, 3, 7, 10])))
    words = words_of(tree)
    assert words.startswith("10 samples fall into 3 states")
    assert "7 samples and 3 samples" in words
    assert "not compared with chance" in words
    assert "of continent" not in words
