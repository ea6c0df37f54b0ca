"""Every format with the trees that break programs: written whole and read back equal, or refused by name."""

import csv
import dataclasses
import json
import re
from collections.abc import Callable
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import dendropy
import networkx
import numpy as np
import pytest
from Bio import Phylo

from carving.errors import InvalidInput
from carving.export import ExportOptions, formats
from carving.tree import Tree
from tests.export.viewers.itol_grammar import strips
from tests.export.viewers.reading import Reading, assert_same, expected, known_labels, walked
from tests.trees import chain_tree, random_tree, small_tree

# ---- the trees


def _tree(leaves: int = 12, **options: Any) -> Tree:
    return random_tree(leaves, generator=np.random.default_rng(leaves), **options)


def _no_labels() -> Tree:
    return _tree()


def _labels_partly_empty() -> Tree:
    return _tree(labels={"one": ["a", "", ""] * 4, "none": [""] * 12, "two": ["", "b"] * 6})


def _200_categories() -> Tree:
    return _tree(400, states=30, labels={"group": [f"group {index % 200}" for index in range(400)]})


def _300_characters() -> Tree:
    names = [f"{index:02d}{'x' * 298}" for index in range(11)] + [f"z{' long' * 60}"]
    return _tree(names=names, labels={"c" * 300: ["l" * 300, "m" * 300, ""] * 4, "short": ["a"] * 12})


def _right_to_left() -> Tree:
    names = ["שלום", "עולם", "אבג (1)", "سلام", "مرحبا بالعالم", "ابجد", "דג-1", "دار_1", "א", "ב", "ج", "د"]
    return _tree(names=names, labels={"יבשת": ["אפריקה", "آسيا", ""] * 4})


def _html() -> Tree:
    names = [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "</td></tr>",
        "<!--",
        "-->",
        "]]>",
    ]
    names += ["&lt;b&gt;", "&amp;", "</script><script>", "javascript:alert(1)", "<a href='#'>", "${x}`{{y}}"]
    labels = ["<b>bold</b>", "</script>", "&nbsp;", ""] * 3
    return _tree(names=names, labels={"<i>column</i>": labels})


def _single_leaf() -> Tree:
    return _tree(1, ages=1, labels={"group": ["a"]}, colors={"group": {"a": "#123456"}})


def _single_leaf_at_many_ages() -> Tree:
    return _tree(1, ages=5)


def _words_that_mean_something_else() -> Tree:
    words = ["NaN", "NA", "null", "None", "true", "0", "007", "1e5", "-", "inf", "TRUE", "#N"]
    # iTOL takes a line that starts with # for a comment
    return _tree(names=[*words[:-1], "N#"], labels={"group": ["NaN", "NA", "null", "None", "true", "0"] * 2})


def _one_group_less() -> Tree:
    return _tree(added_root=True, states=6, labels={"group": ["a", "b"] * 6})


def _weighed_and_supported() -> Tree:
    tree = _tree(labels={"group": ["a", "b", ""] * 4})
    size = np.arange(1, 13)
    total = np.bincount(tree.leaves.node, weights=size, minlength=len(tree.nodes)).astype(np.int64)
    for child, parent in enumerate(tree.nodes.parent[:-1].tolist()):
        total[parent] += total[child]
    nodes = dataclasses.replace(tree.nodes, size=total)
    tree = dataclasses.replace(tree, nodes=nodes, leaves=dataclasses.replace(tree.leaves, size=size))
    return tree.with_support(np.where(np.arange(len(total)) % 2, 0.75, np.nan))


EDGES: dict[str, Callable[[], Tree]] = {
    "drawn": small_tree,
    "no labels": _no_labels,
    "labels partly empty": _labels_partly_empty,
    "200 categories": _200_categories,
    "300 characters": _300_characters,
    "right to left": _right_to_left,
    "HTML": _html,
    "single leaf": _single_leaf,
    "single leaf at many ages": _single_leaf_at_many_ages,
    "words that mean something else": _words_that_mean_something_else,
    "added root": _one_group_less,
    "weighed and supported": _weighed_and_supported,
}
# what a format cannot hold: refused, each with the formats that can
REFUSED = {("HTML", "nhx")}
DEEP_REFUSED = {"auspice", "phyloxml"}

# ---- the readers: programs that others wrote


def _newick(path: Path) -> Reading:
    tree: Any = dendropy.Tree.get(path=str(path), schema="newick", case_sensitive_taxon_labels=True)
    return _of_dendropy(tree)


def _of_dendropy(tree: Any) -> Reading:
    return walked(
        tree.seed_node,
        lambda node: node.child_nodes(),
        lambda node: node.taxon.label if node.taxon else node.label,
        lambda node: node.edge.length,
    )


def _ete(path: Path) -> tuple[Any, Reading]:
    import ete3

    tree: Any = ete3.Tree(str(path), format=1, quoted_node_names=True)
    return tree, walked(tree, lambda node: node.children, lambda node: node.name, lambda node: node.dist)


def _nhx(path: Path) -> Reading:
    tree, reading = _ete(path)
    own = {"name", "dist", "support", "distance", "error", "size"}
    leaves = tree.get_leaves()
    columns = {feature for leaf in leaves for feature in leaf.features} - own
    reading.labels = _known({c: {leaf.name: getattr(leaf, c, "") for leaf in leaves} for c in columns})
    return reading


# FigTree's own (jebl.evolution.io.NexusImporter)
_PAIR = re.compile(r'("[^"]*"+|[^,=\s]+)\s*(=\s*(\{[^=}]*\}|"[^"]*"+|[^,]+))?')


def _nexus(path: Path) -> Reading:
    tree: Any = dendropy.Tree.get(
        path=str(path), schema="nexus", case_sensitive_taxon_labels=True, extract_comment_metadata=False
    )
    reading = _of_dendropy(tree)
    labels: dict[str, dict[str, str]] = {}
    for leaf in tree.leaf_node_iter():
        (comment,) = leaf.comments
        for key, _, value in _PAIR.findall(comment.removeprefix("&")):
            if value.startswith('"'):
                labels.setdefault(key.strip('"'), {})[leaf.taxon.label] = value.strip('"')
    reading.labels = labels
    return reading


def _phyloxml(path: Path) -> Reading:
    tree: Any = Phylo.read(path, "phyloxml")  # pyright: ignore[reportPrivateImportUsage]
    reading = walked(
        tree.root, lambda clade: clade.clades, lambda clade: clade.name, lambda clade: clade.branch_length
    )
    labels: dict[str, dict[str, str]] = {}
    for leaf in tree.get_terminals():
        for one in leaf.properties:
            if one.ref.startswith("label:"):
                # white space in a column's name is escaped
                labels.setdefault(unquote(one.ref.removeprefix("label:")), {})[leaf.name] = one.value
    reading.labels = labels
    return reading


def _graphml(path: Path) -> Reading:
    graph = networkx.read_graphml(path)
    reading = Reading()
    (root,) = [vertex for vertex, degree in graph.in_degree() if not degree]
    reading.add(graph.nodes[root]["name"], None, 0.0)
    for parent, child, length in graph.edges(data="length"):
        reading.add(graph.nodes[child]["name"], graph.nodes[parent]["name"], length)
    own = {"name", "kind", "distance", "error", "size", "x", "y"}
    leaves = [data for _, data in graph.nodes(data=True) if data["kind"] == "leaf"]
    columns = {key for data in leaves for key in data if not key.endswith("_color")} - own
    reading.labels = _known({c: {data["name"]: data.get(c, "") for data in leaves} for c in columns})
    return reading


def _auspice(path: Path) -> Reading:
    dataset = json.loads(path.read_text(encoding="utf-8"))
    keys = {one["key"]: one["title"] for one in dataset["meta"]["colorings"] if one["type"] == "categorical"}
    reading = walked(
        dataset["tree"],
        lambda node: node.get("children", []),
        lambda node: node["name"],
        lambda node: node["node_attrs"]["div"],
    )
    from_root = dict(reading.length)
    reading.length = {
        name: from_root[name] - from_root.get(str(reading.parent[name]), 0.0) for name in from_root
    }
    labels: dict[str, dict[str, str]] = {}
    todo = [dataset["tree"]]
    while todo:
        node = todo.pop()
        todo += node.get("children", [])
        if "children" not in node:
            for key in keys.keys() & node["node_attrs"].keys():
                labels.setdefault(keys[key], {})[node["name"]] = node["node_attrs"][key]["value"]
    reading.labels = labels
    return reading


def _microreact(path: Path) -> Reading:
    reading = _newick(path / "tree.nwk")
    with open(path / "metadata.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [key for key in rows[0] if key not in ("id", "size") and not key.endswith("__colour")]
    reading.labels = _known({c: {row["id"]: row[c] for row in rows} for c in columns})
    for column in columns:
        # Microreact's rule for colours: #rrggbb, and a label has one
        for row in rows:
            assert re.fullmatch("#[0-9a-f]{6}" if row[column] else "", row[f"{column}__colour"])
    return reading


def _table(nodes: list[dict[str, Any]], leaves: list[dict[str, Any]]) -> Reading:
    reading = Reading()
    for row in nodes:
        reading.add(row["name"], row["parent"] or None, float(row["distance"] or 0))
    for row in leaves:
        reading.add(row["name"], row["node"], float(row["distance"]))
    own = {"name", "node", "distance", "error", "size"}
    columns = [key for key in leaves[0] if key not in own and not key.endswith("_color")]
    reading.labels = _known({c: {row["name"]: row[c] or "" for row in leaves} for c in columns})
    return reading


def _csv(path: Path) -> Reading:
    tables = []
    for name in ("nodes", "leaves"):
        with open(path / f"{name}.csv", encoding="utf-8", newline="") as file:
            tables.append(list(csv.DictReader(file)))
    return _table(*tables)


def _parquet(path: Path) -> Reading:
    arrow = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install pyarrow")
    return _table(*(arrow.read_table(path / f"{name}.parquet").to_pylist() for name in ("nodes", "leaves")))


def _itol(path: Path) -> Reading:
    return Reading(labels=_known(strips(path)))


def _known(columns: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    known = {c: {name: label for name, label in of.items() if label} for c, of in columns.items()}
    return {column: labels for column, labels in known.items() if labels}


READERS: dict[str, Callable[[Path], Reading]] = {
    "newick": _newick,
    "nhx": _nhx,
    "nexus": _nexus,
    "phyloxml": _phyloxml,
    "graphml": _graphml,
    "auspice": _auspice,
    "microreact": _microreact,
    "csv": _csv,
    "parquet": _parquet,
    "itol": _itol,
}
FLAT = {"csv", "parquet"}


def wanted(format: str, tree: Tree, *, deep: bool = False) -> Reading:
    if format == "itol":
        return Reading(labels=known_labels(tree))
    kind = "log-age" if format == "auspice" else "distance"
    reading = expected(tree, kind, keep_unary=format in FLAT, deep=deep)
    return dataclasses.replace(reading, labels=None) if format == "newick" else reading


def assert_refused_by_name(error: InvalidInput, tree: Tree, folder: Path) -> None:
    """One line that says why, and at least one format that can: it does."""
    message = str(error)
    assert "\n" not in message
    assert list(folder.iterdir()) == []
    instead = re.search(r"; export as (.+) instead$", message)
    assert instead, message
    for name in re.split(r", | or ", instead.group(1)):
        formats()[name].write_into(tree, folder, ExportOptions(force=True))


def test_every_format_has_a_reader():
    assert READERS.keys() == formats().keys()


# it knows an older rule for properties than that of phyloXML 1.20, and reads them all the same
@pytest.mark.filterwarnings("ignore::Bio.Phylo.PhyloXML.PhyloXMLWarning")
@pytest.mark.parametrize("format", sorted(formats()))
@pytest.mark.parametrize("edge", EDGES)
def test_an_edge_tree_is_read_back_equal_or_refused_by_name(edge: str, format: str, tmp_path: Path):
    tree = EDGES[edge]()
    if (edge, format) in REFUSED:
        with pytest.raises(InvalidInput) as refused:
            formats()[format].write_into(tree, tmp_path, ExportOptions())
        assert_refused_by_name(refused.value, tree, tmp_path)
        return
    formats()[format].write_into(tree, tmp_path, ExportOptions())
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert_same(READERS[format](tmp_path / formats()[format].target), wanted(format, tree))


# ---- a chain that is 100,000 nodes deep


@cache
def _chain() -> Tree:
    return chain_tree(100_000)


def _without_recursion(path: Path) -> Reading:
    _, reading = _ete(path)
    return reading


def _nexus_without_recursion(path: Path) -> Reading:
    text = path.read_text(encoding="utf-8")
    newick = text[text.index("[&R] ") + 5 : text.index("\nend;", text.index("[&R] "))]
    tree: Any = Phylo.read(StringIO(newick), "newick")  # pyright: ignore[reportPrivateImportUsage]
    return walked(
        tree.root, lambda clade: clade.clades, lambda clade: clade.name, lambda clade: clade.branch_length
    )


# the other readers recurse, and end near a thousand
DEEP_READERS: dict[str, Callable[[Path], Reading]] = {
    **READERS,
    "newick": _without_recursion,
    "nhx": _without_recursion,
    "nexus": _nexus_without_recursion,
    "microreact": lambda path: _without_recursion(path / "tree.nwk"),
}


@pytest.mark.parametrize("format", sorted(DEEP_REFUSED))
def test_a_chain_too_deep_for_the_readers_of_a_format_is_refused_by_name(format: str, tmp_path: Path):
    with pytest.raises(InvalidInput, match="tree of depth 100000: .* ends near depth") as refused:
        formats()[format].write_into(_chain(), tmp_path, ExportOptions())
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith("; export as newick, graphml or csv instead")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("format", sorted(formats().keys() - DEEP_REFUSED))
def test_a_chain_a_hundred_thousand_deep_is_read_back_equal(format: str, tmp_path: Path):
    formats()[format].write_into(_chain(), tmp_path, ExportOptions())
    found = DEEP_READERS[format](tmp_path / formats()[format].target)
    assert_same(found, wanted(format, _chain(), deep=True))
