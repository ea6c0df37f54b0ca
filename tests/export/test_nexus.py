"""NEXUS as DendroPy and Biopython read it; FigTree itself is in test_viewers_figtree.py."""

import dataclasses
import io
from typing import Any

import dendropy
import numpy as np
import pytest
from Bio import Phylo
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.export import write_nexus
from carving.tree import Tree
from tests.export.test_newick import expected, kinds, of_dendropy, of_slow, trees
from tests.reference import trees as slow
from tests.trees import random_tree, small_tree


def nexus(tree: Tree, **options) -> str:
    file = io.StringIO()
    write_nexus(tree, file, **options)
    return file.getvalue()


def read(tree: Tree, **options) -> Any:
    return dendropy.Tree.get(data=nexus(tree, **options), schema="nexus", case_sensitive_taxon_labels=True)


def noted(vertex: Any) -> dict[str, Any]:
    return {note.name: note.value for note in vertex.annotations}


def labelled(**labels: str) -> Tree:
    columns = {name: np.array([label] * 5, dtype=object) for name, label in labels.items()}
    return dataclasses.replace(small_tree(), labels=columns, colors={})


@given(tree=trees, kind=kinds, keep=st.booleans())
def test_dendropy_reads_the_slow_tree(tree: Tree, kind: str, keep: bool):
    found = read(tree, branch_length=kind, keep_unary=keep)
    assert of_dendropy(found.seed_node) == expected(tree, kind, keep_unary=keep)


@given(tree=trees)
def test_biopython_reads_the_slow_tree(tree: Tree):
    def of_biopython(clade) -> tuple:
        # its NEXUS reader takes the name of an inner node for its support where there is a comment as well
        name = clade.name if clade.is_terminal() else clade.confidence
        return (name, clade.branch_length or 0.0, [of_biopython(child) for child in clade.clades])

    found = Phylo.read(io.StringIO(nexus(tree)), "nexus")  # pyright: ignore[reportPrivateImportUsage]
    below = [of_biopython(child) for child in found.root.clades]
    assert below == of_slow(slow.joined(slow.whole(tree)))[2]


def test_biopython_leaves_quotes_on_the_names_that_need_them():
    names = ["A b", "B", "C_", "O'Brien", "E"]
    tree = dataclasses.replace(small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=names))
    found = Phylo.read(io.StringIO(nexus(tree)), "nexus")  # pyright: ignore[reportPrivateImportUsage]
    assert [leaf.name for leaf in found.get_terminals()] == ["'A b'", "B", "'C_'", "'O''Brien'", "E"]


def test_names_that_are_numbers_are_names_and_no_numbers_of_taxa():
    names = np.array(["5", "4", "3", "2", "1"], dtype=object)
    tree = dataclasses.replace(small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=names))
    assert [leaf.taxon.label for leaf in read(tree).leaf_node_iter()] == ["5", "4", "3", "2", "1"]


def test_nodes_and_leaves_are_annotated_with_their_columns():
    support = np.array([1.0, np.nan, 0.5, 0.25, np.nan])
    found = read(small_tree().with_support(support))
    assert noted(found.find_node_with_label("t10.0")) == {
        "age": "10",
        "size": "3",
        "free_energy": "-3.0",
        "error": "1e-08",
        "converged": True,
        "stable": False,
        "support": "0.25",
        "!color": "#0094ff",
    }
    assert noted(found.find_node_with_taxon_label("D")) == {
        "distance": "0.3",
        "error": "0.0",
        "size": "1",
        "continent": "AFR",
        "!color": "#ff8800",
    }
    assert "support" not in noted(found.seed_node)


def test_tips_have_the_colours_of_their_labels():
    found = {taxon.label: noted(taxon) for taxon in read(small_tree()).taxon_namespace}
    colors = {"A": "#0094ff", "B": "#0094ff", "C": "#9a9a9a", "D": "#ff8800", "E": "#ff8800"}
    assert found == {name: {"!color": color} for name, color in colors.items()}


def test_the_column_that_gives_the_colours_can_be_chosen():
    tree = dataclasses.replace(
        small_tree(),
        labels={**small_tree().labels, "other": np.array(list("vvvww"), dtype=object)},
        colors={"other": {"v": "#111111", "w": "#222222"}},
    )
    found = {taxon.label: noted(taxon)["!color"] for taxon in read(tree, color_by="other").taxon_namespace}
    assert found == {"A": "#111111", "B": "#111111", "C": "#111111", "D": "#222222", "E": "#222222"}


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(InvalidInput, match="label column 'country': unknown; choose from continent"):
        nexus(small_tree(), color_by="country")


def test_without_labels_nothing_is_coloured():
    assert "!color" not in nexus(labelled())


@pytest.mark.parametrize("sign", [*'[]{}"', "\n"])
def test_labels_that_end_an_annotation_are_refused_with_the_formats_that_can(sign: str):
    with pytest.raises(InvalidInput, match="label of column 'note'.*as phyloxml, graphml or csv instead"):
        nexus(labelled(note=f"a{sign}b"))


def test_labels_and_columns_keep_blanks_and_signs():
    note = 'note: "typical sample"="a b, c=d (e) \'f\' 日本"'
    assert f"[&{note.removeprefix('note: ')}" not in nexus(small_tree())
    assert note.removeprefix("note: ") in nexus(labelled(**{"typical sample": "a b, c=d (e) 'f' 日本"}))


def test_a_label_column_named_like_a_number_of_leaves_gets_an_underscore():
    found = noted(read(labelled(size="x", error="y")).find_node_with_taxon_label("A"))
    assert (found["size_"], found["error_"]) == ("x", "y")


@pytest.mark.parametrize(("leaves", "shown"), [(500, "true"), (501, "false")])
def test_figtree_shows_names_of_tips_only_where_they_can_be_read(leaves: int, shown: str):
    text = nexus(random_tree(leaves, generator=np.random.default_rng(0), states=4))
    assert f"set tipLabels.isShown={shown};" in text
