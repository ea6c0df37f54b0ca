"""phyloXML as Biopython reads it, and by the order of elements that its schema (1.20) has."""

import dataclasses
import io
import re
import xml.etree.ElementTree as ElementTree
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from Bio import Phylo
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.export import write_phyloxml
from carving.export.phyloxml import DEPTH
from carving.tree import Tree
from tests.export.test_newick import expected, kinds, of_biopython, trees
from tests.trees import chain_tree, random_tree, small_tree

# the sequence of a clade's elements in http://www.phyloxml.org/1.20/phyloxml.xsd
SEQUENCE = re.findall(
    r"\w+",
    "name branch_length confidence width color taxonomy sequence events binary_characters distribution date "
    "reference property clade",
)
NAMESPACE = "{http://www.phyloxml.org}"


def text_of(tree: Tree, **options) -> str:
    file = io.StringIO()
    write_phyloxml(tree, file, **options)
    return file.getvalue()


def read(tree: Tree, **options) -> Any:
    text = io.StringIO(text_of(tree, **options))
    return Phylo.read(text, "phyloxml")  # pyright: ignore[reportPrivateImportUsage]


def clades(tree: Tree) -> dict[str, Any]:
    return {clade.name: clade for clade in read(tree).find_clades()}


def supported() -> Tree:
    return small_tree().with_support(np.array([1.0, np.nan, 0.5, 0.25, np.nan]))


@given(tree=trees, kind=kinds, keep=st.booleans())
def test_biopython_reads_the_slow_tree(tree: Tree, kind: str, keep: bool):
    found = read(tree, branch_length=kind, keep_unary=keep)
    assert of_biopython(found.root) == expected(tree, kind, keep_unary=keep)


def test_elements_come_in_the_order_of_the_schema():
    seen = set()
    for clade in ElementTree.fromstring(text_of(supported())).iter(f"{NAMESPACE}clade"):
        places = [SEQUENCE.index(element.tag.removeprefix(NAMESPACE)) for element in clade]
        assert places == sorted(places)
        seen |= {SEQUENCE[place] for place in places}
    assert seen == {"name", "branch_length", "confidence", "color", "property", "clade"}


def test_biopython_reads_columns_as_typed_properties():
    found = clades(supported())
    assert {one.ref: (one.datatype, one.value) for one in found["t10.0"].properties} == {
        "carving:age": ("xsd:long", "10"),
        "carving:size": ("xsd:long", "3"),
        "carving:free_energy": ("xsd:double", "-3.0"),
        "carving:error": ("xsd:double", "1e-08"),
        "carving:converged": ("xsd:boolean", "true"),
        "carving:stable": ("xsd:boolean", "false"),
    }
    assert {one.ref: (one.datatype, one.value) for one in found["D"].properties} == {
        "carving:distance": ("xsd:double", "0.3"),
        "carving:error": ("xsd:double", "0.0"),
        "carving:size": ("xsd:long", "1"),
        "label:continent": ("xsd:string", "AFR"),
    }


def test_biopython_reads_support_as_confidence_where_it_is_known():
    found = clades(supported())
    assert [(one.type, one.value) for one in found["t100.2"].confidences] == [("support", 0.5)]
    assert found["t1.0"].confidences == []


def test_biopython_reads_the_colours():
    found = {name: clade.color.to_hex() for name, clade in clades(small_tree()).items()}
    assert found["A"] == found["t100.0"] == "#0094ff"
    assert found["E"] == "#ff8800"
    assert found["C"] == found["t1.0"] == "#9a9a9a"


def test_without_labels_there_are_no_colours():
    assert "<color>" not in text_of(random_tree(4, generator=np.random.default_rng(0)))


def test_columns_are_escaped_as_in_addresses():
    column = "typical sample\n100 %"
    tree = dataclasses.replace(small_tree(), labels={column: np.array(["x"] * 5, dtype=object)}, colors={})
    (ref,) = [one.ref for one in clades(tree)["A"].properties if one.ref.startswith("label:")]
    assert not any(sign.isspace() for sign in ref)
    assert unquote(ref) == f"label:{column}"


@pytest.mark.parametrize("name", [" a", "a ", "a  b", "a\tb", "a\nb"])
def test_names_that_the_schema_would_change_are_refused_with_the_formats_that_can(name: str):
    names = np.array([name, "B", "C", "D", "E"], dtype=object)
    tree = dataclasses.replace(small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=names))
    instead = "graphml or csv" if name == "a\nb" else "newick, graphml or csv"
    with pytest.raises(InvalidInput, match=f"; export as {instead} instead"):
        text_of(tree)


def test_biopython_reads_a_tree_as_deep_as_is_written():
    assert len(read(chain_tree(DEPTH)).get_terminals()) == DEPTH + 1
    with pytest.raises(InvalidInput, match="depth 801: .*export as newick, graphml or csv instead"):
        text_of(chain_tree(DEPTH + 1))
