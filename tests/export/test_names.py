"""Which program reads which name: every name by every format and reader, the losses listed.

The table in ``docs/viewers.md`` is this one in words.
"""

import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dendropy
import igraph
import networkx
import numpy as np
import pandas
import pyarrow.parquet
import pytest
from Bio import Phylo
from hypothesis import assume, given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.export import (
    ExportOptions,
    formats,
    write_auspice,
    write_graphml,
    write_leaves_csv,
    write_leaves_parquet,
    write_newick,
    write_nexus,
    write_nhx,
    write_nodes_csv,
    write_nodes_parquet,
    write_phyloxml,
)
from carving.tree import Tree
from tests.trees import small_tree

NAMES = {
    "plain": "HG01565-A.1",
    "a blank": "Homo sapiens",
    "blanks at the ends": " a ",
    "two blanks": "a  b",
    "underscore": "a_b",
    "round brackets": "a(b)",
    "square brackets": "a[b]",
    "a comment": "[&&NHX:x=1]",
    "braces": "{x}",
    "colon": "a:b",
    "semicolon": "a;b",
    "comma": "a,b",
    "equals": "a=b",
    "nothing but a sign": ":",
    "apostrophe": "O'Brien",
    "two apostrophes": "a''b",
    "apostrophe at the ends": "'a'",
    "apostrophe after a backslash": "a\\'b",
    "double quote": 'say "hi"',
    "lone double quote": '5"',
    "both quotes": "5'6\"",
    "backslash": "a\\b",
    "backslash at the end": "a\\",
    "slash and bar": "sp|P1/2",
    "hash": "#1",
    "angle brackets and ampersand": "<a&b>",
    "an entity": "&amp;",
    "end of a section": "]]>",
    "accents": "Ångström",
    "combining accent": "A\u030angstrom",
    "Chinese": "日本",
    "emoji": "🧬",
    "right to left": "שלום",
    "hard blank": "a\u00a0b",
    "line separator": "a\u2028b",
    "tab": "a\tb",
    "line feed": "a\nb",
    "carriage return": "a\rb",
    "control character": "a\x01b",
    "a number": "42",
    "leading zeros": "007",
    "a negative number": "-1.5e3",
    "not a number": "NaN",
    "ete3's own placeholder": "ete3_quotref_1",
}


def _ete(path: Path) -> Iterable[str]:
    import ete3

    tree: Any = ete3.Tree(str(path), format=1, quoted_node_names=True)
    return [vertex.name for vertex in tree.traverse()]


def _biopython(path: Path) -> Iterable[str]:
    tree = Phylo.read(path, "newick")  # pyright: ignore[reportPrivateImportUsage]
    return [clade.name for clade in tree.find_clades()]


def _dendropy(path: Path) -> Iterable[str]:
    tree: Any = dendropy.Tree.get(path=str(path), schema="newick")
    return [node.taxon.label if node.taxon else node.label for node in tree]


def _nexus(path: Path) -> Iterable[str]:
    tree: Any = dendropy.Tree.get(path=str(path), schema="nexus", case_sensitive_taxon_labels=True)
    return [node.taxon.label if node.taxon else node.label for node in tree]


def _phyloxml(path: Path) -> Iterable[str]:
    tree = Phylo.read(path, "phyloxml")  # pyright: ignore[reportPrivateImportUsage]
    return [clade.name for clade in tree.find_clades()]


def _auspice(path: Path) -> Iterable[str]:
    todo = [json.loads(path.read_text(encoding="utf-8"))["tree"]]
    while todo:
        node = todo.pop()
        todo += node.get("children", [])
        yield node["name"]


def _arrow(path: Path) -> Iterable[str]:
    return pyarrow.parquet.read_table(path)["name"].to_pylist()


def _networkx(path: Path) -> Iterable[str]:
    return [data["name"] for _, data in networkx.read_graphml(path).nodes(data=True)]


def _igraph(path: Path) -> Iterable[str]:
    return igraph.Graph.Read_GraphML(str(path)).vs["name"]


def _pandas(path: Path) -> Iterable[str]:
    return pandas.read_csv(path, dtype=str, keep_default_na=False)["name"]


READERS: dict[str, tuple[Callable, Callable[[Path], Iterable[str]]]] = {
    "Newick in Biopython": (write_newick, _biopython),
    "Newick in DendroPy": (write_newick, _dendropy),
    "Newick in ete3": (write_newick, _ete),
    "NHX in ete3": (write_nhx, _ete),
    "NEXUS in DendroPy": (write_nexus, _nexus),
    "phyloXML in Biopython": (write_phyloxml, _phyloxml),
    "Auspice in Python": (write_auspice, _auspice),
    "GraphML in networkx": (write_graphml, _networkx),
    "GraphML in igraph": (write_graphml, _igraph),
    "CSV in pandas": (write_leaves_csv, _pandas),
    "parquet in pyarrow": (write_leaves_parquet, _arrow),
}

# tables of leaves, and those of nodes beside them
TABLES = {write_leaves_csv: write_nodes_csv, write_leaves_parquet: write_nodes_parquet}

# what a format cannot hold is refused
_CONTROL = {"line feed", "carriage return", "control character"}
REFUSED = {
    "Newick in Biopython": _CONTROL,
    "Newick in DendroPy": _CONTROL,
    "Newick in ete3": _CONTROL,
    "NHX in ete3": {*_CONTROL, "both quotes", "backslash at the end"},
    "NEXUS in DendroPy": _CONTROL,
    "phyloXML in Biopython": {*_CONTROL, "blanks at the ends", "two blanks", "tab"},
    "GraphML in networkx": {"control character"},
    "GraphML in igraph": {"control character"},
}
# what a reader makes something else of, against the rule of the format: its own loss
LOST = {
    "Newick in Biopython": {"apostrophe at the ends", "apostrophe after a backslash"},
    # it forgets that the sign was quoted
    "Newick in DendroPy": {"nothing but a sign"},
    "NEXUS in DendroPy": {"nothing but a sign"},
    # to the format these are no white space
    "phyloXML in Biopython": {"hard blank", "line separator"},
    "Newick in ete3": {
        "apostrophe",
        "two apostrophes",
        "apostrophe at the ends",
        "apostrophe after a backslash",
        "both quotes",
        "backslash at the end",
    },
}
# Biopython takes the number of a node for its support; carving's own names of nodes are never numbers
LOST_AS_NODES = {
    "Newick in Biopython": {"a number", "leading zeros", "a negative number", "not a number"},
}


def named(name: str, *, leaf: bool) -> Tree:
    tree = small_tree()
    if leaf:
        names = np.array(["A", name, "C", "D", "E"], dtype=object)
        return dataclasses.replace(tree, leaves=dataclasses.replace(tree.leaves, name=names))
    # the second node has one child and is joined with it
    names = np.array([name, "n1", "n2", "n3", "n4"], dtype=object)
    return dataclasses.replace(tree, nodes=dataclasses.replace(tree.nodes, name=names))


def all_names(tree: Tree) -> list[str]:
    return sorted([*tree.leaves.name, *np.delete(tree.nodes.name, 1)])


def outcome(
    tree: Tree, write: Callable, read: Callable[[Path], Iterable[str]], path: Path, names: list[str]
) -> str:
    try:
        write(tree, path, force=True)
    except InvalidInput:
        return "refused"
    try:
        found = sorted(map(str, read(path)))
    except Exception:
        return "lost"
    return "read" if found == names else "lost"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reader", READERS)
def test_leaf_names_read_back_identical_but_for_the_losses_in_the_table(reader: str, tmp_path: Path):
    write, read = READERS[reader]
    found = {}
    for kind, name in NAMES.items():
        tree = named(name, leaf=True)
        names = sorted(tree.leaves.name) if write in TABLES else all_names(tree)
        found[kind] = outcome(tree, write, read, tmp_path / "file", names)
    assert found == {
        kind: "refused"
        if kind in REFUSED.get(reader, ())
        else "lost"
        if kind in LOST.get(reader, ())
        else "read"
        for kind in NAMES
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reader", READERS)
def test_node_names_read_back_identical_but_for_the_losses_in_the_table(reader: str, tmp_path: Path):
    write, read = READERS[reader]
    write, is_table = TABLES.get(write, write), write in TABLES
    found = {}
    for kind, name in NAMES.items():
        tree = named(name, leaf=False)
        names = sorted(tree.nodes.name) if is_table else all_names(tree)
        found[kind] = outcome(tree, write, read, tmp_path / "file", names)
    lost = LOST.get(reader, set()) | LOST_AS_NODES.get(reader, set())
    assert found == {
        kind: "refused" if kind in REFUSED.get(reader, ()) else "lost" if kind in lost else "read"
        for kind in NAMES
    }


@pytest.mark.parametrize(
    ("write", "kind", "instead"),
    [
        (write_newick, "line feed", "csv"),
        (write_nhx, "both quotes", "newick, graphml or csv"),
        (write_nhx, "backslash at the end", "newick, graphml or csv"),
        (write_graphml, "control character", "csv"),
        (write_nexus, "line feed", "csv"),
        (write_phyloxml, "two blanks", "newick, graphml or csv"),
        (write_phyloxml, "control character", "csv"),
    ],
)
def test_a_refused_name_is_named_with_the_formats_that_can(write, kind: str, instead: str, tmp_path: Path):
    with pytest.raises(InvalidInput) as refused:
        write(named(NAMES[kind], leaf=True), tmp_path / "tree.x")
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / 'tree.x'}: name {NAMES[kind]!r}: ")
    assert message.endswith(f"; export as {instead} instead")


SOMEWHERE_REFUSED = {
    *set().union(*REFUSED.values()),
    *("square brackets", "braces", "equals", "apostrophe", "double quote", "hash"),
}


@pytest.mark.parametrize("kind", sorted(SOMEWHERE_REFUSED))
def test_what_is_refused_can_be_written_in_the_formats_that_are_named(kind: str, tmp_path: Path):
    labelled = dataclasses.replace(
        small_tree(), labels={"c": np.array([NAMES[kind]] * 5, dtype=object)}, colors={}
    )
    for tree in (named(NAMES[kind], leaf=True), labelled):
        for format in formats().values():
            try:
                format.write_into(tree, tmp_path, ExportOptions(force=True))
            except InvalidInput as refused:
                (instead,) = re.findall(r"; export as (.+) instead$", str(refused))
                for name in re.split(", | or ", instead):
                    formats()[name].write_into(tree, tmp_path, ExportOptions(force=True))


texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t ()[]:;,'\"_\\=&<"),
    min_size=1,
    max_size=6,
)


@given(names=st.lists(texts, min_size=5, max_size=5, unique=True))
@pytest.mark.parametrize(("write", "schema"), [(write_newick, "newick"), (write_nexus, "nexus")])
def test_dendropy_reads_any_names_without_control_characters(write, schema: str, names: list[str]):
    assume(not set(names) & set("()[]:;,"))
    tree = dataclasses.replace(small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=names))
    file = io.StringIO()
    write(tree, file)
    # by default its taxa are the same whatever their case
    read = dendropy.Tree.get(data=file.getvalue(), schema=schema, case_sensitive_taxon_labels=True)
    assert [leaf.taxon.label for leaf in read.leaf_node_iter()] == names


@given(names=st.lists(texts, min_size=5, max_size=5, unique=True))
def test_biopython_reads_any_names_that_phyloxml_does_not_refuse(names: list[str]):
    # it takes white space of all alphabets for that of XML
    assume(all(" ".join(name.split()) == name for name in names))
    tree = dataclasses.replace(small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=names))
    file = io.StringIO()
    try:
        write_phyloxml(tree, file)
    except InvalidInput:
        return
    read = Phylo.read(io.StringIO(file.getvalue()), "phyloxml")  # pyright: ignore[reportPrivateImportUsage]
    assert [leaf.name for leaf in read.get_terminals()] == names


@given(names=st.lists(texts, min_size=5, max_size=5, unique=True))
def test_csv_reads_any_names(names: list[str]):
    tree = dataclasses.replace(small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=names))
    file = io.StringIO()
    write_leaves_csv(tree, file)
    assert [row["name"] for row in csv.DictReader(io.StringIO(file.getvalue(), newline=""))] == names


@given(names=st.lists(texts, min_size=5, max_size=5, unique=True))
def test_ete_reads_any_names_that_nhx_does_not_refuse(names: list[str]):
    import ete3

    tree = dataclasses.replace(small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=names))
    file = io.StringIO()
    try:
        write_nhx(tree, file)
    except InvalidInput:
        return
    read = ete3.Tree(file.getvalue(), format=1, quoted_node_names=True)
    assert read.get_leaf_names() == names
