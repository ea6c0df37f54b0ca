"""Newick as ete3, Biopython and DendroPy read it, and as a slow recursive writer writes it."""

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import dendropy
import numpy as np
import pytest
from Bio import Phylo
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput, MissingFile, OutputExists
from carving.export import write_newick, write_nhx
from carving.tree import Tree
from tests.reference import trees as slow
from tests.trees import chain_tree, random_tree, small_tree

kinds = st.sampled_from(["distance", "log-age", "birth-age", "free-energy"])
trees = st.builds(
    lambda leaves, seed, added_root, unit: random_tree(
        leaves, generator=np.random.default_rng(seed), added_root=added_root, visible_unit=unit
    ),
    leaves=st.integers(2, 20),
    seed=st.integers(0, 10**6),
    added_root=st.booleans(),
    unit=st.sampled_from(["bernoulli", "spin"]),
)


def newick(tree: Tree, **options) -> str:
    file = io.StringIO()
    write_newick(tree, file, **options)
    return file.getvalue()


# ---- one shape for what three programs read: name, length, children


def of_slow(vertex: slow.Vertex) -> tuple:
    return (
        vertex.name,
        pytest.approx(vertex.length, abs=1e-12),
        [of_slow(child) for child in vertex.children],
    )


def of_ete(vertex) -> tuple:
    return (vertex.name, vertex.dist if vertex.up else 0.0, [of_ete(child) for child in vertex.children])


def of_biopython(clade) -> tuple:
    return (clade.name, clade.branch_length or 0.0, [of_biopython(child) for child in clade.clades])


def of_dendropy(node) -> tuple:
    name = node.taxon.label if node.taxon else node.label
    return (name, node.edge.length or 0.0, [of_dendropy(child) for child in node.child_nodes()])


def expected(tree: Tree, kind: str, *, keep_unary: bool) -> tuple:
    whole = slow.whole(tree, kind)
    return of_slow(whole if keep_unary else slow.joined(whole))


@given(tree=trees, kind=kinds, keep=st.booleans())
def test_dendropy_reads_the_slow_tree(tree: Tree, kind: str, keep: bool):
    text = newick(tree, branch_length=kind, keep_unary=keep)
    read = dendropy.Tree.get(data=text, schema="newick")
    assert of_dendropy(read.seed_node) == expected(tree, kind, keep_unary=keep)


@given(tree=trees, kind=kinds, keep=st.booleans())
def test_biopython_reads_the_slow_tree(tree: Tree, kind: str, keep: bool):
    text = newick(tree, branch_length=kind, keep_unary=keep)
    read = Phylo.read(io.StringIO(text), "newick")  # pyright: ignore[reportPrivateImportUsage]
    assert of_biopython(read.root) == expected(tree, kind, keep_unary=keep)


@given(tree=trees, kind=kinds, keep=st.booleans())
def test_ete_reads_the_slow_tree(tree: Tree, kind: str, keep: bool):
    import ete3

    read = ete3.Tree(newick(tree, branch_length=kind, keep_unary=keep), format=1, quoted_node_names=True)
    assert of_ete(read) == expected(tree, kind, keep_unary=keep)


@given(tree=trees)
def test_lengths_read_back_to_the_last_bit(tree: Tree):
    lengths = {float(length) for length in re.findall(r":([^,()]+)", newick(tree, keep_unary=True))}
    assert lengths == set(np.concatenate([tree.leaves.distance, _node_lengths(tree)]).tolist())


def _node_lengths(tree: Tree) -> np.ndarray:
    from carving.tree.topology import branch_lengths

    return branch_lengths(tree, "distance")[: len(tree.nodes) - 1]


def test_the_drawn_tree_is_written_as_it_is_drawn():
    assert newick(small_tree(), branch_length="free-energy", keep_unary=True) == (
        "(((A:0.0,B:0.0)t100.0:2.0,(C:0.0)t100.1:1.0)t10.0:1.5,(D:0.0,E:0.0)t100.2:3.0)t1.0;\n"
    )


def test_inner_nodes_may_say_their_support_or_their_age():
    tree = small_tree().with_support(np.array([1.0, np.nan, 0.5, 0.25, np.nan]))
    text = newick(tree, branch_length="free-energy", node_labels="support")
    assert text == "(((A:0.0,B:0.0)1.0:2.0,C:1.0)0.25:1.5,(D:0.0,E:0.0)0.5:3.0);\n"
    text = newick(tree, branch_length="free-energy", node_labels="age")
    assert text == "(((A:0.0,B:0.0)100:2.0,C:1.0)10:1.5,(D:0.0,E:0.0)100:3.0)1;\n"


@given(tree=trees, seed=st.integers(0, 10**6))
def test_biopython_and_ete_read_support_where_it_is_said(tree: Tree, seed: int):
    import ete3

    support = np.random.default_rng(seed).random(len(tree.nodes))
    text = newick(tree.with_support(support), node_labels="support", keep_unary=True)
    biopython: Any = Phylo.read(io.StringIO(text), "newick")  # pyright: ignore[reportPrivateImportUsage]
    assert {clade.confidence for clade in biopython.get_nonterminals()} == set(support)
    ete: Any = ete3.Tree(text, format=0, quoted_node_names=True)
    assert {node.support for node in ete.traverse() if node.children} == set(support)


def test_support_that_nobody_has_counted_is_refused():
    with pytest.raises(InvalidInput, match="no node of this tree has support"):
        newick(small_tree(), node_labels="support")


def test_other_labels_of_nodes_are_refused_with_those_that_there_are():
    with pytest.raises(InvalidInput, match="node labels 'size': unknown; choose from name, support, age"):
        newick(small_tree(), node_labels="size")


@given(tree=trees, precision=st.integers(1, 17))
def test_lengths_are_right_to_as_many_digits_as_are_asked_for(tree: Tree, precision: int):
    exact = dendropy.Tree.get(data=newick(tree), schema="newick")
    rounded = dendropy.Tree.get(data=newick(tree, precision=precision), schema="newick")
    lengths = [[node.edge.length or 0.0 for node in read] for read in (exact, rounded)]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.51 * 10.0 ** (1 - precision), abs=0)


def test_a_state_of_one_leaf_is_joined_with_it_and_the_lengths_add():
    assert ",C:1.0)t10.0" in newick(small_tree(), branch_length="free-energy")


def test_log_ages_make_every_leaf_of_the_oldest_age_equally_far():
    read = dendropy.Tree.get(data=newick(small_tree(), branch_length="log-age"), schema="newick")
    assert read.calc_node_root_distances() == pytest.approx([np.log(101) - np.log(2)] * 5)


@pytest.mark.parametrize("kind", ["distance", "free-energy"])
def test_branches_below_an_added_root_have_no_length(kind: str):
    tree = random_tree(9, generator=np.random.default_rng(4), states=9, added_root=True)
    read = dendropy.Tree.get(data=newick(tree, branch_length=kind, keep_unary=True), schema="newick")
    assert [child.edge.length for child in read.seed_node.child_nodes()] == [0.0] * len(
        tree.children.of(tree.root)
    )


def test_one_leaf_keeps_its_root():
    tree = random_tree(1, generator=np.random.default_rng(0), names=["A"], ages=1)
    assert re.fullmatch(r"\(A:[\d.]+\)t\d+\.0;\n", newick(tree))


def test_underscores_are_quoted_since_bare_they_read_as_blanks():
    tree = dataclasses.replace(
        small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=["A_B", "B", "C", "D", "E"])
    )
    assert "('A_B':0.0,B:" in newick(tree)


def test_an_unknown_branch_length_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput, match="distance, log-age, birth-age, free-energy"):
        newick(small_tree(), branch_length="age")


def test_a_chain_a_hundred_thousand_deep_is_written():
    text = newick(chain_tree(100_000))
    assert text.startswith("(" * 100_000 + "leaf0:")
    assert text.count(",") == 100_000


@pytest.mark.parametrize("write", [write_newick, write_nhx])
def test_ete_reads_a_deep_chain(tmp_path: Path, write):
    import ete3

    write(chain_tree(3_000), tmp_path / "tree.nwk")
    read = ete3.Tree(str(tmp_path / "tree.nwk"), format=1, quoted_node_names=True)
    assert len(read) == 3_001


def test_a_file_that_is_there_is_replaced_only_when_forced(tmp_path: Path):
    target = tmp_path / "tree.nwk"
    target.write_text("mine")
    with pytest.raises(OutputExists):
        write_newick(small_tree(), target)
    write_newick(small_tree(), target, force=True)
    assert target.read_text() == newick(small_tree())


def test_a_folder_that_does_not_exist_is_said(tmp_path: Path):
    with pytest.raises(MissingFile, match="create it first"):
        write_newick(small_tree(), tmp_path / "no" / "tree.nwk")


def test_nothing_is_left_of_a_file_whose_tree_is_refused(tmp_path: Path):
    tree = dataclasses.replace(
        small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=["A\n", "B", "C", "D", "E"])
    )
    with pytest.raises(InvalidInput):
        write_newick(tree, tmp_path / "tree.nwk")
    assert list(tmp_path.iterdir()) == []
