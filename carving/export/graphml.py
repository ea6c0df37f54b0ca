"""GraphML: every attribute of every node and leaf, typed, for graph programs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from carving.export._format import (
    ExportOptions,
    Format,
    Target,
    free_name,
    label_names,
    refuse,
    text_target,
)
from carving.tree.topology import Topology, topology

if TYPE_CHECKING:
    from carving.tree import Tree

# what XML 1.0 cannot hold, not even escaped
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ESCAPED = re.compile('[&<>"\t\n\r]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}

# name, GraphML type, and the columns of nodes and of leaves that it shows
_FIXED = (
    ("name", "string", True, True),
    ("kind", "string", True, True),
    ("age", "long", True, False),
    ("size", "long", True, False),
    ("free_energy", "double", True, False),
    ("error", "double", True, True),
    ("converged", "boolean", True, False),
    ("stable", "boolean", True, False),
    ("birth_age", "double", True, False),
    ("birth_uncertainty", "double", True, False),
    ("distance", "double", False, True),
)
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
    ``error``, ``converged`` and ``stable``, leaves ``distance``, ``error``, one attribute a label column
    and, where it has colours, one with ``_color`` added. A column named like another attribute gets
    ``_`` added. Edges have ``length``. Values that are NaN and labels that are unknown are left out.

    Parameters
    ----------
    tree, target, branch_length, keep_unary, force
        As for ``write_newick``.

    Raises
    ------
    InvalidInput
        If a name or a label holds a character that XML cannot hold.
    """
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    columns = _leaf_columns(tree)
    # everything that can be refused is, before anything is written
    words = [
        escape(name, "name", target) for column in (tree.nodes.name, tree.leaves.name) for name in column
    ]
    texts = [
        (
            escape(name, "label column", target),
            {value: escape(value, "label", target) for value in set(values)},
        )
        for name, values in columns
    ]
    with text_target(target, force=force) as file:
        file.write(_HEAD)
        _write_keys(file, [name for name, _ in texts])
        file.write('<graph id="tree" edgedefault="directed">\n')
        kept = sorted(shape.order.tolist())
        file.writelines(_nodes(tree, words, [vertex for vertex in kept if vertex < shape.nodes]))
        labels = [
            [text[value] for value in column] for (_, text), (_, column) in zip(texts, columns, strict=True)
        ]
        file.writelines(_leaves(tree, words, labels, shape.nodes))
        file.writelines(_edges(shape, kept))
        file.write("</graph>\n</graphml>\n")


def escape(value: str, what: str, target: Target) -> str:
    """Text for XML, in elements and in attributes."""
    if _NO_XML.search(value):
        raise refuse(target, what, value, "XML cannot hold control characters", "csv")
    return _ESCAPED.sub(lambda found: _ESCAPES[found.group()], value)


def _leaf_columns(tree: "Tree") -> list[tuple[str, Any]]:
    """Label columns, and after each its colours, under names that are free."""
    # igraph keeps the ids of the file as "id"
    taken = {"id", "length", *(name for name, *_ in _FIXED)}
    columns: list[tuple[str, Any]] = []
    names = label_names(tree, taken)
    taken.update(names.values())
    for column, name in names.items():
        values = tree.labels[column]
        columns.append((name, values))
        if column in tree.colors:
            name = free_name(f"{name}_color", taken)
            taken.add(name)
            colors = tree.colors[column]
            columns.append((name, [colors.get(value, "") for value in values]))
    return columns


def _write_keys(file: IO[str], labels: list[str]) -> None:
    for index, (name, kind, *_) in enumerate([*_FIXED, *((label, "string") for label in labels)]):
        file.write(f'<key id="d{index}" for="node" attr.name="{name}" attr.type="{kind}"/>\n')
    file.write('<key id="e0" for="edge" attr.name="length" attr.type="double"/>\n')


def _data(key: int, values: list[Any]) -> list[str]:
    """One element for every value of a column; none for NaN, which is what is not equal to itself."""
    return [f'<data key="d{key}">{_literal(value)}</data>' if value == value else "" for value in values]


def _literal(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else repr(value)
        if isinstance(value, float)
        else str(value)
    )


def _nodes(tree: "Tree", words: list[str], kept: list[int]) -> Iterator[str]:
    columns = [
        _data(key, getattr(tree.nodes, name)[kept].tolist())
        for key, (name, _, of_nodes, _) in enumerate(_FIXED)
        if of_nodes and key > 1
    ]
    for vertex, *data in zip(kept, *columns, strict=True):
        yield f'<node id="n{vertex}"><data key="d0">{words[vertex]}</data><data key="d1">node</data>'
        yield f"{''.join(data)}</node>\n"


def _leaves(tree: "Tree", words: list[str], labels: list[list[str]], nodes: int) -> Iterator[str]:
    columns = [
        _data(key, getattr(tree.leaves, name).tolist())
        for key, (name, _, _, of_leaves) in enumerate(_FIXED)
        if of_leaves and key > 1
    ]
    for key, column in enumerate(labels, start=len(_FIXED)):
        columns.append([f'<data key="d{key}">{text}</data>' if text else "" for text in column])
    for leaf, data in enumerate(zip(*columns, strict=True)):
        yield f'<node id="l{leaf}"><data key="d0">{words[nodes + leaf]}</data><data key="d1">leaf</data>'
        yield f"{''.join(data)}</node>\n"


def _edges(shape: Topology, kept: list[int]) -> Iterator[str]:
    parents, lengths, nodes = shape.parent.tolist(), shape.length.tolist(), shape.nodes
    for vertex in kept:
        if vertex != shape.root:
            child = f"n{vertex}" if vertex < nodes else f"l{vertex - nodes}"
            yield f'<edge source="n{parents[vertex]}" target="{child}">'
            yield f'<data key="e0">{lengths[vertex]!r}</data></edge>\n'


def _write(tree: "Tree", target: Path, options: ExportOptions) -> None:
    write_graphml(
        tree,
        target,
        branch_length=options.branch_length,
        keep_unary=options.keep_unary,
        force=options.force,
    )


FORMAT = Format(
    name="graphml",
    target="tree.graphml",
    description="every attribute, typed: networkx, igraph, Gephi, Cytoscape",
    write=_write,
)
