"""Auspice datasets as a strict JSON reader gets them, by the rules of the schema of version 2.

augur's own validation, and Auspice itself in a browser, are in test_viewers_auspice.py.
"""

import dataclasses
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.export import ExportOptions, formats, write_auspice
from carving.export.auspice import DEPTH, MOST_LABELS
from carving.tree import Tree
from tests.export.test_newick import kinds, trees
from tests.export.test_walk import down
from tests.reference import trees as slow
from tests.trees import chain_tree, random_tree, small_tree


def no_constant(value: str) -> None:
    raise AssertionError(f"{value} is no JSON")


def read(tree: Tree, **options) -> dict[str, Any]:
    file = io.StringIO()
    write_auspice(tree, file, **options)
    return json.loads(file.getvalue(), parse_constant=no_constant)


def vertices(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(one for child in node.get("children", []) for one in vertices(child))]


def attributes(tree: Tree) -> dict[str, dict[str, Any]]:
    found = {node["name"]: dict(node["node_attrs"]) for node in vertices(read(tree)["tree"])}
    for attrs in found.values():
        attrs.pop("div")
    return {name: {key: value["value"] for key, value in attrs.items()} for name, attrs in found.items()}


@given(tree=trees, kind=kinds, keep=st.booleans())
def test_json_holds_the_slow_tree_with_lengths_from_the_root(tree: Tree, kind: str, keep: bool):
    def shape(node: dict[str, Any], depth: int = 0) -> list[tuple]:
        below = [shape(child, depth + 1) for child in node.get("children", [])]
        length = pytest.approx(node["node_attrs"]["div"], abs=1e-12)
        return [(node["name"], depth, length), *(one for some in below for one in some)]

    found = read(tree, branch_length=kind, keep_unary=keep)["tree"]
    whole = slow.whole(tree, kind)
    assert shape(found) == down(whole if keep else slow.joined(whole))


def test_the_axis_is_log_age_unless_it_is_chosen(tmp_path):
    by_default, chosen = tmp_path / "a.json", tmp_path / "b.json"
    formats()["auspice"].write(small_tree(), by_default, ExportOptions())
    formats()["auspice"].write(small_tree(), chosen, ExportOptions(branch_length="distance"))
    ends = [
        max(node["node_attrs"]["div"] for node in vertices(json.loads(path.read_text())["tree"]))
        for path in (by_default, chosen)
    ]
    assert ends[0] == pytest.approx(np.log(101 / 2))
    assert ends[1] == pytest.approx(0.3535533905932737 + 0.5535533905932737)


def test_nodes_and_leaves_have_their_columns_and_labels():
    found = attributes(small_tree().with_support(np.array([1.0, np.nan, 0.5, 0.25, np.nan])))
    assert found["t10.0"] == {
        "log_age": pytest.approx(np.log10(11)),
        "age": 10,
        "size": 3,
        "free_energy": -3.0,
        "error": 1e-8,
        "converged": True,
        "stable": False,
        "support": 0.25,
        # both of its samples whose label is known
        "continent": "EUR",
    }
    assert found["D"] == {"distance": 0.3, "error": 0.0, "size": 1, "continent": "AFR"}
    assert "continent" not in found["C"]
    assert "continent" not in found["t1.0"]


def test_every_colouring_and_filter_is_on_some_vertex_and_has_a_type():
    meta = read(small_tree())["meta"]
    keys = {key for attrs in attributes(small_tree()).values() for key in attrs}
    colorings = {one["key"]: one for one in meta["colorings"]}
    assert colorings.keys() <= keys
    assert {one["type"] for one in colorings.values()} == {"categorical", "continuous", "boolean"}
    assert meta["filters"] == ["continent"]
    assert colorings["continent"]["scale"] == [["AFR", "#ff8800"], ["EUR", "#0094ff"]]
    assert meta["display_defaults"] == {"color_by": "continent", "distance_measure": "div", "layout": "rect"}


def test_meta_has_what_the_schema_asks_for_and_nothing_that_differs_between_two_runs():
    dataset = read(small_tree())
    assert set(dataset) == {"version", "meta", "tree"}
    assert dataset["version"] == "v2"
    assert re.fullmatch("[0-9X]{4}-[0-9X]{2}-[0-9X]{2}", dataset["meta"]["updated"])
    assert dataset["meta"]["panels"] == ["tree"]
    assert dataset == read(small_tree())


def test_two_hundred_labels_have_two_hundred_colours():
    labels = [f"group {index}" for index in range(200)]
    tree = random_tree(200, generator=np.random.default_rng(0), states=9, labels={"group": labels})
    (coloring,) = [one for one in read(tree)["meta"]["colorings"] if one["key"] == "group"]
    assert [label for label, _ in coloring["scale"]] == sorted(labels)
    assert len({color for _, color in coloring["scale"]}) == 200
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for _, color in coloring["scale"])


def test_a_column_of_very_many_labels_is_shown_but_colours_nothing():
    labels = [f"sample {index}" for index in range(MOST_LABELS + 1)]
    tree = random_tree(len(labels), generator=np.random.default_rng(0), states=3, labels={"typical": labels})
    meta = read(tree)["meta"]
    assert "typical" not in {one["key"] for one in meta["colorings"]}
    assert meta["filters"] == []
    assert meta["display_defaults"]["color_by"] == "log_age"
    assert attributes(tree)["leaf0"]["typical"] == "sample 0"


def test_a_label_column_named_like_something_of_auspices_gets_an_underscore():
    labels = {name: np.array(["x"] * 5, dtype=object) for name in ("div", "none", "size", "log_age")}
    tree = dataclasses.replace(small_tree(), labels=labels, colors={})
    assert attributes(tree)["A"].keys() >= {"div_", "none_", "size_", "log_age_"}
    assert {one["title"] for one in read(tree)["meta"]["colorings"]} >= set(labels)


def test_an_added_root_has_no_free_energy():
    tree = random_tree(6, generator=np.random.default_rng(0), states=6, added_root=True)
    assert "free_energy" not in attributes(tree)[tree.nodes.name[-1]]


names = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=5, max_size=5, unique=True
)


@given(names=names)
def test_any_names_and_labels_read_back(names: list[str]):
    column = np.array(names, dtype=object)
    leaves = dataclasses.replace(small_tree().leaves, name=column)
    tree = dataclasses.replace(small_tree(), leaves=leaves, labels={names[0]: column}, colors={})
    found = [node for node in vertices(read(tree)["tree"]) if "children" not in node]
    assert [node["name"] for node in found] == names
    (key,) = read(tree)["meta"]["filters"]
    assert [node["node_attrs"][key]["value"] for node in found] == names
    assert [one["title"] for one in read(tree)["meta"]["colorings"] if one["key"] == key] == [names[0]]


def test_json_reads_a_tree_as_deep_as_is_written():
    node, depth = read(chain_tree(DEPTH))["tree"], 0
    while "children" in node:
        node, depth = node["children"][0], depth + 1
    assert depth == DEPTH
    with pytest.raises(InvalidInput, match="depth 401: .*export as newick, graphml or csv instead"):
        read(chain_tree(DEPTH + 1))
