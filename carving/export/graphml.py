"""GraphML: every attribute of every node and leaf, typed, with places to draw them, for graph programs."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from carving.export._columns import Column, label_columns, leaf_columns, node_columns, notes
from carving.export._format import Format, Target, text_target, with_options
from carving.export._walk import Walk, from_root, walk
from carving.export._xml import escape
from carving.tree.topology import Topology, topology

if TYPE_CHECKING:
    from carving.tree import Tree

# units between two leaves: Gephi draws a vertex about ten wide
_SPACING = 10.0
# igraph keeps the ids of the file as "id"
_TAKEN = {"id", "name", "kind", "length", "x", "y"}
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns"
         xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
         xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""


def write_graphml(
    tree: "Tree",
    target: Target,
    *,
    branch_length: str = "distance",
    keep_unary: bool = False,
    force: bool = False,
) -> None:
    """Write a tree as GraphML, at any depth: a flat list of vertices and of edges from parent to child.

    Vertices have the ids ``n0``, ``n1``, … (nodes) and ``l0``, ``l1``, … (leaves) and their name in the
    attribute ``name``. ``kind`` is "node" or "leaf"; nodes have ``age``, ``size``, ``free_energy``,
    ``error``, ``converged``, ``stable``, ``birth_age``, ``birth_uncertainty`` and ``support``, leaves
    ``distance``, ``error``, ``size``, one attribute a label column and, where it has colours, one with
    ``_color`` added. A column named like another attribute gets ``_`` added. Edges have ``length``. Values
    that are NaN and labels that are unknown are left out.

    ``x`` and ``y`` are places for a drawing from left to right, the root at 0: ``x`` the length of the
    branches from the root, scaled to a drawing as wide as it is high (the number of branches, where no
    branch has a length), ``y`` the place in the order of the leaves, 10 between two, negative so that the
    first is at the top. Gephi takes them by itself, and ``name`` for the label and ``size`` for the size of
    a dot; in Cytoscape they are mapped to "X Location" and "Y Location".

    Parameters
    ----------
    tree, target, branch_length, keep_unary, force
        As for ``write_newick``.

    Raises
    ------
    InvalidInput
        If a name or label holds a character that XML cannot hold.
    """
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    x, y = _places(walk(shape))
    # everything that can be refused is, before anything is written
    escaped = partial(escape, target=target)
    names = np.array(
        [escaped(name, "name") for column in (tree.nodes.name, tree.leaves.name) for name in column],
        dtype=object,
    )
    kinds = np.repeat(np.array(["node", "leaf"], dtype=object), [shape.nodes, len(tree.leaves)])
    both = [Column("name", names), Column("kind", kinds), Column("x", x), Column("y", y)]
    of_nodes = [*(_part(column, slice(shape.nodes)) for column in both), *node_columns(tree)]
    of_leaves = [*(_part(column, slice(shape.nodes, None)) for column in both), *leaf_columns(tree)]
    taken = _TAKEN.union(column.name for column in (*of_nodes, *of_leaves))
    of_leaves += label_columns(tree, taken, escape=escaped, colors=True)
    kinds_of = {column.name: column.kind for column in (*of_nodes, *of_leaves)}
    # Gephi asks the id before the name what an attribute is, and takes "d3" for the label as well as "label"
    keys = {name: "label" if name == "name" else f"v{index}" for index, name in enumerate(kinds_of)}
    with text_target(target, force=force) as file:
        file.write(_HEAD)
        for name, kind in kinds_of.items():
            file.write(f'<key id="{keys[name]}" for="node" attr.name="{name}" attr.type="{kind}"/>\n')
        file.write('<key id="e0" for="edge" attr.name="length" attr.type="double"/>\n')
        file.write('<graph id="tree" edgedefault="directed">\n')
        kept = np.sort(shape.order)

        def data(column: Column, text: str) -> str:
            return f'<data key="{keys[column.name]}">{text}</data>' if text else ""

        for vertex, attributes in zip(kept.tolist(), notes(kept, of_nodes, of_leaves, data), strict=True):
            file.write(f'<node id="{_id(vertex, shape)}">{attributes}</node>\n')
        file.writelines(_edges(shape, kept))
        file.write("</graph>\n</graphml>\n")


def _part(column: Column, part: slice) -> Column:
    return Column(column.name, column.values[part])


def _places(way: Walk) -> tuple[np.ndarray, np.ndarray]:
    """Where to draw each vertex: its distance from the root, and the middle of its leaves."""
    across, order = from_root(way), way.shape.order
    if not across.any():
        across = way.shape.depth.astype(np.float64)
    height = _SPACING * max(1, len(way.leaves) - 1)
    x, y = np.zeros(len(way.shape.parent)), np.zeros(len(way.shape.parent))
    x[order] = across * (height / (across.max() or 1.0))
    y[order] = -_SPACING * (way.first + way.last - 1) / 2
    return x, y


def _id(vertex: int, shape: Topology) -> str:
    return f"n{vertex}" if vertex < shape.nodes else f"l{vertex - shape.nodes}"


def _edges(shape: Topology, kept: np.ndarray) -> Iterator[str]:
    parents, lengths = shape.parent.tolist(), shape.length.tolist()
    for vertex in kept.tolist():
        if vertex != shape.root:
            yield f'<edge source="n{parents[vertex]}" target="{_id(vertex, shape)}">'
            yield f'<data key="e0">{lengths[vertex]!r}</data></edge>\n'


FORMAT = Format(
    name="graphml",
    target="tree.graphml",
    description="every attribute, typed, and places: networkx, igraph, Gephi, Cytoscape",
    write=with_options(write_graphml),
)
