"""GraphML as networkx and igraph read it."""

import dataclasses
import io
import re
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
    tree = small_tree().with_support(np.array([1.0, np.nan, 0.5, 0.25, np.nan]))
    vertices = {data["name"]: data for _, data in read(tree).nodes(data=True)}
    for data in vertices.values():
        assert (type(data.pop("x")), type(data.pop("y"))) == (float, float)
    assert "support" not in vertices["t1.0"]
    assert vertices["t10.0"] == {
        "name": "t10.0",
        "kind": "node",
        "age": 10,
        "size": 3,
        "free_energy": -3.0,
        "error": 1e-8,
        "converged": True,
        "stable": False,
        "support": 0.25,
    }
    assert vertices["D"] == {
        "name": "D",
        "kind": "leaf",
        "distance": 0.3,
        "error": 0.0,
        "size": 1,
        "continent": "AFR",
        "continent_color": "#ff8800",
    }


def test_gephi_takes_names_for_labels_and_places_for_places_and_nothing_for_something_else():
    file = io.StringIO()
    write_graphml(small_tree(), file)
    # the associations of Gephi's ImporterGraphML: the id of a key goes before its title
    properties = {"label": "label", "d3": "label", "xpos": "x", "ypos": "y"}
    properties |= {name: name for name in ("x", "y", "z", "size", "r", "g", "b")}
    keys = re.findall(r'<key id="(\w+)" for="node" attr.name="(\w+)"', file.getvalue())
    taken = {title: properties.get(key, properties.get(title)) for key, title in keys}
    assert {title: prop for title, prop in taken.items() if prop} == {
        "name": "label",
        "x": "x",
        "y": "y",
        "size": "size",
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


@given(tree=trees)
def test_places_are_lengths_from_the_root_and_the_order_of_leaves(tree: Tree):
    graph = read(tree)
    data = {vertex["name"]: vertex for _, vertex in graph.nodes(data=True)}
    (root,) = [vertex for vertex, degree in graph.in_degree() if not degree]
    far = networkx.single_source_dijkstra_path_length(graph, root, weight="length")
    across = np.array([far[vertex] for vertex in graph])
    x, y = np.array([(vertex["x"], vertex["y"]) for vertex in data.values()]).T
    if across.any():
        # in proportion
        np.testing.assert_allclose(x * across.max(), across * x.max(), atol=1e-9 * x.max())
    # a leaf below the other, and as wide as high
    leaves = [leaf.name for leaf in newick_leaves(slow.whole(tree))]
    assert [data[name]["y"] for name in leaves] == [-10 * place for place in range(len(leaves))]
    assert x.max() == pytest.approx(-y.min() or 10)


def newick_leaves(vertex: slow.Vertex) -> list[slow.Vertex]:
    return [leaf for child in vertex.children for leaf in newick_leaves(child)] or [vertex]


def test_where_no_branch_has_a_length_the_number_of_branches_is_its_place():
    tree = random_tree(1, generator=np.random.default_rng(0), names=["A"], ages=1)
    places = {data["name"]: data["x"] for _, data in read(tree, branch_length="log-age").nodes(data=True)}
    assert places == {"A": 10.0, tree.nodes.name[0]: 0.0}


def test_unknown_labels_and_the_point_of_an_added_root_are_left_out():
    tree = random_tree(
        4, generator=np.random.default_rng(0), states=4, labels={"c": ["x", "", "x", "x"]}, added_root=True
    )
    vertices = {data["name"]: data for _, data in read(tree).nodes(data=True)}
    assert "c" not in vertices["leaf1"]
    assert "free_energy" not in vertices[tree.nodes.name[-1]]


def test_a_label_column_named_like_an_attribute_gets_an_underscore():
    taken = ("name", "id", "x", "y", "size", "support", "length")
    labels = {name: np.array([f"its {name}"] * 5, dtype=object) for name in taken}
    tree = dataclasses.replace(small_tree(), labels=labels, colors={})
    leaf = next(data for _, data in read(tree).nodes(data=True) if data["name"] == "A")
    assert [leaf[f"{name}_"] for name in taken] == [f"its {name}" for name in taken]


def test_label_columns_and_labels_are_escaped():
    nasty = "<&>\"'\t]]>"
    tree = dataclasses.replace(small_tree(), labels={nasty: np.array([nasty] * 5, dtype=object)}, colors={})
    assert {data.get(nasty) for _, data in read(tree).nodes(data=True)} == {nasty, None}


def test_ids_are_ones_that_xml_allows_whatever_the_names():
    tree = dataclasses.replace(
        small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=[" ", "B B", "<", "D", "E"])
    )
    assert all(vertex.isalnum() for vertex in read(tree))


@pytest.mark.slow
def test_a_chain_a_hundred_thousand_deep_is_written(tmp_path: Path):
    write_graphml(chain_tree(100_000), tmp_path / "tree.graphml")
    with open(tmp_path / "tree.graphml") as file:
        assert sum(line.startswith("<edge ") for line in file) == 200_000


def test_igraph_reads_a_deep_chain(tmp_path: Path):
    write_graphml(chain_tree(3_000), tmp_path / "tree.graphml")
    assert igraph.Graph.Read_GraphML(str(tmp_path / "tree.graphml")).is_tree()
