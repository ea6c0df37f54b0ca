"""What every store of carving has in common: checked chunks, and digests over values and metadata.

A store must never give wrong numbers. Chunks carry crc32c and are all written, so that a missing one is
an error and never a fill value. The root attribute ``contents`` names every array that the store
consists of and holds a digest of what is in it; the root attribute ``digest`` covers all root attributes,
``contents`` among them, and the document of each of those arrays. Nothing can be changed, lost or
exchanged without one of them saying so.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from carving.errors import CarvingError, CorruptStore, InvalidInput

ROOT_DOCUMENT = "zarr.json"

# large enough that a chunk is worth a file, small enough that one fits anywhere
_CHUNK_BYTES = 2**23
_REMEDY = "restore the store from a copy, or make it anew"


# ---- digests


def digest(content: bytes) -> str:
    """A short digest that differs when the content does."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def canonical(value: object) -> bytes:
    """JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def values_digest(values: np.ndarray) -> str:
    """A digest of an array's dtype, shape and values, the same on every machine."""
    if values.dtype.kind not in "biufc":
        return digest(canonical([list(values.shape), values.ravel().tolist()]))
    portable = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    hasher = hashlib.blake2b(canonical([portable.dtype.str, list(values.shape)]), digest_size=16)
    hasher.update(portable.reshape(-1).view(np.uint8).data)
    return hasher.hexdigest()


def chunks_digest(array: Path) -> str:
    """A digest of the chunks of an array in a folder, as they are on the disk.

    It is known before anything is decoded: the text codec takes the first bytes of a chunk of numbers
    for how many texts follow, and asks for all the memory there is.
    """
    chunks = sorted(chunk for chunk in (array / "c").rglob("*") if chunk.is_file())
    return digest(
        canonical([[chunk.relative_to(array).as_posix(), digest(chunk.read_bytes())] for chunk in chunks])
    )


def metadata_digest(attributes: Mapping[str, Any], documents: Mapping[str, Mapping[str, Any]]) -> str:
    """The digest of root attributes, its own left out, and of the documents of arrays by their path."""
    own = {key: value for key, value in attributes.items() if key != "digest"}
    return digest(canonical([own, documents]))


# ---- damage and plain values


def one_line(error: BaseException) -> str:
    """An error of a library below, short enough to be part of one of ours."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 160 else words[:157] + "…"


@contextmanager
def damage_named(place: str) -> Iterator[None]:
    """Turn whatever the libraries below raise over a damaged store into one line that names the place."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except CarvingError:
        raise
    except Exception as error:  # zarr and its codecs raise many kinds
        raise CorruptStore(f"{place}: is damaged ({one_line(error)}); {_REMEDY}") from None


def plain(value: Any, *, place: str) -> Any:
    """A value as JSON carries it: numpy numbers as Python's, tuples as lists; NaN is refused."""

    def convert(other: Any) -> Any:
        if isinstance(other, np.generic | np.ndarray):
            return other.tolist()
        raise TypeError(f"{other!r} is neither number nor text")

    try:
        return json.loads(json.dumps(value, default=convert, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{place}: cannot be stored ({error}); give numbers, text, lists, dicts") from None


# ---- a store that is written once


def impossible_fill(dtype: np.dtype) -> Any:
    """A value that data of this type never take, where there is one."""
    if dtype.kind == "f":
        return float("nan")
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max)
    return False if dtype.kind == "b" else ""


def write_store(
    folder: Path,
    arrays: Mapping[str, np.ndarray],
    *,
    attributes: Mapping[str, Any],
    array_attributes: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write a whole store, its digests included, into an empty folder.

    Parameters
    ----------
    folder
        Becomes the root group.
    arrays
        By their path; object arrays hold text.
    attributes
        Of the root, as JSON carries them; ``contents`` and ``digest`` are added.
    array_attributes
        Of some of the arrays, by their path.
    """
    root = zarr.create_group(str(folder), zarr_format=3)
    for path, values in arrays.items():
        _write_array(root, path, values, array_attributes.get(path, {}))
    contents = {path: chunks_digest(folder / path) for path in arrays}
    documents = {path: json.loads((folder / path / ROOT_DOCUMENT).read_bytes()) for path in arrays}
    covered = {**attributes, "contents": contents}
    root.update_attributes({**covered, "digest": metadata_digest(covered, documents)})


def _write_array(root: zarr.Group, path: str, values: np.ndarray, attributes: Mapping[str, Any]) -> None:
    row = max(1, int(np.prod(values.shape[1:]))) * values.dtype.itemsize
    rows = max(1, min(len(values), _CHUNK_BYTES // row))
    array = root.create_array(
        path,
        shape=values.shape,
        dtype=str if values.dtype.kind == "O" else values.dtype,
        chunks=(rows, *(max(1, size) for size in values.shape[1:])),
        fill_value=impossible_fill(values.dtype),
        # the checksum is outermost: damage is found before anything tries to decompress it
        compressors=(ZstdCodec(), Crc32cCodec()),
        attributes=dict(attributes),
        config={"write_empty_chunks": True},
    )
    if values.size:
        array[...] = values


class SealedStore:
    """A store that ``write_store`` wrote, opened for reading.

    Parameters
    ----------
    folder
        Where it is.
    kind
        The ``format`` that it must have.
    version
        The newest ``format_version`` that is understood.
    name
        What messages call it; the folder unless given.

    Attributes
    ----------
    attributes : dict
        Of the root.
    contents : dict
        Digest of every array by its path.

    Raises
    ------
    CorruptStore
        If it is damaged, another kind of store, or newer than this program.
    """

    def __init__(self, folder: Path, *, kind: str, version: int, name: str | None = None) -> None:
        self._folder, self.place = folder, name or str(folder)
        with damage_named(self.place):
            if not (folder / ROOT_DOCUMENT).is_file():
                raise CorruptStore(f"{self.place}: holds no {ROOT_DOCUMENT}, so is no {kind} store; give one")
            root = json.loads((folder / ROOT_DOCUMENT).read_bytes())
            attributes: dict[str, Any] = root["attributes"]
            _check_format(self.place, attributes, kind, version)
            contents: dict[str, str] = attributes["contents"]
            self._documents = {
                path: json.loads((folder / path / ROOT_DOCUMENT).read_bytes()) for path in contents
            }
            if attributes["digest"] != metadata_digest(attributes, self._documents):
                raise CorruptStore(f"{self.place}: its metadata differ from their digest; {_REMEDY}")
            self.attributes, self.contents = attributes, contents
            self._root = zarr.open_group(str(folder), mode="r", zarr_format=3)

    def array_attributes(self, path: str) -> dict[str, Any]:
        """Attributes of an array."""
        return self._documents[path].get("attributes", {})

    def read(self, path: str) -> np.ndarray:
        """The whole of an array, text as objects.

        Raises
        ------
        CorruptStore
            If a chunk is missing, damaged, or not the one that was written.
        """
        with damage_named(f"{self.place}: {path}"):
            if chunks_digest(self._folder / path) != self.contents[path]:
                raise CorruptStore(f"{self.place}: {path}: its chunks differ from their digest; {_REMEDY}")
            array = self._root[path]
            if not isinstance(array, zarr.Array):
                raise CorruptStore(f"{self.place}: {path}: is no array; {_REMEDY}")
            values = np.asarray(array[...])
            return values.astype(object) if values.dtype.kind == "T" else values


def _check_format(place: str, attributes: Mapping[str, Any], kind: str, version: int) -> None:
    found, newest = attributes.get("format"), attributes.get("format_version")
    if found != kind:
        raise CorruptStore(f"{place}: its format is {found!r:.40}, not {kind!r}; give the folder of one")
    if not isinstance(newest, int) or newest < 1:
        raise CorruptStore(f"{place}: its format_version is {newest!r:.40}; {_REMEDY}")
    if newest > version:
        raise CorruptStore(
            f"{place}: is of format version {newest}, this carving reads {version}; upgrade it"
        )
