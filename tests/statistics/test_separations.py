"""Separations: pairs of samples counted one by one at every age."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carving.statistics import separations
from tests.statistics.planted import labelled_tree
from tests.trees import chain_tree, small_tree


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    leaves=st.integers(5, 30),
    labels=st.integers(2, 5),
    unknown=st.sampled_from([0.0, 0.3]),
    added=st.booleans(),
)
def test_pairs_part_where_counting_says(seed, leaves, labels, unknown, added):
    tree = labelled_tree(seed, leaves=leaves, labels=labels, unknown=unknown, ages=6, added_root=added)
    column, ages = tree.labels["random"], tree.ages.updates.tolist()
    found = separations(tree, "random")
    assert len(found) == labels * (labels - 1) / 2
    groups = {age: tree.partition(age) for age in ages}

    def share(age: int, first: str, second: str) -> float:
        group = groups[age]
        return float((group[column == first][:, None] == group[column == second][None]).mean())

    rows = zip(found.first, found.second, found.age.tolist(), found.together.tolist(), strict=True)
    for first, second, parted, together in rows:
        assert first < second
        cosines = {
            age: share(age, first, second) / (share(age, first, first) * share(age, second, second)) ** 0.5
            for age in ages
        }
        assert together == pytest.approx(cosines[ages[0]])
        close = [age for age in ages if cosines[age] > 0.5 - 1e-9]
        if not close:
            assert parted == ages[-1]
        elif max(close) == ages[0]:
            assert np.isnan(parted)
        else:
            assert parted == min(age for age in ages if age > max(close))
    later = np.where(np.isnan(found.age), 1e9, found.age)
    assert (np.diff(later) <= 0).all()


def test_the_small_tree_parts_its_labels_at_ten():
    tree = replace(small_tree(), labels={"x": list("aabcc")}, colors={})
    found = separations(tree, "x")
    # C stays with A and B until age 100, D and E are apart from age 10 on
    assert [*zip(found.first, found.second, found.age.tolist(), strict=True)] == [
        ("a", "b", 100),
        ("a", "c", 10),
        ("b", "c", 10),
    ]


def test_labels_that_fall_apart_by_themselves_are_still_together():
    tree = replace(small_tree(), labels={"x": ["a", "b", "", "a", "b"]}, colors={})
    found = separations(tree, "x")
    # at age 100 half of both is in one state, half in another: no more than half of all pairs are in one
    assert found.together.tolist() == pytest.approx([1])
    assert np.isnan(found.age[0])


def test_labels_of_one_state_never_part():
    tree = replace(small_tree(), labels={"x": list("abaab")}, colors={})
    found = separations(replace(tree, labels={"x": list("abccc")}), "x")
    assert (found.first[0], found.second[0], found.together[0]) == ("a", "b", 1)
    assert np.isnan(found.age[0])


def test_two_samples_of_a_chain_part_where_the_second_joins():
    tree = chain_tree(60)
    column = np.array([""] * 61, dtype=object)
    column[[0, 7, 30, 60]] = ["p", "q", "r", "s"]
    found = separations(replace(tree, labels={"x": column}), "x")
    age = {frozenset(pair): age for *pair, age in zip(found.first, found.second, found.age, strict=True)}
    place = {"p": 0, "q": 7, "r": 30, "s": 60}
    for one, other in combinations(place, 2):
        # state k joins the others at the k-th age after the oldest, so at the age before that they are apart
        joined = int(tree.ages.updates[max(place[one], place[other])])
        assert age[frozenset((one, other))] == joined + 1


def test_without_known_labels_there_are_no_pairs():
    assert len(separations(replace(small_tree(), labels={"x": [""] * 5}, colors={}), "x")) == 0
