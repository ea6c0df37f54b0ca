"""Newick: topology, branch lengths, and names of leaves and nodes, for nearly every tree program."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from carving.export._format import ExportOptions, Format, Target, refuse, text_target
from carving.export._nested import nested
from carving.tree.topology import topology

if TYPE_CHECKING:
    from carving.tree import Tree

# letters and digits of any script and a few signs; above all no underscore, which unquoted reads as a blank
_PLAIN = re.compile(r"(?:[^\W_]|[.+|-])+")
# readers take line ends for blanks, or translate them, and skip the other control characters
_UNREADABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def write_newick(
    tree: "Tree",
    target: Target,
    *,
    branch_length: str = "distance",
    keep_unary: bool = False,
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
    force
        Replace what is there.

    Raises
    ------
    InvalidInput
        If a name holds a control character.
    """
    shape = topology(tree, branch_length=branch_length, keep_unary=keep_unary)
    names = [quote(name, target) for column in (tree.nodes.name, tree.leaves.name) for name in column]
    lengths = shape.length.tolist()
    words = (
        f"{names[vertex]}:{lengths[vertex]!r}" if vertex != shape.root else names[vertex]
        for vertex in shape.order.tolist()
    )
    with text_target(target, force=force) as file:
        file.writelines(nested(shape, words))


def quote(name: str, target: Target) -> str:
    """A name as a Newick label."""
    if _PLAIN.fullmatch(name):
        return name
    if _UNREADABLE.search(name):
        raise refuse(target, "name", name, "Newick cannot hold control characters", "csv")
    doubled = name.replace("'", "''")
    return f"'{doubled}'"


def _write(tree: "Tree", target: Path, options: ExportOptions) -> None:
    write_newick(
        tree,
        target,
        branch_length=options.branch_length,
        keep_unary=options.keep_unary,
        force=options.force,
    )


FORMAT = Format(
    name="newick",
    target="tree.nwk",
    description="names and branch lengths: ete3, Biopython, DendroPy, ape, FigTree, iTOL",
    write=_write,
)
