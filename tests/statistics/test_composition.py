"""Composition: every node's labels, counted one by one."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.statistics import composition
from carving.statistics._known import MOST_LABELS
from tests.statistics.planted import labelled_tree, members_by_partition
from tests.trees import chain_tree, small_tree


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    leaves=st.integers(3, 40),
    ages=st.integers(1, 8),
    unknown=st.sampled_from([0.0, 0.3, 1.0]),
    added=st.booleans(),
)
def test_counts_are_those_of_counting(seed, leaves, ages, unknown, added):
    tree = labelled_tree(seed, leaves=leaves, labels=3, unknown=unknown, ages=ages, added_root=added)
    found = composition(tree, "random")
    assert found.labels == ["label 0", "label 1", "label 2"]
    for node, members in enumerate(members_by_partition(tree)):
        counts = Counter(tree.labels["random"][leaf] for leaf in members)
        assert dict(zip(found.labels, found.counts[node].tolist(), strict=True)) == {
            label: counts[label] for label in found.labels
        }
        assert found.unknown[node] == counts[""]
        known = sum(counts[label] for label in found.labels)
        if known:
            label, share = found.majority(node)
            assert counts[label] == max(counts[each] for each in found.labels)
            assert share == counts[label] / known == found.purity[node]
        else:
            assert found.majority(node)[0] == ""
            assert np.isnan(found.purity[node])


def test_a_leaf_that_stands_for_several_counts_as_many():
    tree = small_tree()
    leaves = replace(tree.leaves, size=np.array([5, 1, 1, 2, 1]))
    sizes = np.array([6, 1, 3, 7, 10])
    found = composition(replace(tree, leaves=leaves, nodes=replace(tree.nodes, size=sizes)), "continent")
    assert found.labels == ["AFR", "EUR"]
    assert found.counts.tolist() == [[0, 6], [0, 0], [3, 0], [0, 6], [3, 6]]
    assert found.unknown.tolist() == [0, 1, 0, 1, 1]
    assert found.counts.dtype == np.int64
    assert found.majority(4) == ("EUR", 6 / 9)


def test_a_deep_chain_is_no_recursion():
    tree = chain_tree(5000)
    column = np.array(["even", "odd"] * 2500 + ["even"], dtype=object)
    counts = composition(replace(tree, labels={"parity": column}), "parity").counts
    assert counts[-1].tolist() == [2501, 2500]
    # the first group holds the first two states
    assert counts[5001].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("labels", "column", "words"),
    [
        ({}, "continent", "--labels CSV"),
        ({"other": ["a"] * 5}, "continent", "choose from other"),
    ],
)
def test_a_column_that_is_not_there_is_refused(labels, column, words):
    tree = replace(small_tree(), labels=labels, colors={})
    with pytest.raises(InvalidInput, match=words):
        composition(tree, column)


def test_names_of_samples_are_no_labels():
    tree = labelled_tree(0, leaves=MOST_LABELS + 1, labels=2)
    tree = replace(tree, labels={"name": tree.leaves.name})
    with pytest.raises(InvalidInput, match="name has 1,001 different labels"):
        composition(tree, "name")


def test_without_known_labels_everything_is_unknown():
    found = composition(replace(small_tree(), labels={"x": [""] * 5}, colors={}), "x")
    assert (found.labels, found.counts.shape) == ([], (5, 0))
    assert found.unknown.tolist() == [2, 1, 2, 3, 5]
    assert np.isnan(found.purity).all()
