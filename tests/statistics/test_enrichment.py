"""Enrichment: hypergeometric tails summed in fractions, and the step-up procedure as it was published."""

from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.statistics import enrichment
from tests.statistics.planted import labelled_tree, members_by_partition, shuffled, with_planted
from tests.trees import random_tree, small_tree


def tail(count: int, samples: int, label: int, node: int) -> float:
    ways = sum(
        comb(label, both) * comb(samples - label, node - both) for both in range(count, min(label, node) + 1)
    )
    return float(Fraction(ways, comb(samples, node)))


def step_up(p_values: list[float]) -> list[float]:
    """For each the smallest p_(k) m / k over the k-th smallest that are no smaller than it."""
    ranked = sorted(p_values)
    ratios = [p * len(ranked) / (rank + 1) for rank, p in enumerate(ranked)]
    return [min(ratio for p, ratio in zip(ranked, ratios, strict=True) if p >= mine) for mine in p_values]


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    leaves=st.integers(4, 40),
    labels=st.integers(2, 4),
    unknown=st.sampled_from([0.0, 0.3]),
    added=st.booleans(),
)
def test_rows_are_those_of_sums_by_hand(seed, leaves, labels, unknown, added):
    tree = labelled_tree(seed, leaves=leaves, labels=labels, unknown=unknown, ages=4, added_root=added)
    column = tree.labels["random"]
    known = {leaf for leaf in range(leaves) if column[leaf]}
    expected = {}
    for node, members in enumerate(members_by_partition(tree)):
        inside = members & known
        if inside and inside != known:
            for label in sorted({*column} - {""}):
                of_label = {leaf for leaf in known if column[leaf] == label}
                count = len(inside & of_label)
                p = tail(count, len(known), len(of_label), len(inside))
                expected[node, label] = (count, len(inside) * len(of_label) / len(known), p)
    found = enrichment(tree, "random")
    assert found.tests == len(expected)
    corrected = dict(zip(expected, step_up([p for _, _, p in expected.values()]), strict=True))
    assert len(found) == sum(count > 0 for count, _, _ in expected.values())
    for row, key in enumerate(zip(found.node.tolist(), found.label.tolist(), strict=True)):
        count, mean, p = expected[key]
        assert found.count[row] == count
        assert found.expected[row] == pytest.approx(mean)
        assert found.fold[row] == pytest.approx(count / mean)
        assert found.p_value[row] == pytest.approx(p, rel=1e-9)
        assert found.q_value[row] == pytest.approx(corrected[key], rel=1e-6)
    assert (np.diff(found.p_value) >= 0).all()


def test_planted_groups_are_found_and_shuffled_ones_are_not():
    tree = random_tree(300, generator=np.random.default_rng(5), ages=8, states=40)
    level = int(np.flatnonzero((tree.ages.groups > 3) & (tree.ages.groups < 20))[0])
    tree = with_planted(tree, int(tree.ages.updates[level]))
    found = enrichment(tree, "planted")
    for group in {*tree.partition(int(tree.ages.updates[level])).tolist()}:
        row = (found.node == group) & (found.label == f"group {group}")
        if tree.nodes.size[group] >= 10:
            assert found.q_value[row].item() < 1e-3
    assert [
        (enrichment(shuffled(tree, "planted", seed), "planted").q_value <= 0.01).sum() for seed in range(5)
    ] == [0] * 5


def test_a_node_that_holds_everything_tests_nothing():
    tree = replace(small_tree(), labels={"x": list("abaab")}, colors={})
    assert tree.root not in enrichment(tree, "x").node
    alone = random_tree(4, generator=np.random.default_rng(0), ages=1, states=1)
    found = enrichment(replace(alone, labels={"x": list("abab")}), "x")
    assert (found.tests, len(found)) == (0, 0)


def test_leaves_that_stand_for_several_samples_are_refused():
    tree = small_tree()
    leaves = replace(tree.leaves, size=np.array([5, 1, 1, 2, 1]))
    tree = replace(tree, leaves=leaves, nodes=replace(tree.nodes, size=np.array([6, 1, 3, 7, 10])))
    with pytest.raises(InvalidInput, match="not condensed"):
        enrichment(tree, "continent")
