"""Newick: topology, branch lengths, and names of leaves and nodes, for nearly every tree program."""

import re
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.export._format import (
    NODE_LABELS,
    Format,
    Target,
    number_writer,
    refuse,
    target_name,
    text_target,
    with_options,
)
from carving.export._nested import nested
from carving.tree.topology import topology

if TYPE_CHECKING:
    from carving.tree import Tree

# letters and digits of any script and a few signs; above all no underscore, which unquoted reads as a blank
PLAIN = re.compile(r"(?:[^\W_]|[.+|-])+")
# readers take line ends for blanks, or translate them, and skip the other control characters
UNREADABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def write_newick(
    tree: "Tree",
    target: Target,
    *,
    branch_length: str = "distance",
    keep_unary: bool = False,
    precision: int | None = None,
    node_labels: str = "name",
    force: bool = False,
) -> None:
    """Write a tree as Newick, at any depth.

    Names are quoted with ``'`` where they need it, an apostrophe inside is doubled, and underscores are
    always quoted. Line ends and other control characters are refused. Readers are what limits depth:
    DendroPy's parser recurses and fails beyond about a thousand levels; ete3 and Biopython read any.

    Parameters
    ----------
    tree
        What to write.
    target
        A path or an open text file.
    branch_length
        One of ``carving.tree.topology.BRANCH_LENGTHS``.
    keep_unary
        Keep nodes that have one child instead of joining the two, lengths added.
    precision
        Significant digits of numbers, 1 to 17; by default as few as read back as the same float64.
    node_labels
        What stands at the inner nodes: ``"name"``, ``"support"`` (nothing where it is unknown) or
        ``"age"``.
    force
        Replace what is there.

    Raises
    ------
    InvalidInput
        If a name holds a control character, or if support is asked for and no node has any.
    """
    number = number_writer(precision)
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    names = [*_node_labels(tree, node_labels, precision, target), *quoted(tree.leaves.name, target)]
    lengths = list(map(number, shape.length.tolist()))
    words = (
        f"{names[vertex]}:{lengths[vertex]}" if vertex != shape.root else names[vertex]
        for vertex in shape.order.tolist()
    )
    with text_target(target, force=force) as file:
        file.writelines(nested(shape, words))


def _node_labels(tree: "Tree", kind: str, precision: int | None, target: Target) -> list[str]:
    if kind not in NODE_LABELS:
        raise InvalidInput(f"node labels {kind!r}: unknown; choose from {', '.join(NODE_LABELS)}")
    if kind == "name":
        return quoted(tree.nodes.name, target)
    if kind == "age":
        return [str(age) for age in tree.nodes.age.tolist()]
    support = tree.nodes.support
    if np.isnan(support).all():
        raise InvalidInput(
            f"{target_name(target)}: node labels: no node of this tree has support; compare it with others, "
            "or export names"
        )
    number = number_writer(precision)
    return [number(value) if value == value else "" for value in support.tolist()]


def quoted(names: np.ndarray, target: Target, *, always: bool = False) -> list[str]:
    """Names as Newick labels, quoted where they need it or always."""
    return [name if not always and PLAIN.fullmatch(name) else _quote(name, target) for name in names]


def _quote(name: str, target: Target) -> str:
    if UNREADABLE.search(name):
        raise refuse(target, "name", name, "Newick cannot hold control characters", "csv")
    doubled = name.replace("'", "''")
    return f"'{doubled}'"


FORMAT = Format(
    name="newick",
    target="tree.nwk",
    description="names and branch lengths: ete3, Biopython, DendroPy, ape, FigTree, iTOL",
    write=with_options(write_newick),
)
