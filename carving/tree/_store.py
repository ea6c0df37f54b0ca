"""The tree store: one zarr group with every column, written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carving._files import is_url, whole_folder
from carving.errors import CorruptStore, InvalidInput, MissingFile
from carving.tree._columns import Ages, Leaves, Nodes, States

if TYPE_CHECKING:
    from carving._zarr import SealedStore
    from carving.tree.tree import Tree

FORMAT = "carving-tree"
FORMAT_VERSION = 1

# the magnetisations of nodes have a group of their own in the store
_GROUP_OF = {("nodes", "visible"): "fixed_points", ("nodes", "hidden"): "fixed_points"}
_TABLES: dict[str, Any] = {"leaves": Leaves, "nodes": Nodes, "states": States, "ages": Ages}
_ATTRIBUTES = ("visible_unit", "hidden_unit", "options", "provenance", "spent", "colors")


def _place(table: str, column: str) -> str:
    return f"{_GROUP_OF.get((table, column), table)}/{column}"


def save_tree(tree: "Tree", path: str | os.PathLike[str], *, force: bool) -> None:
    """See ``Tree.save``."""
    from carving import _zarr

    attributes = {name: _zarr.plain(getattr(tree, name), place=f"tree: {name}") for name in _ATTRIBUTES}
    columns = {
        _place(table, column): getattr(getattr(tree, table), column)
        for table, kind in _TABLES.items()
        for column in kind.column_types
    }
    labels = {f"labels/{index}": column for index, column in enumerate(tree.labels.values())}
    names = {f"labels/{index}": {"name": name} for index, name in enumerate(tree.labels)}
    with _new_store(path, force=force) as folder:
        _zarr.write_store(
            folder,
            {**columns, **labels},
            attributes={"format": FORMAT, "format_version": FORMAT_VERSION, **attributes},
            array_attributes=names,
        )


@contextmanager
def _new_store(path: str | os.PathLike[str], *, force: bool) -> Iterator[Path]:
    """A folder that becomes the store at this path or URL when the block ends well."""
    if not is_url(path):
        with whole_folder(path, force=force) as folder:
            yield folder
        return
    from carving._place import put

    with tempfile.TemporaryDirectory(prefix="carving-") as folder:
        yield Path(folder)
        put(Path(folder), os.fspath(path), force=force)


def load_tree(path: str | os.PathLike[str]) -> "Tree":
    """Read a tree that was saved.

    Parameters
    ----------
    path
        Path or URL of the store, or of the folder that ``carve build-tree`` wrote, which holds it as
        ``tree.zarr``.

    Raises
    ------
    MissingFile
        If nothing is there.
    CorruptStore
        If the store is damaged in any way, or is no tree.
    """
    if is_url(path):
        from carving._place import fetched

        with fetched(os.fspath(path)) as folder:
            return _load(_store_folder(folder), os.fspath(path))
    return _load(_store_folder(Path(path)), None)


def _load(folder: Path, name: str | None) -> "Tree":
    from carving import _zarr
    from carving.tree.tree import Tree

    store = _zarr.SealedStore(folder, kind=FORMAT, version=FORMAT_VERSION, name=name)
    with _zarr.damage_named(store.place):
        attributes: dict[str, Any] = {name: store.attributes[name] for name in _ATTRIBUTES}
        try:
            tables: dict[str, Any] = {table: _read_table(store, table) for table in _TABLES}
            return Tree(**tables, labels=_read_labels(store), **attributes)
        except InvalidInput as error:
            raise CorruptStore(f"{store.place}: holds no tree ({error}); make it anew") from None


def _store_folder(path: Path) -> Path:
    if not path.exists():
        raise MissingFile(f"{path}: does not exist; give a tree.zarr or the folder that build-tree wrote")
    inside = path / "tree.zarr"
    folder = inside if inside.exists() else path
    if not folder.is_dir():
        raise CorruptStore(f"{path}: is a file, not a tree store; give a tree.zarr folder")
    return folder


def _read_table(store: "SealedStore", table: str) -> Any:
    kind = _TABLES[table]
    columns = (
        column
        for column in kind.column_types
        # trees of earlier versions do not have the columns with defaults
        if column not in kind.defaults or _place(table, column) in store.contents
    )
    return kind(**{column: store.read(_place(table, column)) for column in columns})


def _read_labels(store: "SealedStore") -> dict[str, np.ndarray]:
    paths = sorted((path for path in store.contents if path.startswith("labels/")), key=_index)
    return {store.array_attributes(path)["name"]: store.read(path) for path in paths}


def _index(path: str) -> int:
    return int(path.rpartition("/")[2])
