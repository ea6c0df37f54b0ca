"""The arrays of a store: how each is laid out, and reading them with every value checked."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.storage import StorePath

from carving._place import Place, one_line
from carving._zarr import values_digest
from carving.checkpoints._metadata import PARAMETERS, Metadata, grows
from carving.errors import CorruptStore

ROWS_A_CHUNK = 1024
_BYTES_A_CHUNK = 2**22
# a chunk that equals its fill value is written like any other, so that a missing one is an error
_CONFIG: Any = {"order": "C", "write_empty_chunks": True}

# values that no healthy array holds
_FILL: dict[str, Any] = {
    "updates": np.iinfo(np.int64).min,
    "elapsed_seconds": -1.0,
    **dict.fromkeys(PARAMETERS, np.nan),
}


def _fill(path: str, dtype: np.dtype) -> Any:
    if path in _FILL:
        return _FILL[path]
    if dtype.kind == "f":
        return float(np.finfo(dtype).min)
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).max if dtype.kind == "u" else np.iinfo(dtype).min)
    return None


def _chunks(path: str, shape: tuple[int, ...], dtype: np.dtype | None) -> tuple[int, ...]:
    rest = tuple(max(size, 1) for size in shape[1:])
    if path in PARAMETERS:
        return (1, *rest)
    if grows(path):
        return (ROWS_A_CHUNK,)
    if path == "samples":
        row = prod(rest) * (dtype.itemsize if dtype else 1)
        return (max(1, min(_BYTES_A_CHUNK // row, max(shape[0], 1))), *rest)
    if path == "names":
        return (2**16,)
    return tuple(max(size, 1) for size in shape)


def create_array(
    place: Place, path: str, shape: tuple[int, ...], dtype: Any, *, attributes: dict[str, Any] | None = None
) -> zarr.Array:
    """A new array in a store, in the place of one that an interrupted writer may have left."""
    numpy_dtype = None if dtype is str else np.dtype(dtype)
    # parameters do not shrink; samples, names and states of generators may, a lot
    packed = () if grows(path) else (ZstdCodec(level=1),)
    return zarr.create_array(
        place.arrays,
        name=path,
        shape=shape,
        dtype=dtype,
        chunks=_chunks(path, shape, numpy_dtype),
        compressors=(*packed, Crc32cCodec()),
        fill_value="" if numpy_dtype is None else _fill(path, numpy_dtype),
        attributes=attributes or {},
        overwrite=True,
        config=_CONFIG,
    )


def open_array(place: Place, metadata: Metadata, path: str) -> zarr.Array:
    """An array of a store, from the document that was checked."""
    try:
        document = metadata.documents[path]
        key = path, tuple(document["shape"])
        if key in metadata.opened:
            return metadata.opened[key]
        array = zarr.Array.from_dict(StorePath(place.arrays, path), document).with_config(_CONFIG)
        if path in PARAMETERS:
            metadata.opened[key] = array
        return array
    except Exception as error:  # a document with a valid digest that zarr refuses: another version's
        raise CorruptStore(
            f"{place.name}: {path}: is no array that this zarr reads ({one_line(error)}); upgrade zarr"
        ) from None


def read_array(place: Place, metadata: Metadata, path: str, row: int | None = None) -> np.ndarray:
    """The committed values of an array, or of its row for one checkpoint, compared with their digest.

    Raises
    ------
    CorruptStore
        If a chunk is missing, damaged, or not the one that was committed.
    """
    array = open_array(place, metadata, path)
    length = metadata.committed if grows(path) else (array.shape[0] if array.ndim else 1)
    rows = slice(0, length) if row is None else slice(row, row + 1)
    # in a folder a look costs next to nothing; elsewhere it is a request
    if place.folder is not None and _missing(place, array, path, rows):
        raise CorruptStore(_damage(place, array, path, rows, "is missing"))
    try:
        values = np.asarray(array[rows] if array.ndim else array[...])
    except Exception as error:  # zarr and its codecs raise many kinds
        raise CorruptStore(_damage(place, array, path, rows, one_line(error))) from None
    values = values[0] if row is not None else values
    values = values.astype(object) if values.dtype.kind in "TUO" else values
    expected = metadata.contents[path] if row is None else metadata.contents[path][row]
    if values_digest(values) != expected:
        raise CorruptStore(_damage(place, array, path, rows, "values differ from their digest"))
    return values


def read_ages(place: Place, metadata: Metadata) -> np.ndarray:
    """The committed ages, after checking that they increase."""
    ages = read_array(place, metadata, "updates")
    if ages.dtype != np.int64 or ages.ndim != 1:
        raise CorruptStore(f"{place.name}: updates: are not a row of int64; make the store anew")
    wrong = np.flatnonzero(np.diff(ages) <= 0)
    if len(wrong):
        index = int(wrong[0])
        raise CorruptStore(
            f"{place.name}: updates: {ages[index + 1]} follows {ages[index]}; "
            "ages must increase, make the store anew"
        )
    return ages


def _damage(place: Place, array: zarr.Array, path: str, rows: slice, reason: str) -> str:
    """What is wrong, after a look for chunks that are not there."""
    missing = _missing(place, array, path, rows)
    if missing is not None:
        path, reason = missing, "is missing"
    where = f" of checkpoint {rows.start}" if path.split("/", 1)[0] in PARAMETERS else ""
    return f"{place.name}: {path}{where}: {reason}; restore the store from a copy, or make it anew"


def _missing(place: Place, array: zarr.Array, path: str, rows: slice) -> str | None:
    return next((key for key in _keys(array, path, rows) if not _has(place, key)), None)


def _keys(array: zarr.Array, path: str, rows: slice) -> Iterator[str]:
    """The chunks that hold these rows; only the first axis is ever divided."""
    if array.ndim == 0:
        return iter((f"{path}/c",))
    if 0 in array.shape:
        return iter(())
    first = rows.start // array.chunks[0]
    beyond = -(-rows.stop // array.chunks[0])
    return (f"{path}/c/{chunk}{'/0' * (array.ndim - 1)}" for chunk in range(first, beyond))


def _has(place: Place, key: str) -> bool:
    try:
        return place.has(key)
    except Exception:  # it is there, and as damaged as the error that brought us here says
        return True
