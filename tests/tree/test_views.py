"""The tree in networkx, ete3 and scipy, judged by those programs."""

import dataclasses
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet, fcluster, is_monotonic, is_valid_linkage
from scipy.spatial.distance import squareform

from carving.errors import InvalidInput, MissingDependency
from carving.tree import Tree
from carving.tree.topology import branch_lengths
from tests.reference import trees as slow
from tests.trees import chain_tree, random_tree, small_tree

trees = st.builds(
    lambda leaves, seed, added_root: random_tree(
        leaves, generator=np.random.default_rng(seed), added_root=added_root
    ),
    leaves=st.integers(2, 16),
    seed=st.integers(0, 10**6),
    added_root=st.booleans(),
)


@given(tree=trees)
def test_linkage_is_valid_for_scipy(tree: Tree):
    linkage = tree.to_linkage()
    assert is_valid_linkage(linkage, throw=True)
    assert is_monotonic(linkage)


@given(tree=trees)
def test_scipy_finds_every_pair_merging_at_the_log_age_of_their_common_node(tree: Tree):
    leaves = range(len(tree.leaves))
    expected = [[slow.merge_height(tree, i, j) if i != j else 0.0 for j in leaves] for i in leaves]
    np.testing.assert_allclose(squareform(cophenet(tree.to_linkage())), expected, rtol=0, atol=1e-12)


@given(tree=trees, data=st.data())
def test_scipy_cuts_the_linkage_into_the_partition_of_that_age(tree: Tree, data: st.DataObject):
    age = int(data.draw(st.sampled_from(tree.ages.updates.tolist())))
    height = np.log(tree.ages.updates[0] / age) + 1e-9
    cut = fcluster(tree.to_linkage(), height, criterion="distance")
    nodes = tree.partition(age)
    assert len({(a, b) for a, b in zip(cut, nodes, strict=True)}) == len(set(cut)) == len(set(nodes))


def test_added_root_merges_at_a_finite_height():
    tree = random_tree(8, generator=np.random.default_rng(1), added_root=True)
    youngest = tree.ages.updates[-1]
    assert tree.to_linkage()[-1, 2] == pytest.approx(np.log(tree.ages.updates[0] / (youngest / 2)))


def test_linkage_of_one_leaf_is_refused():
    with pytest.raises(InvalidInput, match="two observations"):
        random_tree(1, generator=np.random.default_rng(0)).to_linkage()


@given(tree=trees)
def test_networkx_sees_a_tree_of_nodes_and_leaves_with_our_edges(tree: Tree):
    import networkx

    graph = tree.to_networkx()
    assert networkx.is_arborescence(graph)
    parents = {child: parent for parent, child in graph.edges}
    for index, name in enumerate(tree.leaves.name):
        assert parents[name] == tree.nodes.name[tree.leaves.node[index]]
    for index, name in enumerate(tree.nodes.name[:-1]):
        assert parents[name] == tree.nodes.name[tree.nodes.parent[index]]


def test_networkx_attributes_have_the_types_of_python():
    vertex = small_tree().to_networkx().nodes["t10.0"]
    assert {key: type(value) for key, value in vertex.items()} == {
        "kind": str,
        "age": int,
        "size": int,
        "free_energy": float,
        "error": float,
        "converged": bool,
        "stable": bool,
    }


def test_support_and_sizes_of_leaves_are_in_networkx_and_ete_once_they_are_known():
    support = np.array([1.0, np.nan, 0.5, 0.25, np.nan])
    graph, ete = small_tree().with_support(support).to_networkx(), small_tree().with_support(support).to_ete()
    vertex: Any = ete & "t10.0"
    assert (graph.nodes["t10.0"]["support"], vertex.support) == (0.25, 0.25)
    leaf: Any = ete & "A"
    assert (graph.nodes["A"]["size"], leaf.size) == (1, 1)
    assert "support" not in small_tree().to_networkx().nodes["t10.0"]


def _of_ete(vertex) -> tuple:
    return (vertex.name, pytest.approx(vertex.dist, abs=1e-12), [_of_ete(child) for child in vertex.children])


def _of_slow(vertex: slow.Vertex) -> tuple:
    return (vertex.name, vertex.length, [_of_slow(child) for child in vertex.children])


@given(
    tree=trees, kind=st.sampled_from(["distance", "log-age", "birth-age", "free-energy"]), keep=st.booleans()
)
def test_ete_tree_has_the_vertices_and_lengths_of_the_slow_one(tree: Tree, kind: str, keep: bool):
    expected = slow.whole(tree, kind) if keep else slow.joined(slow.whole(tree, kind))
    assert _of_slow(expected) == _of_ete(tree.to_ete(branch_length=kind, keep_unary=keep))


@given(tree=trees)
def test_lengths_in_ages_of_birth_are_never_negative(tree: Tree):
    length = branch_lengths(tree, "birth-age")
    assert (length >= 0).all()
    # without births they are those in ages
    unknown = np.full(len(tree.nodes), np.nan)
    plain = tree.with_births(unknown, unknown)
    np.testing.assert_array_equal(branch_lengths(plain, "birth-age"), branch_lengths(tree, "log-age"))


def test_ete_tree_has_columns_and_labels_as_features():
    vertex: Any = small_tree().to_ete()
    assert (vertex.age, vertex.size, vertex.stable) == (1, 5, True)
    assert (vertex & "D").labels == {"continent": "AFR"}


def test_ete_tree_of_a_deep_chain_needs_no_recursion():
    assert len(chain_tree(5_000).to_ete()) == 5_001


def test_without_ete_the_extra_that_has_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ete3", None)
    with pytest.raises(MissingDependency, match=r"^ete3: .*pip install 'carving\[ete\]'$"):
        small_tree().to_ete()


def test_importing_ete_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small_tree().to_ete()


def test_spins_have_the_distances_of_their_converted_twin():
    tree = small_tree()
    twin = dataclasses.replace(
        tree, visible_unit="spin", nodes=dataclasses.replace(tree.nodes, visible=2 * tree.nodes.visible - 1)
    )
    assert _of_ete(twin.to_ete()) == _of_slow(slow.joined(slow.whole(tree)))
