"""Flat tables of nodes and leaves as CSV, for pandas, R and spreadsheets."""

from typing import TYPE_CHECKING

from carving.export._columns import Column, leaf_table, node_table
from carving.export._format import Format, Target, two_tables
from carving.export._table import cells, write_table

if TYPE_CHECKING:
    from carving.tree import Tree


def write_nodes_csv(tree: "Tree", target: Target, *, force: bool = False) -> None:
    """Write the nodes as a table: one row a node, in store order, nodes with one child included.

    Columns: ``name``, ``parent`` (its name; empty for the root), ``age``, ``size``, ``free_energy``,
    ``error``, ``converged``, ``stable``, ``birth_age``, ``birth_uncertainty``, ``support``, and three
    lengths of the branch above it: ``distance``, ``log_age``, ``free_energy_change``. Text is quoted and
    numbers are not; NaN is an empty cell.

    Parameters
    ----------
    tree
        What to write.
    target
        A path or an open text file.
    force
        Replace what is there.
    """
    _write_columns(node_table(tree), target, force=force)


def write_leaves_csv(tree: "Tree", target: Target, *, force: bool = False) -> None:
    """Write the leaves as a table: one row a leaf, in the order of the tree.

    Columns: ``name``, ``node`` (name of its state at the oldest age), ``distance`` to that state,
    ``error``, ``size`` (the samples that it stands for), every label column under its own name and, where
    it has colours, one with ``_color`` added. A column named like another one gets ``_`` added. An unknown
    label is an empty cell.

    Parameters
    ----------
    tree, target, force
        As for ``write_nodes_csv``.
    """
    _write_columns(leaf_table(tree), target, force=force)


def _write_columns(columns: list[Column], target: Target, *, force: bool) -> None:
    write_table({column.name: cells(column.values) for column in columns}, target, force=force)


FORMAT = Format(
    name="csv",
    target=".",
    description="nodes.csv and leaves.csv, everything flat: pandas, R, spreadsheets",
    write=two_tables(write_nodes_csv, write_leaves_csv, "csv"),
)
