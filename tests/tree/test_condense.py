"""One leaf for each state: which, with how many samples and which labels."""

import io
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from matplotlib.text import Text
from scipy.cluster.hierarchy import (
    fcluster,
    is_monotonic,
    is_valid_linkage,
)

from carving.errors import InvalidInput
from carving.export import write_newick
from carving.report import draw_tree
from carving.report._layout import lay_out
from carving.tree import Tree
from tests.tree.reshaping import an_age, groups, grown, of_one_state, trees
from tests.trees import random_tree, small_tree


@given(tree=trees, data=st.data())
def test_leaves_of_a_condensed_tree_are_the_states_with_their_samples(tree: Tree, data: st.DataObject):
    age = an_age(tree, data)
    condensed = tree.condense(age=age)
    counted = Counter(groups(tree, age).values())
    sizes = dict(zip(condensed.leaves.name, condensed.leaves.size.tolist(), strict=True))
    assert sizes == counted
    assert condensed.nodes.size[condensed.root] == len(tree.leaves)
    assert not condensed.leaves.distance.any()


@given(tree=trees, data=st.data(), kind=st.sampled_from(["states", "representatives"]))
def test_condensing_and_partitioning_commute(tree: Tree, data: st.DataObject, kind: str):
    age = an_age(tree, data)
    younger = data.draw(st.integers(int(tree.ages.updates[-1]), age))
    condensed = tree.condense(kind, age)
    found = [name.rstrip("_") for name in condensed.nodes.name[condensed.partition(younger)]]
    # leaves are in the order in which the states are first met
    of_state = dict(zip(groups(tree, age).values(), groups(tree, younger).values(), strict=True))
    assert found == list(of_state.values())


@given(tree=trees)
def test_a_condensed_label_is_the_most_frequent_one(tree: Tree):
    condensed = tree.condense()
    for leaf, node in enumerate(condensed.leaves.node):
        labels = Counter(label for label in tree.labels["kind"][tree.members(node)] if label)
        # max takes the first of equals, and sorted is by name
        expected = max(sorted(labels), key=lambda label: labels[label], default="")
        assert condensed.labels["kind"][leaf] == expected


@given(tree=trees)
def test_the_typical_sample_is_the_nearest(tree: Tree):
    condensed, drawn = tree.condense(), tree.condense("representatives")
    for leaf, node in enumerate(condensed.leaves.node):
        nearest = min(tree.members(node), key=lambda member: tree.leaves.distance[member])
        assert condensed.labels["typical sample"][leaf] == tree.leaves.name[nearest]
        assert drawn.leaves.name[leaf] == tree.leaves.name[nearest]
        assert drawn.leaves.distance[leaf] == tree.leaves.distance[nearest]
        assert drawn.labels["kind"][leaf] == tree.labels["kind"][nearest]
        assert drawn.leaves.node[leaf] == node


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["EUR"] * 97 + ["AFR"] * 3, "EUR 97 % + AFR 3 %"),
        (["b", "a"], "a 50 % + b 50 %"),
        (["a"] * 4 + ["b"] * 3 + ["c"] * 2 + ["d"], "a 40 % + b 30 % + c 20 % + d 10 %"),
        (["a"] * 4 + ["b"] * 2 + ["c"] * 2 + ["d", "e"], "a 40 % + b 20 % + c 20 % + other 20 %"),
        (["a", "", "", ""], "a 25 % + unknown 75 %"),
        (["", ""], ""),
        (["a"] * 999 + ["b"], "a >99 % + b <1 %"),
        (["x < y"], "x < y 100 %"),
    ],
)
def test_compositions_in_words(labels: list[str], words: str):
    assert of_one_state(labels).condense().labels["kind composition"].tolist() == [words]


def test_columns_of_a_condensed_tree():
    tree = replace(small_tree(), labels={**small_tree().labels, "typical sample": list("abcde")})
    condensed = tree.condense()
    assert list(condensed.labels) == [
        "continent",
        "typical sample",
        "continent composition",
        "typical sample composition",
        "typical sample_",
    ]
    assert condensed.labels["continent"].tolist() == ["EUR", "", "AFR"]
    assert condensed.labels["typical sample_"].tolist() == ["A", "C", "D"]
    assert condensed.colors == tree.colors


def test_a_state_keeps_its_name_and_its_node_gets_another():
    tree = random_tree(4, generator=np.random.default_rng(0), states=1, ages=1, names=["a", "b", "t_", "c"])
    name = str(tree.nodes.name[0])
    named = replace(tree, leaves=replace(tree.leaves, name=["a", "b", f"{name}_", "c"])).condense()
    assert named.leaves.name.tolist() == [name]
    assert named.nodes.name.tolist() == [f"{name}_"]


def test_the_state_of_a_condensed_tree_is_found_by_its_name_in_exports():
    target = io.StringIO()
    write_newick(small_tree().condense(), target, branch_length="log-age")
    assert "_" not in target.getvalue()
    assert all(f"t100.{k}" in target.getvalue() for k in range(3))


def test_a_condensed_tree_is_not_condensed_again():
    with pytest.raises(InvalidInput, match="stand for several samples already"):
        small_tree().condense().condense(age=10)


def test_an_unknown_kind_of_leaves_is_refused_with_those_there_are():
    with pytest.raises(InvalidInput, match="choose from states, representatives"):
        small_tree().condense("samples")


@given(tree=trees)
def test_the_linkage_of_a_condensed_tree_is_scipys(tree: Tree):
    condensed = tree.condense()
    assume(len(condensed.leaves) > 1)
    linkage = condensed.to_linkage()
    assert is_valid_linkage(linkage, throw=True)
    assert is_monotonic(linkage)
    assert linkage[-1, 3] == len(condensed.leaves)
    for age in condensed.ages.updates.tolist():
        cut = fcluster(linkage, np.log(condensed.ages.updates[0] / age) + 1e-9, criterion="distance")
        nodes = condensed.partition(age)
        assert len(set(zip(cut, nodes, strict=True))) == len(set(cut)) == len(set(nodes))


def test_ete_has_the_leaves_of_a_condensed_tree():
    assert {leaf.name for leaf in small_tree().condense().to_ete()} == {"t100.0", "t100.1", "t100.2"}


def _words(tree: Tree) -> list[str]:
    """All that is written in the picture of a tree."""
    return [text.get_text() for text in draw_tree(tree).findobj(Text) if isinstance(text, Text)]


def test_a_condensed_tree_is_drawn_as_thick_as_the_whole_one():
    tree = grown(200, 5, added_root=False)
    condensed = tree.condense()
    for name in ("x", "y", "width", "joins", "tips", "shown"):
        np.testing.assert_array_equal(
            getattr(lay_out(condensed, most_pictures=9), name), getattr(lay_out(tree, most_pictures=9), name)
        )
    trunk = condensed.collapse(int(tree.ages.updates[-1]))
    assert "200" in _words(trunk)


def test_a_condensed_tree_is_coloured_by_samples():
    labels = {"kind": np.array(["x", "x", "y", "", ""], dtype=object)}
    condensed = replace(small_tree(), labels=labels, colors={}).condense()
    # one state of two x and one y: by leaves it would be mixed
    words = _words(condensed.collapse(1))
    assert "x" in words
    assert "mixed" not in words


def test_a_condensed_tree_says_how_many_samples_it_has():
    condensed = small_tree().condense()
    assert repr(condensed).startswith("Tree(3 leaves for 5 samples; ")
    assert condensed.summary()["samples"] == 5
