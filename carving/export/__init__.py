"""Exports: one module a format, each a pure function of a ``Tree``.

A new format is one new module here that defines ``FORMAT``; nothing else need know of it.

Every writer takes a path, which appears whole or not at all, or an open text file. Names are never
altered: they are quoted, or the format's own escape is used, and a name that a format cannot hold is
refused with the format that can. Numbers are written in the shortest form that reads back as the same
float64, unless a ``precision`` is given. Everything is a loop, linear in the number of leaves, at any depth;
formats whose readers recurse refuse trees that those could not read.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from carving.export._columns import Column, leaf_table, node_table
from carving.export._format import NODE_LABELS, ExportOptions, Format
from carving.export._table import cells, write_table
from carving.export.auspice import write_auspice
from carving.export.consensus import write_consensus_newick, write_consensus_nexus
from carving.export.csv import write_leaves_csv, write_nodes_csv
from carving.export.graphml import write_graphml
from carving.export.itol import write_itol
from carving.export.microreact import write_microreact
from carving.export.newick import write_newick
from carving.export.nexus import write_nexus
from carving.export.nhx import write_nhx
from carving.export.parquet import write_leaves_parquet, write_nodes_parquet
from carving.export.phyloxml import write_phyloxml

__all__ = [
    "Format",
    "ExportOptions",
    "formats",
    "NODE_LABELS",
    "Column",
    "node_table",
    "leaf_table",
    "cells",
    "write_table",
    "write_newick",
    "write_nhx",
    "write_nexus",
    "write_phyloxml",
    "write_auspice",
    "write_microreact",
    "write_graphml",
    "write_itol",
    "write_nodes_csv",
    "write_leaves_csv",
    "write_nodes_parquet",
    "write_leaves_parquet",
    "write_consensus_newick",
    "write_consensus_nexus",
]


@cache
def _found() -> tuple[Format, ...]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return tuple(module.FORMAT for module in modules if hasattr(module, "FORMAT"))


def formats() -> dict[str, Format]:
    """Every export format by its name."""
    return {format.name: format for format in _found()}
