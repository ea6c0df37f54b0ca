"""iTOL annotation: colours, branches, states and sizes to be dropped on the tree, each a template's file."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from carving._files import whole_folder
from carving.export._colors import Coloring, branch_colors, coloring, colors_of
from carving.export._columns import free_name
from carving.export._format import Format, refuse, with_options
from carving.export._walk import Walk, walk
from carving.tree.colors import OTHER, PALETTE
from carving.tree.topology import topology

if TYPE_CHECKING:
    from carving.tree import Tree

_SEPARATORS = re.compile(r"[\t\n\r\x00-\x1f]")
_CIRCLE, _SQUARE = "2", "1"
# of symbols, in pixels
_LARGEST = "30"
# bytes of a column's name in that of a file, which may have 255
_LONGEST = 200

Rows = Iterator[tuple[str, ...]]


def write_itol(
    tree: "Tree",
    folder: str | os.PathLike[str],
    *,
    keep_unary: bool = False,
    color_by: str | None = None,
    force: bool = False,
) -> None:
    """Write a folder of files to be dropped on the tree in iTOL; goes with its Newick.

    ``COLUMN.txt``
        A colour strip a label column, with its legend. Labels without a colour of their own get one
        (carving.tree.colors): of a palette that can be told apart with any colour vision, beyond it evenly
        spread hues. Leaves whose label is unknown stay blank.
    ``COLUMN-branches.txt``
        Colours of branches: that of a leaf's label, and that of more than half of the samples of a node.
    ``states.txt``
        A circle where each state is born, its area the number of samples, its colour as its branch's.
    ``collapsed.txt``
        Collapses the states of the oldest age, so that the tree is that of states.
    ``sizes.txt``
        Bars with the number of samples of each leaf, where leaves stand for several.

    A character of a column's name that a file name cannot hold is written as ``%`` and its code, and a name
    that is too long is cut; the legend has the name itself.

    Parameters
    ----------
    tree
        What to write.
    folder
        Is made.
    keep_unary
        As for ``write_newick``, so that the same nodes are there.
    color_by
        The label column that gives the colours of states; by default the first.
    force
        Replace what is there.

    Raises
    ------
    InvalidInput
        If a name, column or label holds a tab or line end, or a name starts with ``#``, which iTOL takes
        for a comment; if there is no such column.
    """
    way = walk(topology(tree, keep_unary=keep_unary))
    names = np.concatenate([tree.nodes.name, tree.leaves.name])[way.shape.order].tolist()
    _check(folder, "name", names)
    for name in names:
        if name.startswith("#"):
            reason = "iTOL takes a line that starts with # for a comment"
            raise refuse(folder, "name", name, reason, "csv")
    files = {"states": _states(tree, way, names, coloring(tree, color_by))}
    holds_several = np.bincount(tree.leaves.node, minlength=len(tree.nodes)) > 1
    if holds_several.any():
        files["collapsed"] = _collapsed(tree.nodes.name[holds_several])
    if tree.is_condensed:
        files["sizes"] = _sizes(tree)
    for column in tree.labels:
        _check(folder, "label column", [column])
        _check(folder, "label", set(tree.labels[column]))
        name = _file_name(column)
        files[free_name(name, files)] = _strip(tree, column)
        files[free_name(f"{name}-branches", files)] = _branches(tree, way, names, column)
    with whole_folder(folder, force=force) as inside:
        for name, rows in files.items():
            with open(inside / f"{name}.txt", "w", encoding="utf-8", newline="\n") as file:
                file.writelines("\t".join(row) + "\n" for row in rows)


def _check(folder: str | os.PathLike[str], what: str, texts: Iterable[str]) -> None:
    for text in texts:
        if _SEPARATORS.search(text):
            raise refuse(folder, what, text, "iTOL files cannot hold tabs and line ends", "csv")


def _head(template: str, title: str) -> Rows:
    """What a data set begins with."""
    yield from ((template,), ("SEPARATOR TAB",), ("DATASET_LABEL", title), ("COLOR", PALETTE[0]))


def _legend(title: str, shape: str, colors: dict[str, str]) -> Rows:
    """What each colour means."""
    if colors:
        yield ("LEGEND_TITLE", title)
        yield ("LEGEND_SHAPES", *(shape for _ in colors))
        yield ("LEGEND_COLORS", *colors.values())
        yield ("LEGEND_LABELS", *colors)


def _known(tree: "Tree", column: str) -> dict[str, str]:
    colors = colors_of(tree, column).colors
    return {label: colors[label] for label in sorted(colors) if label}


def _strip(tree: "Tree", column: str) -> Rows:
    colors = _known(tree, column)
    yield from _head("DATASET_COLORSTRIP", column)
    yield from _legend(column, _SQUARE, colors)
    yield ("DATA",)
    for name, label in zip(tree.leaves.name, tree.labels[column], strict=True):
        if label:
            yield (name, colors[label], label)


def _branches(tree: "Tree", way: Walk, names: list[str], column: str) -> Rows:
    yield from (("TREE_COLORS",), ("SEPARATOR TAB",), ("DATA",))
    colors = branch_colors(colors_of(tree, column), tree, way)[way.shape.order]
    for name, color in zip(names, colors.tolist(), strict=True):
        # name, what is coloured, colour, style, width
        yield (name, "branch", color, "normal", "1")


def _states(tree: "Tree", way: Walk, names: list[str], chosen: Coloring | None) -> Rows:
    yield from _head("DATASET_SYMBOL", "states")
    if chosen is not None:
        yield from _legend(chosen.column, _CIRCLE, _known(tree, chosen.column))
    yield ("MAXIMUM_SIZE", _LARGEST)
    yield ("DATA",)
    colors = branch_colors(chosen, tree, way).tolist()
    for name, vertex in zip(names, way.shape.order.tolist(), strict=True):
        if vertex < way.shape.nodes:
            size = tree.nodes.size.item(vertex)
            # name, symbol, size, colour, filled, place on the branch above, label
            yield (name, _CIRCLE, f"{size**0.5:.6g}", colors[vertex] or OTHER, "1", "1", f"{size} samples")


def _collapsed(names: np.ndarray) -> Rows:
    # this template has no separator
    yield from (("COLLAPSE",), ("DATA",))
    yield from ((name,) for name in names)


def _sizes(tree: "Tree") -> Rows:
    yield from _head("DATASET_SIMPLEBAR", "samples")
    yield ("DATA",)
    for name, size in zip(tree.leaves.name, tree.leaves.size.tolist(), strict=True):
        yield (name, str(size))


def _file_name(column: str) -> str:
    """A column's name as a file's: what is no letter, digit, blank or ``-_.`` escaped, and never hidden."""
    safe = "".join(sign if sign.isalnum() or sign in "-_. " else quote(sign, safe="") for sign in column)
    safe = f"%2E{safe[1:]}" if safe.startswith(".") else safe
    return safe.encode()[:_LONGEST].decode(errors="ignore")


FORMAT = Format(
    name="itol",
    target="itol",
    description="colour strips and branches, states, collapsed states, legends: iTOL",
    write=with_options(write_itol),
)
