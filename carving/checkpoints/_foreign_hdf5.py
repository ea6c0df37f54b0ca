"""HDF5 files of rbms and of clusterbm.

One group ``update_N`` (or ``epoch_N``) a checkpoint; the parameters in its ``params/``, or directly in
it, or in both places, as rbms writes them for older readers. At the root, where rbms wrote the file,
``model_type`` and ``hyperparameters``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from carving.checkpoints._foreign import ForeignCheckpoint, ForeignRun, check_parameters, sorted_places
from carving.checkpoints._place import one_line
from carving.errors import CarvingError, CorruptStore, InvalidInput

NAMES = {"weights": "weight_matrix", "visible_bias": "vbias", "hidden_bias": "hbias"}
MODEL_TYPES = {"BBRBM": False, "PBRBM": True}
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CHECKPOINT = re.compile(r"(update|epoch)_([0-9]{1,18})")
# deflate packs at most about 1,032 bytes in one
_LARGEST_RATIO = 1100
_DAMAGED = "the file is damaged or truncated; copy it anew"


@contextmanager
def open_hdf5(path: Path) -> Iterator[ForeignRun]:
    """The checkpoints of such a file.

    Raises
    ------
    CorruptStore
        If it is no HDF5 file, or a damaged one.
    InvalidInput
        If it holds no checkpoints, or such that are no machines of ours.
    """
    with path.open("rb") as file:
        start = file.read(len(_SIGNATURE))
    if not start:
        raise CorruptStore(f"{path}: is empty; copy it anew")
    if start != _SIGNATURE:
        raise CorruptStore(
            f"{path}: is no HDF5 file; import reads HDF5 files of rbms and clusterbm, or a folder of .npz"
        )
    try:
        file = h5py.File(path, "r")
    except Exception as error:  # h5py raises what the library gives it
        raise CorruptStore(f"{path}: cannot be opened ({one_line(error)}); {_DAMAGED}") from None
    with file:
        yield _describe(path, file)


def _describe(path: Path, file: h5py.File) -> ForeignRun:
    try:
        found = [match for match in map(_CHECKPOINT.fullmatch, file) if match]
        kinds = {match[1] for match in found}
        if len(kinds) > 1:
            raise InvalidInput(f"{path}: holds both update_N and epoch_N groups; keep one kind")
        if not found:
            raise InvalidInput(
                f"{path}: holds no checkpoints (groups update_N or epoch_N); is it the file of a training?"
            )
        places = sorted_places([(int(match[2]), match[0]) for match in found], source=str(path))
        model = _text(file["model_type"]) if "model_type" in file else None
        training = _hyperparameters(file)
    except CarvingError:
        raise
    except Exception as error:  # see above
        raise CorruptStore(f"{path}: cannot be read ({one_line(error)}); {_DAMAGED}") from None
    if model is not None and model not in MODEL_TYPES:
        raise InvalidInput(
            f"{path}: model_type: {model!r:.40} is not known; {' and '.join(MODEL_TYPES)} can be imported"
        )
    return ForeignRun(
        source=str(path),
        kind=f"HDF5 ({'rbms' if model else 'clusterbm'}, {kinds.pop()}_N)",
        places=places,
        read=lambda age: _read(path, file, places[age]),
        potts=None if model is None else MODEL_TYPES[model],
        training=training,
    )


def _text(dataset: Any) -> str:
    value = dataset[()]
    return value.decode() if isinstance(value, bytes) else str(value)


def _hyperparameters(file: h5py.File) -> dict[str, Any]:
    group = file.get("hyperparameters")
    if not isinstance(group, h5py.Group):
        return {}
    values = {}
    for name, dataset in group.items():
        if isinstance(dataset, h5py.Dataset) and dataset.shape == () and name != "filename":
            value = dataset[()]
            value = value.decode() if isinstance(value, bytes) else np.asarray(value).tolist()
            # JSON has no NaN
            values[name] = str(value) if isinstance(value, float) and not math.isfinite(value) else value
    return values


def _read(path: Path, file: h5py.File, name: str) -> ForeignCheckpoint:
    place = f"{path}: {name}"
    try:
        group = file[name]
        if not isinstance(group, h5py.Group):
            raise InvalidInput(f"{place}: is no group of parameters; leave it out")
        parameters = {ours: _parameter(group, theirs, place) for ours, theirs in NAMES.items()}
        elapsed = _elapsed(group)
    except CarvingError:
        raise
    except Exception as error:  # see above
        raise CorruptStore(f"{place}: cannot be read ({one_line(error)}); {_DAMAGED}") from None
    return ForeignCheckpoint(check_parameters(parameters, NAMES, place=place), elapsed)


def _parameter(group: h5py.Group, name: str, place: str) -> np.ndarray:
    homes = [home for home in (group.get("params"), group) if isinstance(home, h5py.Group)]
    named = [home for home in homes if name in home]
    if not named:
        if any("coupling_matrix" in home for home in homes):
            raise InvalidInput(f"{place}: is a machine without hidden units; only RBMs can be imported")
        raise InvalidInput(f"{place}: has no {name}, neither in params/ nor directly; leave it out")
    first, *others = (_dataset(home, name, place) for home in named)
    values = _values(first, name, place)
    for other in others:
        # rbms links both names to the same data; then the two are equal without being read
        if other != first and not np.array_equal(_values(other, name, place), values, equal_nan=True):
            raise InvalidInput(
                f"{place}: params/{name} differs from {name} beside params/; remove the one that is wrong"
            )
    return values


def _dataset(home: h5py.Group, name: str, place: str) -> h5py.Dataset:
    dataset = home[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise InvalidInput(f"{place}: {name} is no array; leave this checkpoint out")
    return dataset


def _values(dataset: h5py.Dataset, name: str, place: str) -> np.ndarray:
    """All of a dataset, after checking that the file can hold as much as its shape says."""
    if dataset.dtype.kind not in "fiu":
        raise InvalidInput(f"{place}: {name} holds {dataset.dtype}, not numbers; check the file")
    stored = dataset.id.get_storage_size()
    packed = dataset.compression is not None or dataset.scaleoffset is not None
    if dataset.size * dataset.dtype.itemsize > stored * (_LARGEST_RATIO if packed else 1):
        raise CorruptStore(f"{place}: {name} has shape {dataset.shape}, but {stored} bytes; {_DAMAGED}")
    return np.asarray(dataset[()])


def _elapsed(group: h5py.Group) -> float | None:
    dataset = group.get("time")
    if not isinstance(dataset, h5py.Dataset) or dataset.shape != () or dataset.dtype.kind not in "fiu":
        return None
    seconds = float(dataset[()])
    return seconds if math.isfinite(seconds) else None
