"""NEXUS as FigTree and BEAST annotate it: columns on every node and leaf, colours of tips and branches."""

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from carving.export._colors import Coloring, branch_colors, coloring
from carving.export._columns import Column, label_columns, leaf_columns, node_columns, notes
from carving.export._format import Format, Target, number_writer, refuse, text_target, with_options
from carving.export._nested import nested
from carving.export._walk import walk
from carving.export._xml import instead_of
from carving.export.newick import quoted
from carving.tree.topology import topology

if TYPE_CHECKING:
    from carving.tree import Tree

# what ends an annotation or a value, opens a list, or is no sign at all
_NO_VALUE = re.compile(r"""[\x00-\x1f\x7f\[\]{}"]""")
_BARE_KEY = re.compile(r"[\w.%-]+")
# FigTree takes these for its own
_TAKEN = {"!color", "!name", "!font", "!rotate", "!collapse", "!cartoon", "!hilight", "!triangle", "label"}
# names of more tips than this cannot be told apart in a window
_SHOWN_TIPS = 500


def write_nexus(
    tree: "Tree",
    target: Target,
    *,
    branch_length: str = "distance",
    keep_unary: bool = False,
    precision: int | None = None,
    color_by: str | None = None,
    force: bool = False,
) -> None:
    """Write a tree as NEXUS, at any depth, with what FigTree shows beside it.

    Annotations, ``[&age=100,size=5]``, carry the columns of nodes and leaves and the labels; a number that
    is NaN and a label that is unknown are left out. Tips have the colour of their label, branches that of
    more than half of their samples, or grey. A last block sets FigTree up: rooted, ages at the nodes, a
    scale bar and no time axis.

    Parameters
    ----------
    tree, target, branch_length, keep_unary, precision, force
        As for ``write_newick``.
    color_by
        The label column that gives the colours; by default the first.

    Raises
    ------
    InvalidInput
        If a name holds a control character, or a label one of ``[ ] { } "``, for which annotations have no
        escape; if there is no such column.
    """
    number = number_writer(precision)
    chosen = coloring(tree, color_by)
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    names = quoted(np.concatenate([tree.nodes.name, tree.leaves.name]), target)
    lengths = list(map(number, shape.length.tolist()))
    of_nodes, of_leaves = node_columns(tree), leaf_columns(tree)
    taken = _TAKEN.union(column.name for column in of_leaves)
    of_leaves += label_columns(tree, taken, escape=partial(_check_value, target=target))
    if chosen is not None:
        colors = branch_colors(chosen, tree, walk(shape))
        of_nodes.append(Column("!color", colors[: shape.nodes]))
        of_leaves.append(Column("!color", colors[shape.nodes :]))
    annotations = notes(shape.order, of_nodes, of_leaves, _annotation, separator=",", number=number)
    words = (
        f"{names[vertex]}[&{note}]{f':{lengths[vertex]}' if vertex != shape.root else ''}"
        for vertex, note in zip(shape.order.tolist(), annotations, strict=True)
    )
    with text_target(target, force=force) as file:
        file.write("#NEXUS\n\n")
        # DendroPy takes the comment behind a name without quotes for one before it
        file.writelines(_taxa(quoted(tree.leaves.name, target, always=True), chosen))
        file.write("begin trees;\n\ttree carving = [&R] ")
        file.writelines(nested(shape, words))
        file.write("end;\n\n")
        file.write(_settings(len(tree.leaves), chosen))


def _taxa(names: list[str], chosen: Coloring | None) -> Iterator[str]:
    yield f"begin taxa;\n\tdimensions ntax={len(names)};\n\ttaxlabels\n"
    if chosen is None:
        yield from (f"\t{name}\n" for name in names)
    else:
        yield from (f"\t{name}[&!color={color}]\n" for name, color in zip(names, chosen.leaves, strict=True))
    yield ";\nend;\n\n"


def _annotation(column: Column, text: str) -> str:
    if not text:
        return ""
    key = column.name if column.name == "!color" or _BARE_KEY.fullmatch(column.name) else f'"{column.name}"'
    return f'{key}="{text}"' if column.label else f"{key}={text}"


def _check_value(value: str, what: str, target: Target) -> str:
    if _NO_VALUE.search(value):
        reason = 'NEXUS annotations have no escape for [ ] { } " and control characters'
        raise refuse(target, what, value, reason, instead_of("phyloxml, graphml or csv", value))
    return value


def _settings(leaves: int, chosen: Coloring | None) -> str:
    """What FigTree shows when it opens the file."""
    settings = {
        "appearance.branchColorAttribute": '"User selection"',
        "appearance.branchLineWidth": "1.0",
        "layout.layoutType": '"RECTILINEAR"',
        "nodeLabels.displayAttribute": '"age"',
        "nodeLabels.fontSize": "7",
        "nodeLabels.isShown": "true",
        "scaleAxis.isShown": "false",
        "scaleBar.isShown": "true",
        "tipLabels.colorAttribute": '"User selection"' if chosen is not None else '"Default"',
        "tipLabels.displayAttribute": '"Names"',
        "tipLabels.isShown": "true" if leaves <= _SHOWN_TIPS else "false",
        "trees.order": "false",
        "trees.rooting": "false",
    }
    lines = "".join(f"\tset {key}={value};\n" for key, value in settings.items())
    return f"begin figtree;\n{lines}end;\n"


FORMAT = Format(
    name="nexus",
    target="tree.nex",
    description="annotations and colours: FigTree, BEAST's tools, DendroPy",
    write=with_options(write_nexus),
)
