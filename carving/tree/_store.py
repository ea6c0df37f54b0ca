"""The tree store: one zarr group with every column, written whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carving._files import whole_folder
from carving.errors import CorruptStore, InvalidInput, MissingFile
from carving.tree._columns import Ages, Leaves, Nodes, States

if TYPE_CHECKING:
    import zarr

    from carving.tree.tree import Tree

FORMAT = "carving-tree"
FORMAT_VERSION = 1

# the magnetisations of nodes have a group of their own in the store
_GROUP_OF = {("nodes", "visible"): "fixed_points", ("nodes", "hidden"): "fixed_points"}
_TABLES: dict[str, Any] = {"leaves": Leaves, "nodes": Nodes, "states": States, "ages": Ages}
_ATTRIBUTES = ("visible_unit", "hidden_unit", "options", "provenance", "colors")


def _place(table: str, column: str) -> str:
    return f"{_GROUP_OF.get((table, column), table)}/{column}"


def save_tree(tree: "Tree", path: str | os.PathLike[str], *, force: bool) -> None:
    """See ``Tree.save``."""
    import zarr

    from carving import _zarr

    attributes = {name: _zarr.plain(getattr(tree, name), place=f"tree: {name}") for name in _ATTRIBUTES}
    with whole_folder(path, force=force) as folder:
        header = {"format": FORMAT, "format_version": FORMAT_VERSION}
        group = zarr.create_group(str(folder), zarr_format=3, attributes={**header, **attributes})
        for table, kind in _TABLES.items():
            for column in kind.column_types:
                _zarr.write_array(group, _place(table, column), getattr(getattr(tree, table), column))
        for index, (name, column) in enumerate(tree.labels.items()):
            _zarr.write_array(group, f"labels/{index}", column, attributes={"name": name})
        _zarr.seal(group, folder)


def load_tree(path: str | os.PathLike[str]) -> "Tree":
    """Read a tree that was saved.

    Parameters
    ----------
    path
        The store, or the folder that ``carve build-tree`` wrote, which holds it as ``tree.zarr``.

    Raises
    ------
    MissingFile
        If nothing is there.
    CorruptStore
        If the store is damaged in any way, or is no tree.
    """
    from carving import _zarr

    folder = _store_folder(Path(path))
    group = _zarr.open_sealed(folder, kind=FORMAT, version=FORMAT_VERSION)
    place = str(folder)
    tables = {table: _read_table(group, table, kind, place) for table, kind in _TABLES.items()}
    return _assemble(group, tables, _read_labels(group, place), place)


def _store_folder(path: Path) -> Path:
    if not path.exists():
        raise MissingFile(f"{path}: does not exist; give a tree.zarr or the folder that build-tree wrote")
    inside = path / "tree.zarr"
    folder = inside if inside.exists() else path
    if not folder.is_dir():
        raise CorruptStore(f"{path}: is a file, not a tree store; give a tree.zarr folder")
    return folder


def _read_table(group: "zarr.Group", table: str, kind: Any, place: str) -> dict[str, np.ndarray]:
    from carving import _zarr

    return {
        column: _zarr.read_array(group, _place(table, column), place=place) for column in kind.column_types
    }


def _read_labels(group: "zarr.Group", place: str) -> dict[str, np.ndarray]:
    from carving import _zarr

    labels: dict[str, np.ndarray] = {}
    with _zarr.damage_named(f"{place}: labels"):
        while f"labels/{len(labels)}" in group:
            at = f"labels/{len(labels)}"
            name = group[at].attrs["name"]
            if not isinstance(name, str) or name in labels:
                raise CorruptStore(f"{place}: {at}: its name is {name!r}; take the store from a backup")
            labels[name] = _zarr.read_array(group, at, place=place)
    return labels


def _assemble(
    group: "zarr.Group", tables: Mapping[str, Any], labels: dict[str, np.ndarray], place: str
) -> "Tree":
    from carving import _zarr
    from carving.tree.tree import Tree

    with _zarr.damage_named(place):
        attributes: dict[str, Any] = {name: group.attrs[name] for name in _ATTRIBUTES}
        try:
            columns = {table: kind(**tables[table]) for table, kind in _TABLES.items()}
            return Tree(**columns, labels=labels, **attributes)
        except InvalidInput as error:
            raise CorruptStore(f"{place}: holds no tree ({error}); take it from a backup") from error
