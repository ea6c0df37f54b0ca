"""Writing a store: what is appended counts from the one moment at which the root document is replaced."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from carving._place import ROOT_DOCUMENT, Place, one_line
from carving._zarr import values_digest
from carving.checkpoints._arrays import ROWS_A_CHUNK, create_array, open_array, read_array
from carving.checkpoints._metadata import PARAMETERS, Metadata, grows
from carving.errors import CorruptStore, InvalidInput

# dtypes that every version of zarr's format knows; others are kept as bytes
_PLAIN_KINDS = "iufc"


def write_document(folder: Path, key: str, document: Mapping[str, Any]) -> None:
    """Replace one of the store's documents in a single step."""
    target = folder / key
    descriptor, beside = tempfile.mkstemp(prefix=target.name, suffix=".partial", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, allow_nan=False)
            if key == ROOT_DOCUMENT:
                # the one document whose loss would lose the store, should the machine itself stop
                file.flush()
                os.fsync(file.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, target)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def sweep(folder: Path, metadata: Metadata) -> None:
    """Remove what a killed writer left: half-written files, and arrays that were never committed."""
    for path in folder.rglob("*.partial"):
        path.unlink(missing_ok=True)
    known = set(metadata.contents)
    for pattern in (*PARAMETERS, "elapsed_seconds", "metrics/*", "resume/[ab]/*"):
        for path in folder.glob(pattern):
            if path.is_dir() and path.relative_to(folder).as_posix() not in known:
                shutil.rmtree(path)


def start_arrays(place: Place, metadata: Metadata, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """The growing arrays of a store that has no checkpoint yet, now that the sizes are known."""
    for path, shape in shapes.items():
        _add(place, metadata, path, (0, *shape), np.float64 if path == "elapsed_seconds" else np.float32)
        metadata.contents[path] = [] if path in PARAMETERS else ""


def _add(
    place: Place, metadata: Metadata, path: str, shape: tuple[int, ...], dtype: Any, **more: Any
) -> None:
    create_array(place, path, shape, dtype, **more)
    metadata.documents[path] = json.loads(place.read(f"{path}/{ROOT_DOCUMENT}") or b"")


def write_whole(place: Place, metadata: Metadata, path: str, values: np.ndarray, **more: Any) -> None:
    """An array that does not grow."""
    _add(place, metadata, path, values.shape, str if values.dtype == object else values.dtype, **more)
    if values.size:
        open_array(place, metadata, path)[...] = values
    metadata.contents[path] = values_digest(values)


def lengthen(folder: Path, metadata: Metadata) -> None:
    """Room for one checkpoint more in every array that grows."""
    for path, document in metadata.documents.items():
        if grows(path) and document["shape"][0] <= metadata.committed:
            document["shape"][0] = metadata.committed + 1
            write_document(folder, f"{path}/{ROOT_DOCUMENT}", document)


def write_parameters(place: Place, metadata: Metadata, values: Mapping[str, np.ndarray]) -> None:
    """The parameters of the checkpoint after the last committed one."""
    for path, parameters in values.items():
        open_array(place, metadata, path)[metadata.committed] = parameters
        metadata.contents[path] = [*metadata.contents[path], values_digest(parameters)]


def write_row(place: Place, metadata: Metadata, path: str, value: float) -> None:
    """One value of a series, for the checkpoint after the last committed one."""
    row = metadata.committed
    start = row - row % ROWS_A_CHUNK
    array = open_array(place, metadata, path)
    earlier = read_array(place, metadata, path) if row else np.empty(0, array.dtype)
    series = np.append(earlier, np.asarray(value, array.dtype))
    # whole chunks, so that nothing of what an interrupted writer left is read
    array[start : row + 1] = series[start:]
    metadata.contents[path] = values_digest(series)


def write_metrics(place: Place, metadata: Metadata, metrics: Mapping[str, float]) -> None:
    """The metrics of the next checkpoint; NaN where a metric is not given, as before it was first given."""
    known = {
        document["attributes"]["name"]: path
        for path, document in metadata.documents.items()
        if path.startswith("metrics/")
    }
    for name in metrics:
        if name not in known:
            path = known[name] = f"metrics/{len(known)}"
            row = metadata.committed
            _add(place, metadata, path, (row + 1,), np.float32, attributes={"name": name})
            series = np.full(row, np.nan, np.float32)
            open_array(place, metadata, path)[:row] = series
            metadata.contents[path] = values_digest(series)
    for name, path in known.items():
        write_row(place, metadata, path, metrics.get(name, np.nan))


def write_resume(place: Place, metadata: Metadata, arrays: Mapping[str, np.ndarray] | None) -> None:
    """What training needs to go on, into the slot that the last committed checkpoint does not use."""
    old = metadata.attributes["resume"]
    for path in [path for path in metadata.contents if path.startswith("resume/")]:
        del metadata.contents[path], metadata.documents[path]
    slot = None if arrays is None else "b" if old == "a" else "a"
    metadata.attributes["resume"] = slot
    if arrays is None:
        return
    assert place.folder is not None
    shutil.rmtree(place.folder / "resume" / str(slot), ignore_errors=True)
    for number, (name, values) in enumerate(arrays.items()):
        values = np.asarray(values)
        attributes: dict[str, Any] = {"name": name}
        if values.dtype.kind not in _PLAIN_KINDS:
            if values.dtype.hasobject:
                raise InvalidInput(f"resume: {name!r} holds Python objects; give arrays of plain values")
            attributes |= {"dtype": values.dtype.str, "shape": list(values.shape)}
            values = np.frombuffer(values.tobytes(), np.uint8)
        write_whole(place, metadata, f"resume/{slot}/{number}", values, attributes=attributes)


def read_resume(place: Place, metadata: Metadata) -> dict[str, np.ndarray]:
    """What `write_resume` wrote."""
    arrays = {}
    for path in metadata.contents:
        if path.startswith("resume/"):
            attributes = metadata.documents[path]["attributes"]
            values = read_array(place, metadata, path)
            if "dtype" in attributes:
                try:
                    values = np.frombuffer(values.tobytes(), np.dtype(attributes["dtype"]))
                    values = values.reshape(attributes["shape"]).copy()
                except Exception as error:  # numpy raises many kinds for what is no dtype or shape
                    raise CorruptStore(
                        f"{place.name}: {path}: dtype and shape do not fit ({one_line(error)}); make it anew"
                    ) from None
            arrays[attributes["name"]] = values
    return arrays
