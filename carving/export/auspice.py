"""Auspice dataset, version 2: Nextstrain's viewer, with a colouring and a filter for every label column."""

import json
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.export._colors import coloring, colors_of, majority_labels
from carving.export._columns import Column, label_columns, leaf_columns, node_columns, notes
from carving.export._format import Format, Target, text_target, with_options
from carving.export._nested import check_depth, nested_from_root
from carving.export._walk import Walk, from_root, parents_first, walk
from carving.tree.topology import topology

if TYPE_CHECKING:
    from carving.tree import Tree

# Python's reader of JSON takes two of its 1,000 levels for each of ours
DEPTH = 400
# a column of more labels is shown with each tip, but gives neither colours nor filters
MOST_LABELS = 1000

_TYPES = {"long": "continuous", "double": "continuous", "boolean": "boolean"}
_TITLES = {
    "log_age": "log10(1 + age)",
    "size": "samples",
    "free_energy": "free energy",
    "birth_age": "age at birth",
    "birth_uncertainty": "uncertainty of log age at birth",
    "distance": "distance from sample to state",
}
# what Auspice has for something else
_RESERVED = ("div", "num_date", "vaccine", "hidden", "url", "author", "accession", "none", "gt")


def write_auspice(
    tree: "Tree",
    target: Target,
    *,
    branch_length: str = "log-age",
    keep_unary: bool = False,
    color_by: str | None = None,
    force: bool = False,
) -> None:
    """Write a tree as the JSON of an Auspice dataset, version 2.

    The axis is ``div``, the length of all branches from the root together; by default in log age, so that
    branches part where they did in training. Nodes and leaves have their columns, leaves their labels, and
    an inner node the label that more than half of its samples have. Label columns are colourings and
    filters; one of more than 1,000 labels is neither, but is shown with each tip. Numbers that are not
    finite and unknown labels are left out.

    Parameters
    ----------
    tree, target, branch_length, keep_unary, force
        As for ``write_newick``.
    color_by
        The label column that is shown first; by default the first.

    Raises
    ------
    InvalidInput
        If the tree is deeper than 400 levels, near which readers of JSON end, or if there is no such
        column.
    """
    chosen = coloring(tree, color_by)
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    check_depth(shape, DEPTH, target, "Auspice JSON", "newick, graphml or csv")
    way = walk(shape)
    of_nodes = [Column("log_age", np.log10(1 + tree.nodes.age)), *node_columns(tree)]
    of_leaves = leaf_columns(tree)
    colorings = _number_colorings([*of_nodes, *of_leaves])
    labels = label_columns(tree, {*_RESERVED, *colorings})
    of_leaves += labels
    shown: dict[str, str] = {}
    for column, name in zip(labels, tree.labels, strict=True):
        if 1 <= len(set(column.values) - {""}) <= MOST_LABELS:
            shown[name] = column.name
            colorings[column.name] = _label_coloring(tree, name, column.name)
            of_nodes.append(Column(column.name, _labels_of_nodes(tree, name, way), label=True))
    first = shown.get(chosen.column, "log_age") if chosen is not None else "log_age"
    meta = {
        "title": f"{len(tree.leaves):,} leaves, {len(tree.nodes):,} nodes",
        # the schema's word for a date that is not known: a tree is the same whenever it is written
        "updated": "XXXX-XX-XX",
        "data_provenance": [{"name": "carving"}],
        "panels": ["tree"],
        # labels before numbers
        "colorings": sorted(colorings.values(), key=lambda coloring: coloring["type"] != "categorical"),
        "filters": list(shown.values()),
        "display_defaults": {"color_by": first, "distance_measure": "div", "layout": "rect"},
    }
    vertices, depths = parents_first(way)
    names = [encode_basestring(name) for column in (tree.nodes.name, tree.leaves.name) for name in column]
    lengths = np.zeros(len(shape.parent))
    lengths[shape.order] = from_root(way)
    attributes = notes(vertices, of_nodes, of_leaves, _attribute, separator=",")
    words = _words(vertices, names, lengths.tolist(), attributes)
    with text_target(target, force=force) as file:
        file.write(f'{{"version":"v2","meta":{json.dumps(meta, ensure_ascii=False)},\n"tree":')
        file.writelines(
            nested_from_root(depths, words, opening=',"children":[', between=",", closing="]", end="}")
        )
        file.write("}\n")


def _words(
    vertices: np.ndarray, names: list[str], lengths: list[float], attributes: Iterator[str]
) -> Iterator[str]:
    for vertex, attribute in zip(vertices.tolist(), attributes, strict=True):
        yield f'\n{{"name":{names[vertex]},"node_attrs":{{"div":{lengths[vertex]!r},{attribute}}}'


def _attribute(column: Column, text: str) -> str:
    if not text or (column.kind == "double" and text in ("inf", "-inf")):
        return ""
    value = encode_basestring(text) if column.kind == "string" else text
    return f'{encode_basestring(column.name)}:{{"value":{value}}}'


def _number_colorings(columns: list[Column]) -> dict[str, dict[str, Any]]:
    """A colouring for every number that is known somewhere."""
    return {
        column.name: {
            "key": column.name,
            "title": _TITLES.get(column.name, column.name),
            "type": _TYPES[column.kind],
        }
        for column in columns
        if np.isfinite(column.values).any()
    }


def _label_coloring(tree: "Tree", name: str, key: str) -> dict[str, Any]:
    scale = [[label, color] for label, color in sorted(colors_of(tree, name).colors.items()) if label]
    return {"key": key, "title": name, "type": "categorical", "scale": scale}


def _labels_of_nodes(tree: "Tree", name: str, way: Walk) -> np.ndarray:
    """The label of more than half of its samples for every node, empty where there is none."""
    labels = np.full(len(way.shape.parent), "", dtype=object)
    labels[way.shape.order] = majority_labels(tree, name, way)
    return labels[: way.shape.nodes]


FORMAT = Format(
    name="auspice",
    target="tree.json",
    description="colourings, filters and an axis of age: Auspice (Nextstrain)",
    write=with_options(write_auspice),
)
