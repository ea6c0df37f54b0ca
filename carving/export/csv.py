"""Flat tables of nodes and leaves as CSV, for pandas, R and spreadsheets."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carving.export._format import ExportOptions, Format, Target, free_name, label_names
from carving.export._table import cells, write_table
from carving.tree.topology import branch_lengths

if TYPE_CHECKING:
    from carving.tree import Tree

_NODE_COLUMNS = (
    "name",
    "age",
    "size",
    "free_energy",
    "error",
    "converged",
    "stable",
    "birth_age",
    "birth_uncertainty",
)
_LENGTHS = {"distance": "distance", "log_age": "log-age", "free_energy_change": "free-energy"}


def write_nodes_csv(tree: "Tree", target: Target, *, force: bool = False) -> None:
    """Write the nodes as a table: one row a node, in store order, nodes with one child included.

    Columns: ``name``, ``parent`` (its name; empty for the root), ``age``, ``size``, ``free_energy``,
    ``error``, ``converged``, ``stable``, ``birth_age``, ``birth_uncertainty``, and three lengths of the
    branch above it: ``distance``, ``log_age``, ``free_energy_change``. Text is quoted and numbers are not;
    NaN is an empty cell.

    Parameters
    ----------
    tree
        What to write.
    target
        A path or an open text file.
    force
        Replace what is there.
    """
    nodes = tree.nodes
    columns: dict[str, Sequence[Any]] = {name: cells(getattr(nodes, name)) for name in _NODE_COLUMNS}
    parents = ["" if parent < 0 else nodes.name[parent] for parent in nodes.parent]
    columns = {"name": columns.pop("name"), "parent": parents, **columns}
    for name, kind in _LENGTHS.items():
        columns[name] = cells(branch_lengths(tree, kind)[: len(nodes)])
    write_table(columns, target, force=force)


def write_leaves_csv(tree: "Tree", target: Target, *, force: bool = False) -> None:
    """Write the leaves as a table: one row a sample, in the order in which they were given.

    Columns: ``name``, ``node`` (name of its state at the oldest age), ``distance`` to that state,
    ``error``, every label column under its own name and, where it has colours, one with ``_color``
    added. A column named like another one gets ``_`` added. An unknown label is an empty cell.

    Parameters
    ----------
    tree, target, force
        As for ``write_nodes_csv``.
    """
    leaves = tree.leaves
    columns: dict[str, Sequence[Any]] = {
        "name": cells(leaves.name),
        "node": cells(tree.nodes.name[leaves.node]),
        "distance": cells(leaves.distance),
        "error": cells(leaves.error),
    }
    names = label_names(tree, columns)
    taken = {*columns, *names.values()}
    for column, name in names.items():
        columns[name] = cells(tree.labels[column])
        if column in tree.colors:
            colored = free_name(f"{name}_color", taken)
            taken.add(colored)
            colors = tree.colors[column]
            columns[colored] = [colors.get(label, "") for label in tree.labels[column]]
    write_table(columns, target, force=force)


def _write(tree: "Tree", folder: Path, options: ExportOptions) -> None:
    write_nodes_csv(tree, folder / "nodes.csv", force=options.force)
    write_leaves_csv(tree, folder / "leaves.csv", force=options.force)


FORMAT = Format(
    name="csv",
    target=".",
    description="nodes.csv and leaves.csv, everything flat: pandas, R, spreadsheets",
    write=_write,
)
