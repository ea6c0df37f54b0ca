"""Flat tables of nodes and leaves as parquet: typed columns, for pandas, polars, DuckDB, Spark and R."""

import os
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from carving._files import whole_file
from carving.errors import MissingDependency
from carving.export._columns import Column, leaf_table, node_table
from carving.export._format import Format, two_tables

if TYPE_CHECKING:
    from carving.tree import Tree

# rows that are compressed together, and may be read without the rest
ROW_GROUP = 1 << 16


def write_nodes_parquet(tree: "Tree", path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write the nodes as a parquet file: the columns of ``write_nodes_csv`` in their own types.

    NaN is null, and the root's parent is.

    Parameters
    ----------
    tree
        What to write.
    path
        The file.
    force
        Replace what is there.

    Raises
    ------
    MissingDependency
        If pyarrow, which is in the extra ``carving[parquet]``, is not installed.
    """
    _write_columns(node_table(tree), path, force=force)


def write_leaves_parquet(tree: "Tree", path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write the leaves as a parquet file: the columns of ``write_leaves_csv`` in their own types.

    An unknown label is null.

    Parameters
    ----------
    tree, path, force
        As for ``write_nodes_parquet``.

    Raises
    ------
    MissingDependency
        As there.
    """
    _write_columns(leaf_table(tree), path, force=force)


def _import_arrow() -> ModuleType:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependency(
            f"pyarrow: cannot be imported ({error}); pip install 'carving[parquet]'"
        ) from error
    return pyarrow


def _write_columns(columns: list[Column], path: str | os.PathLike[str], *, force: bool) -> None:
    arrow = _import_arrow()
    types = {
        "long": arrow.int64(),
        "double": arrow.float64(),
        "boolean": arrow.bool_(),
        "string": arrow.string(),
    }
    schema = arrow.schema([(column.name, types[column.kind]) for column in columns])
    with whole_file(path, force=force) as file, arrow.parquet.ParquetWriter(file, schema) as writer:
        for start in range(0, len(columns[0].values), ROW_GROUP):
            part = slice(start, start + ROW_GROUP)
            arrays = [_array(arrow, column.values[part], types[column.kind]) for column in columns]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _array(arrow: ModuleType, values: np.ndarray, kind: Any) -> Any:
    """Values of one row group; unknown ones, NaN or empty, are null."""
    if values.dtype.kind == "O":
        return arrow.array([value or None for value in values], type=kind)
    return arrow.array(values, type=kind, from_pandas=True)


FORMAT = Format(
    name="parquet",
    target=".",
    description="nodes.parquet and leaves.parquet, typed: pandas, polars, DuckDB, Spark, R",
    write=two_tables(write_nodes_parquet, write_leaves_parquet, "parquet"),
)
