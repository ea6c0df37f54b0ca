"""What every store of carving has in common: checked chunks, and a digest over the metadata.

A store must never give wrong numbers. Chunks carry crc32c; fill values are ones that data never take,
and a missing chunk is an error; the attribute ``digest`` of the root covers every ``zarr.json``, so that
a changed shape, type, attribute or a lost array is noticed as well.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from carving.errors import CarvingError, CorruptStore, InvalidInput

DIGEST = "digest"
METADATA = "zarr.json"

# large enough that a chunk is worth a file, small enough that one fits anywhere
_CHUNK_BYTES = 1 << 23


def impossible_fill(dtype: np.dtype) -> Any:
    """A value that data of this type never take, where there is one."""
    if dtype.kind == "f":
        return np.nan
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.min if dtype.kind == "i" else limits.max
    return False if dtype.kind == "b" else ""


def create_array(
    group: zarr.Group,
    name: str,
    *,
    shape: Sequence[int],
    dtype: Any,
    chunks: Sequence[int] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> zarr.Array:
    """A new array whose chunks are compressed and carry crc32c, all of them written, none implied.

    Parameters
    ----------
    group
        Where it goes.
    name
        Its path in the group, for example ``"leaves/node"``.
    shape, dtype
        As in numpy; ``str`` or ``object`` for text.
    chunks
        Shape of a chunk; by default whole rows, about 8 MiB of them.
    attributes
        Attributes of the array.
    """
    text = dtype is str or np.dtype(dtype).kind in "OUT"
    kind = np.dtype(object) if text else np.dtype(dtype)
    if chunks is None:
        row = max(1, int(np.prod(shape[1:]))) * kind.itemsize
        chunks = (max(1, min(shape[0], _CHUNK_BYTES // row)), *(max(1, size) for size in shape[1:]))
    return group.create_array(
        name,
        shape=tuple(shape),
        dtype=str if text else kind,
        chunks=tuple(chunks),
        fill_value=impossible_fill(kind),
        # the checksum is outermost: damage is found before anything tries to decompress it
        compressors=(ZstdCodec(), Crc32cCodec()),
        attributes=dict(attributes or {}),
        config={"write_empty_chunks": True},
    )


def write_array(
    group: zarr.Group,
    name: str,
    values: np.ndarray,
    *,
    chunks: Sequence[int] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Create an array and fill it."""
    array = create_array(
        group, name, shape=values.shape, dtype=values.dtype, chunks=chunks, attributes=attributes
    )
    if values.size:
        array[...] = values


def read_array(group: zarr.Group, name: str, *, place: str) -> np.ndarray:
    """The whole of an array, every chunk of it there and intact; text as an object array.

    Parameters
    ----------
    group, name
        Which array.
    place
        What to call the store in messages.

    Raises
    ------
    CorruptStore
        If a chunk is missing or damaged.
    """
    with damage_named(f"{place}: {name}"):
        array = group[name]
        if not isinstance(array, zarr.Array):
            raise CorruptStore(f"{place}: {name}: is no array; take the store from a backup")
        if array.nchunks_initialized < array.nchunks:
            missing = array.nchunks - array.nchunks_initialized
            raise CorruptStore(f"{place}: {name}: {missing} of {array.nchunks} chunks are missing; {_REMEDY}")
        values = np.asarray(array[...])
        return values.astype(object) if values.dtype.kind == "T" else values


_REMEDY = "take the store from a backup or make it again"


@contextmanager
def damage_named(place: str) -> Iterator[None]:
    """Turn whatever the libraries below raise over a damaged store into one line that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except CarvingError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CorruptStore(f"{place}: is damaged ({reason[:200]}); {_REMEDY}") from error


def plain(value: Any, *, place: str) -> Any:
    """A value as JSON can carry it: numpy numbers as Python's, tuples as lists; NaN is refused."""

    def convert(other: Any) -> Any:
        if isinstance(other, np.generic | np.ndarray):
            return other.tolist()
        raise TypeError(f"{other!r} is neither number nor text")

    try:
        return json.loads(json.dumps(value, default=convert, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"{place}: cannot be stored ({error}); give numbers, text, lists, dicts"
        ) from error


def local_documents(folder: Path) -> dict[str, bytes]:
    """Every metadata document of a store in a folder, by its path in the store."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob(METADATA))}


def metadata_digest(documents: Mapping[str, bytes], *, leave_out: Sequence[str] = ()) -> str:
    """SHA-256 over what the metadata documents say, and which there are.

    Parameters
    ----------
    documents
        Each ``zarr.json`` by its path in the store.
    leave_out
        Attributes of the root, besides the digest itself, that it does not cover.
    """
    parsed = {path: json.loads(text) for path, text in documents.items()}
    attributes = parsed[METADATA].get("attributes", {})
    for name in (DIGEST, *leave_out):
        attributes.pop(name, None)
    canonical = json.dumps(parsed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def seal(group: zarr.Group, folder: Path) -> None:
    """Write the digest of a finished store into its root."""
    group.update_attributes({DIGEST: metadata_digest(local_documents(folder))})


def open_sealed(folder: Path, *, kind: str, version: int) -> zarr.Group:
    """Open a store in a folder for reading, after checking its digest, format and version.

    Raises
    ------
    CorruptStore
        If it is damaged, another kind of store, or newer than this program.
    """
    with damage_named(str(folder)):
        documents = local_documents(folder)
        if METADATA not in documents:
            raise CorruptStore(
                f"{folder}: holds no {METADATA}, so is no {kind} store; give the folder of one"
            )
        attributes = json.loads(documents[METADATA]).get("attributes", {})
        if attributes.get("format") != kind:
            found = attributes.get("format")
            raise CorruptStore(
                f"{folder}: its format is {found!r}, not {kind!r}; give the folder of such a store"
            )
        if attributes.get(DIGEST) != metadata_digest(documents):
            raise CorruptStore(f"{folder}: metadata do not match their digest; {_REMEDY}")
        if attributes.get("format_version") != version:
            found = attributes.get("format_version")
            raise CorruptStore(f"{folder}: format_version {found!r} is not {version}; update carving")
        return zarr.open_group(str(folder), mode="r", zarr_format=3)
