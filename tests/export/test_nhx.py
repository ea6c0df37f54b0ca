"""NHX as ete3 reads it."""

import dataclasses
import io
from typing import Any

import ete3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.export import write_nhx
from carving.export.nhx import RESERVED
from carving.tree import Tree
from tests.reference import trees as slow
from tests.trees import random_tree, small_tree


def read(tree: Tree, **options) -> Any:
    file = io.StringIO()
    write_nhx(tree, file, **options)
    return ete3.Tree(file.getvalue(), format=1, quoted_node_names=True)


def labelled(**labels: str) -> Tree:
    columns = {name: np.array([label] * 5, dtype=object) for name, label in labels.items()}
    return dataclasses.replace(small_tree(), labels=columns, colors={})


def of_ete(vertex) -> tuple:
    return (vertex.name, vertex.dist if vertex.up else 0.0, [of_ete(child) for child in vertex.children])


def of_slow(vertex: slow.Vertex) -> tuple:
    return (
        vertex.name,
        pytest.approx(vertex.length, abs=1e-12),
        [of_slow(child) for child in vertex.children],
    )


@given(leaves=st.integers(2, 15), seed=st.integers(0, 10**6), keep=st.booleans())
def test_ete_reads_the_slow_tree(leaves: int, seed: int, keep: bool):
    tree = random_tree(leaves, generator=np.random.default_rng(seed), labels={"c": ["x"] * leaves})
    expected = slow.whole(tree) if keep else slow.joined(slow.whole(tree))
    assert of_ete(read(tree, keep_unary=keep)) == of_slow(expected)


def test_ete_reads_node_columns_as_features():
    vertex = read(small_tree()) & "t10.0"
    features = {
        name: getattr(vertex, name) for name in ("age", "size", "free_energy", "error", "converged", "stable")
    }
    assert features == {
        "age": "10",
        "size": "3",
        "free_energy": "-3.0",
        "error": "1e-08",
        "converged": "true",
        "stable": "false",
    }


def test_ete_reads_support_as_its_own_and_sizes_of_leaves():
    found = read(small_tree().with_support(np.array([1.0, np.nan, 0.5, 0.25, np.nan])))
    assert ((found & "t10.0").support, (found & "A").size) == (0.25, "1")


def test_numbers_that_are_not_known_are_left_out():
    tree = random_tree(6, generator=np.random.default_rng(0), states=6, added_root=True)
    assert not hasattr(read(tree), "free_energy")


def test_ete_reads_labels_and_unknown_ones_as_empty():
    read_back = read(small_tree())
    assert [(read_back & name).continent for name in "ABCDE"] == ["EUR", "EUR", "", "AFR", "AFR"]


def test_labels_keep_their_blanks_and_signs():
    assert (read(labelled(note=" a b_c {x} \\ 日本 ")) & "A").note == " a b_c {x} \\ 日本 "


@pytest.mark.parametrize("sign", [*"()[],:;='\"", "\n", "\t"])
def test_labels_that_nhx_cannot_hold_are_refused_with_the_formats_that_can(sign: str):
    with pytest.raises(InvalidInput, match="label of column 'note'.*export as graphml or csv instead"):
        read(labelled(note=f"a{sign}b"))


def test_label_columns_that_nhx_cannot_hold_are_refused():
    with pytest.raises(InvalidInput, match="label column 'a:b'"):
        read(labelled(**{"a:b": "x"}))


def test_no_name_that_ete_nodes_have_is_free_for_a_label_column():
    # 3.1.3, the last release of ete3, has these
    assert {name for name in dir(ete3.TreeNode()) if not name.startswith("__")} <= RESERVED


def test_a_label_column_named_like_something_of_etes_gets_an_underscore():
    leaf = read(labelled(children="x", name="y", distance="z")) & "A"
    assert (leaf.children_, leaf.name_, leaf.distance_, leaf.is_leaf()) == ("x", "y", "z", True)
