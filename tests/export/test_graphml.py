"""GraphML as networkx and igraph read it."""

import dataclasses
import io
from pathlib import Path

import igraph
import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.export import write_graphml
from carving.tree import Tree
from tests.reference import trees as slow
from tests.trees import chain_tree, random_tree, small_tree

trees = st.builds(
    lambda leaves, seed, added_root: random_tree(
        leaves, generator=np.random.default_rng(seed), added_root=added_root
    ),
    leaves=st.integers(2, 20),
    seed=st.integers(0, 10**6),
    added_root=st.booleans(),
)


def read(tree: Tree, **options) -> networkx.DiGraph:
    file = io.StringIO()
    write_graphml(tree, file, **options)
    return networkx.parse_graphml(file.getvalue())


def edges_of(vertex: slow.Vertex) -> list[tuple]:
    mine = [(vertex.name, child.name, pytest.approx(child.length, abs=1e-12)) for child in vertex.children]
    return mine + [edge for child in vertex.children for edge in edges_of(child)]


@given(
    tree=trees, kind=st.sampled_from(["distance", "log-age", "birth-age", "free-energy"]), keep=st.booleans()
)
def test_networkx_reads_the_edges_and_lengths_of_the_slow_tree(tree: Tree, kind: str, keep: bool):
    graph = read(tree, branch_length=kind, keep_unary=keep)
    name = dict(graph.nodes(data="name"))
    found = [(name[parent], name[child], length) for parent, child, length in graph.edges(data="length")]
    whole = slow.whole(tree, kind)
    expected = edges_of(whole if keep else slow.joined(whole))
    assert sorted(expected, key=lambda edge: edge[1]) == sorted(found, key=lambda edge: edge[1])


def test_networkx_reads_every_attribute_in_its_type():
    vertices = {data["name"]: data for _, data in read(small_tree()).nodes(data=True)}
    assert vertices["t10.0"] == {
        "name": "t10.0",
        "kind": "node",
        "age": 10,
        "size": 3,
        "free_energy": -3.0,
        "error": 1e-8,
        "converged": True,
        "stable": False,
    }
    assert vertices["D"] == {
        "name": "D",
        "kind": "leaf",
        "distance": 0.3,
        "error": 0.0,
        "continent": "AFR",
        "continent_color": "#ff8800",
    }


def test_igraph_reads_the_same_tree(tmp_path: Path):
    write_graphml(small_tree(), tmp_path / "tree.graphml")
    graph = igraph.Graph.Read_GraphML(str(tmp_path / "tree.graphml"))
    edges = {(graph.vs[e.source]["name"], graph.vs[e.target]["name"]): e["length"] for e in graph.es}
    assert edges == {
        (parent, child): length for parent, child, length in edges_of(slow.joined(slow.whole(small_tree())))
    }
    assert graph.is_tree()
    assert graph.vs.find(name="t10.0")["stable"] is False


def test_unknown_labels_and_the_point_of_an_added_root_are_left_out():
    tree = random_tree(
        4, generator=np.random.default_rng(0), states=4, labels={"c": ["x", "", "x", "x"]}, added_root=True
    )
    vertices = {data["name"]: data for _, data in read(tree).nodes(data=True)}
    assert "c" not in vertices["leaf1"]
    assert "free_energy" not in vertices[tree.nodes.name[-1]]


def test_a_label_column_named_like_an_attribute_gets_an_underscore():
    labels = {"name": np.array(["x"] * 5, dtype=object), "id": np.array(["y"] * 5, dtype=object)}
    tree = dataclasses.replace(small_tree(), labels=labels, colors={})
    leaf = next(data for _, data in read(tree).nodes(data=True) if data["name"] == "A")
    assert (leaf["name_"], leaf["id_"]) == ("x", "y")


def test_label_columns_and_labels_are_escaped():
    nasty = "<&>\"'\t]]>"
    tree = dataclasses.replace(small_tree(), labels={nasty: np.array([nasty] * 5, dtype=object)}, colors={})
    assert {data.get(nasty) for _, data in read(tree).nodes(data=True)} == {nasty, None}


def test_ids_are_ones_that_xml_allows_whatever_the_names():
    tree = dataclasses.replace(
        small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=[" ", "B B", "<", "D", "E"])
    )
    assert all(vertex.isalnum() for vertex in read(tree))


def test_a_chain_a_hundred_thousand_deep_is_written(tmp_path: Path):
    write_graphml(chain_tree(100_000), tmp_path / "tree.graphml")
    with open(tmp_path / "tree.graphml") as file:
        assert sum(line.startswith("<edge ") for line in file) == 200_000


def test_igraph_reads_a_deep_chain(tmp_path: Path):
    write_graphml(chain_tree(3_000), tmp_path / "tree.graphml")
    assert igraph.Graph.Read_GraphML(str(tmp_path / "tree.graphml")).is_tree()
