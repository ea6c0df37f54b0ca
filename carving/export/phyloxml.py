"""phyloXML: names, lengths, support, typed properties and colours, for Archaeopteryx and Biopython."""

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from carving.export._colors import branch_colors, coloring
from carving.export._columns import Column, label_columns, leaf_columns, node_columns, notes
from carving.export._format import Format, Target, number_writer, refuse, text_target, with_options
from carving.export._nested import check_depth, nested_from_root
from carving.export._walk import parents_first, walk
from carving.export._xml import escape
from carving.tree.topology import topology

if TYPE_CHECKING:
    from carving.tree import Tree

DEPTH = 800

# a name is an xs:token: white space at its ends and more than one blank are not part of it
_NO_TOKEN = re.compile(r"^ | \Z|  |[\t\n\r]")
# what a reference cannot hold, and the sign that escapes it
_NO_REFERENCE = re.compile(r"[\s%]")
_TYPES = {"long": "xsd:long", "double": "xsd:double", "boolean": "xsd:boolean", "string": "xsd:string"}
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<phyloxml xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
          xmlns="http://www.phyloxml.org"
          xsi:schemaLocation="http://www.phyloxml.org http://www.phyloxml.org/1.20/phyloxml.xsd">
<phylogeny rooted="true" rerootable="false">
"""


def write_phyloxml(
    tree: "Tree",
    target: Target,
    *,
    branch_length: str = "distance",
    keep_unary: bool = False,
    precision: int | None = None,
    color_by: str | None = None,
    force: bool = False,
) -> None:
    """Write a tree as phyloXML.

    Every clade has ``name``, ``branch_length``, where it is known ``confidence`` of type "support", where
    there are labels ``color``, and the other columns as typed properties: ``carving:age``,
    ``carving:distance``, …, and each label column as ``label:COLUMN``, white space and ``%`` in its name
    written as ``%`` and a code, as in an address. Numbers that are NaN and unknown labels are left out. A
    tip has the colour of its label, an inner branch that of more than half of its samples, or grey.

    Parameters
    ----------
    tree, target, branch_length, keep_unary, precision, force
        As for ``write_newick``.
    color_by
        The label column that gives the colours; by default the first.

    Raises
    ------
    InvalidInput
        If a name or label holds a character that XML cannot hold, if a name has blanks at its ends or
        several in a row, which by the format's rule are not part of it, if the tree is deeper than 800
        levels, at which Biopython's parser ends, or if there is no such column.
    """
    number = number_writer(precision)
    chosen = coloring(tree, color_by)
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    check_depth(shape, DEPTH, target, "phyloXML", "newick, graphml or csv")
    names = [_name(name, target) for column in (tree.nodes.name, tree.leaves.name) for name in column]
    lengths = list(map(number, shape.length.tolist()))
    of_nodes, of_leaves = node_columns(tree), leaf_columns(tree)
    of_leaves += label_columns(tree, (), escape=partial(_text, target=target))
    way = walk(shape)
    # in the order that the schema wants: confidence, then color, then properties
    of_nodes.insert(0, of_nodes.pop([column.name for column in of_nodes].index("support")))
    if chosen is not None:
        colors = branch_colors(chosen, tree, way)
        of_nodes.insert(1, Column("color", colors[: shape.nodes]))
        of_leaves.insert(0, Column("color", colors[shape.nodes :]))
    vertices, depths = parents_first(way)
    with text_target(target, force=force) as file:
        file.write(_HEAD)
        details = notes(vertices, of_nodes, of_leaves, _element, number=number)
        clades = _clades(vertices, names, lengths, details)
        file.writelines(
            nested_from_root(depths, clades, opening="", between="", closing="", end="</clade>\n")
        )
        file.write("</phylogeny>\n</phyloxml>\n")


def _clades(
    vertices: np.ndarray, names: list[str], lengths: list[str], details: Iterator[str]
) -> Iterator[str]:
    for vertex, detail in zip(vertices.tolist(), details, strict=True):
        yield f"<clade><name>{names[vertex]}</name><branch_length>{lengths[vertex]}</branch_length>{detail}\n"


def _element(column: Column, text: str) -> str:
    if not text:
        return ""
    if column.name == "color":
        red, green, blue = bytes.fromhex(text[1:])
        return f"<color><red>{red}</red><green>{green}</green><blue>{blue}</blue></color>"
    if column.name == "support":
        return f'<confidence type="support">{text}</confidence>'
    ref = f"label:{column.name}" if column.label else f"carving:{column.name}"
    return f'<property ref="{ref}" datatype="{_TYPES[column.kind]}" applies_to="node">{text}</property>'


def _name(name: str, target: Target) -> str:
    escaped = escape(name, "name", target)
    if _NO_TOKEN.search(name):
        reason = "phyloXML cannot hold blanks at the ends or in a row, tabs and line ends"
        instead = "graphml or csv" if "\n" in name or "\r" in name else "newick, graphml or csv"
        raise refuse(target, "name", name, reason, instead)
    return escaped


def _text(value: str, what: str, target: Target) -> str:
    if what == "label column":
        value = _NO_REFERENCE.sub(lambda found: quote(found.group(), safe=""), value)
    return escape(value, what, target)


FORMAT = Format(
    name="phyloxml",
    target="tree.xml",
    description="typed properties, support and colours: Archaeopteryx, Biopython",
    write=with_options(write_phyloxml),
)
