"""iTOL's files by the documented grammar: every one parses, and speaks of the tree that goes with it."""

import dataclasses
from pathlib import Path
from typing import Any

import dendropy
import pytest

from carving.export import ExportOptions, formats
from carving.tree import Tree
from tests.export.test_viewers_edges import EDGES
from tests.export.viewers.itol_grammar import Annotation, parse
from tests.export.viewers.reading import known_labels


def written(tree: Tree, folder: Path, **options) -> tuple[Any, dict[str, Annotation]]:
    """The Newick as DendroPy reads it, and every annotation by the name of its file."""
    for format in ("newick", "itol"):
        formats()[format].write_into(tree, folder, ExportOptions(**options))
    newick: Any = dendropy.Tree.get(
        path=str(folder / "tree.nwk"), schema="newick", case_sensitive_taxon_labels=True
    )
    return newick, {path.stem: parse(path) for path in (folder / "itol").iterdir()}


def _name(node: Any) -> str:
    return node.taxon.label if node.taxon else node.label


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("edge", EDGES)
def test_every_entry_is_about_something_in_the_tree(edge: str, keep: bool, tmp_path: Path):
    newick, annotations = written(EDGES[edge](), tmp_path, keep_unary=keep)
    leaves = {_name(leaf): leaf for leaf in newick.leaf_node_iter()}
    inner = {_name(node): node for node in newick if not node.is_leaf()}
    # names on which iTOL would look for where two leaves meet; none of these trees has both of them
    assert not [name for name in [*leaves, *inner] if "|" in name]
    of_inner_nodes = {"DATASET_SYMBOL", "COLLAPSE"}
    of_leaves = {"DATASET_COLORSTRIP", "DATASET_SIMPLEBAR"}
    for annotation in annotations.values():
        names = [entry[0] for entry in annotation.entries]
        assert len(set(names)) == len(names)
        if annotation.template in of_inner_nodes:
            assert {*names} <= inner.keys()
        elif annotation.template in of_leaves:
            assert {*names} <= leaves.keys()
        else:
            assert {*names} <= leaves.keys() | inner.keys()


@pytest.mark.parametrize("edge", EDGES)
def test_every_label_column_has_a_strip_whose_legend_is_complete(edge: str, tmp_path: Path):
    tree = EDGES[edge]()
    _, annotations = written(tree, tmp_path)
    strips = {
        one.settings["DATASET_LABEL"][0]: one
        for one in annotations.values()
        if one.template == "DATASET_COLORSTRIP"
    }
    assert strips.keys() >= known_labels(tree).keys()
    for column, labels in known_labels(tree).items():
        strip = strips[column]
        assert {name: label for name, _, label in strip.entries} == labels
        legend = dict(zip(strip.settings["LEGEND_LABELS"], strip.settings["LEGEND_COLORS"], strict=True))
        assert legend.keys() == {*labels.values()}
        assert all(legend[label] == color for _, color, label in strip.entries)
        assert len({*legend.values()}) == len(legend)
        for label, color in tree.colors.get(column, {}).items():
            assert legend.get(label, color) == color


def test_circles_have_areas_like_the_samples_of_the_nodes(tmp_path: Path):
    tree = EDGES["weighed and supported"]()
    newick, annotations = written(tree, tmp_path)
    sizes = dict(zip(tree.leaves.name, tree.leaves.size.tolist(), strict=True))
    for name, _, size, _, _, _, label in annotations["states"].entries:
        (node,) = [node for node in newick if _name(node) == name]
        samples = sum(sizes[_name(leaf)] for leaf in node.leaf_iter())
        assert float(size) ** 2 == pytest.approx(samples, rel=1e-4)
        assert label == f"{samples} samples"
    assert {name: int(value) for name, value in annotations["sizes"].entries} == sizes


def test_what_is_collapsed_are_the_states_of_the_oldest_age(tmp_path: Path):
    tree = EDGES["200 categories"]()
    newick, annotations = written(tree, tmp_path)
    collapsed = {name for (name,) in annotations["collapsed"].entries}
    lone = {leaf.parent_node for leaf in newick.leaf_node_iter()}
    oldest = {
        tree.nodes.name[node]
        for node in range(len(tree.nodes))
        if tree.nodes.age[node] == tree.ages.updates[0] and (tree.leaves.node == node).sum() > 1
    }
    assert collapsed == oldest
    assert collapsed <= {_name(node) for node in lone}


def test_branches_have_the_colour_of_more_than_half_of_their_samples(tmp_path: Path):
    tree = dataclasses.replace(EDGES["drawn"](), colors={"continent": {"EUR": "#0000ff", "AFR": "#ff0000"}})
    newick, annotations = written(tree, tmp_path)
    label = dict(zip(tree.leaves.name, tree.labels["continent"], strict=True))
    colors = {name: color for name, _, color, *_ in annotations["continent-branches"].entries}
    for node in newick:
        known = [label[_name(leaf)] for leaf in node.leaf_iter() if label[_name(leaf)]]
        most = [kind for kind in ("EUR", "AFR") if 2 * known.count(kind) > len(known)]
        # grey where there is none
        assert colors[_name(node)] == {"EUR": "#0000ff", "AFR": "#ff0000"}.get("".join(most), "#9a9a9a")
