"""What nodes and leaves have besides a name and a branch: typed columns, the same ones in every format."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.tree._columns import free_name
from carving.tree._views import LEAF_ATTRIBUTES, NODE_ATTRIBUTES
from carving.tree.topology import branch_lengths

if TYPE_CHECKING:
    from carving.tree import Tree

_LENGTHS = {"distance": "distance", "log_age": "log-age", "free_energy_change": "free-energy"}
# rows that are turned into text at once
_CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class Column:
    """One attribute of all nodes or of all leaves.

    Attributes
    ----------
    name
        As the format calls it.
    values
        int64; float64, NaN where unknown; bool; or object, text that is empty where unknown.
    label
        Whether it is one of the tree's label columns.
    """

    name: str
    values: np.ndarray
    label: bool = False

    @property
    def kind(self) -> str:
        """``"long"``, ``"double"``, ``"boolean"`` or ``"string"``."""
        return {"i": "long", "f": "double", "b": "boolean"}.get(self.values.dtype.kind, "string")

    def texts(self, rows: np.ndarray, number: Callable[[float], str] = repr) -> list[str]:
        """The values of some rows as text, empty where unknown."""
        values = self.values[rows].tolist()
        if self.kind == "boolean":
            return ["true" if value else "false" for value in values]
        if self.kind == "double":
            return [number(value) if value == value else "" for value in values]
        return values if self.kind == "string" else [str(value) for value in values]


def node_columns(tree: "Tree") -> list[Column]:
    """The numbers that nodes have, in the order of ``carving.tree.Nodes``."""
    return [Column(name, getattr(tree.nodes, name)) for name in NODE_ATTRIBUTES]


def leaf_columns(tree: "Tree") -> list[Column]:
    """The numbers that leaves have."""
    return [Column(name, getattr(tree.leaves, name)) for name in LEAF_ATTRIBUTES]


def label_columns(
    tree: "Tree",
    taken: Collection[str],
    *,
    escape: Callable[[str, str], str] | None = None,
    colors: bool = False,
) -> list[Column]:
    """The label columns of leaves, each under a name that is free.

    Parameters
    ----------
    tree
        Whose labels.
    taken
        Names that the format has for something else; a column named so gets ``_`` added.
    escape
        Makes of a name or label, and of words that say which, what the format holds; or refuses it.
    colors
        After a column whose colours are given, one with ``_color`` added that holds them.
    """
    used = set(taken)
    names: dict[str, str] = {}
    for column in tree.labels:
        names[column] = free_name(column, used)
        used.add(names[column])
    columns: list[Column] = []
    for column, name in names.items():
        values = tree.labels[column]
        shown = name if escape is None else escape(name, "label column")
        if escape is None:
            columns.append(Column(shown, values, label=True))
        else:
            texts = {value: escape(value, f"label of column {column!r}") for value in set(values)}
            columns.append(Column(shown, _through(texts, values), label=True))
        if colors and column in tree.colors:
            name = free_name(f"{name}_color", used)
            used.add(name)
            shown = name if escape is None else escape(name, "label column")
            columns.append(Column(shown, _through(tree.colors[column], values)))
    return columns


def _through(table: dict[str, str], values: np.ndarray) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = [table.get(value, "") for value in values]
    return found


def notes(
    order: np.ndarray,
    of_nodes: list[Column],
    of_leaves: list[Column],
    piece: Callable[[Column, str], str],
    *,
    separator: str = "",
    number: Callable[[float], str] = repr,
) -> Iterator[str]:
    """What each vertex has to say, chunk by chunk.

    Parameters
    ----------
    order
        Vertices as ``carving.tree.topology`` numbers them.
    of_nodes, of_leaves
        Their columns.
    piece
        What is written for a column and the text of its value; nothing where it is empty.
    separator
        Between two pieces.
    number
        How floats are written.
    """
    nodes = len(of_nodes[0].values)
    for start in range(0, len(order), _CHUNK):
        here = order[start : start + _CHUNK]
        is_node = here < nodes
        node_notes = _joined(of_nodes, here[is_node], piece, separator, number)
        leaf_notes = _joined(of_leaves, here[~is_node] - nodes, piece, separator, number)
        for node in is_node.tolist():
            yield next(node_notes if node else leaf_notes)


def _joined(
    columns: list[Column],
    rows: np.ndarray,
    piece: Callable[[Column, str], str],
    separator: str,
    number: Callable[[float], str],
) -> Iterator[str]:
    pieces = [[piece(column, text) for text in column.texts(rows, number)] for column in columns]
    return (separator.join(filter(None, row)) for row in zip(*pieces, strict=True))


def node_table(tree: "Tree") -> list[Column]:
    """The nodes as a table: name, name of the parent, numbers, and three lengths of the branch above."""
    nodes = tree.nodes
    parents = np.append(nodes.name[nodes.parent[:-1]], "")
    lengths = [Column(name, branch_lengths(tree, kind)[: len(nodes)]) for name, kind in _LENGTHS.items()]
    return [Column("name", nodes.name), Column("parent", parents), *node_columns(tree), *lengths]


def leaf_table(tree: "Tree") -> list[Column]:
    """The leaves as a table: name, name of the state, numbers, labels and their colours."""
    columns = [Column("name", tree.leaves.name), Column("node", tree.nodes.name[tree.leaves.node])]
    columns += leaf_columns(tree)
    return columns + label_columns(tree, {column.name for column in columns}, colors=True)
