"""Reads checkpoints from an HDF5 file in a process of its own, which alone dies or hangs with the library.

Run as a script by :mod:`carving.checkpoints._foreign_hdf5`: ``python _hdf5_reader.py FILE``. On damaged
files the HDF5 library may crash or never come back (about one file in a thousand with a few bytes changed),
which no ``except`` can catch. Imports nothing of carving, so that it starts at once.

Writes to standard output one line of JSON that describes the file, then for every checkpoint, youngest
first, one line of JSON and the raw values that it announces; or one line with ``error`` and ``kind``.
"""

import json
import math
import re
import sys
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np

if sys.platform != "win32":
    import resource

NAMES = ("weight_matrix", "vbias", "hbias")
CHECKPOINT = re.compile(r"(update|epoch)_([0-9]{1,18})")
DAMAGED = "the file is damaged or truncated; copy it anew"
# processor time for one step; an intact checkpoint of a gigabyte takes some seconds
SECONDS = 30
# deflate packs at most about 1,032 bytes in one
LARGEST_RATIO = 1100


class Refused(Exception):
    """What the file holds is not what it should hold, although the library reads it."""


def main(path: str, output: IO[bytes]) -> None:
    """Write all that import needs of a file."""
    place = path
    try:
        limit_time()
        with h5py.File(path, "r") as file:
            description = describe(path, file)
            send(output, description)
            for _, name in sorted(description["checkpoints"]):
                limit_time()
                place = f"{path}: {name}"
                send_checkpoint(output, place, file[name])
    except Refused as error:
        send(output, {"error": str(error), "kind": "InvalidInput"})
    except Exception as error:  # h5py raises what the library gives it
        words = " ".join(str(error).split())[:160]
        send(output, {"error": f"{place}: cannot be read ({words}); {DAMAGED}", "kind": "CorruptStore"})


def limit_time() -> None:
    """Let the kernel end this process if the next step does not come back."""
    if sys.platform == "win32":
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + SECONDS, hard))


def send(output: IO[bytes], message: dict[str, Any]) -> None:
    """One line of JSON."""
    output.write(json.dumps(message).encode() + b"\n")
    output.flush()


def describe(path: str, file: h5py.File) -> dict[str, Any]:
    """Ages and names of the checkpoints, and what the file says of its machines."""
    found = [match for match in map(CHECKPOINT.fullmatch, file) if match]
    kinds = sorted({match[1] for match in found})
    if len(kinds) > 1:
        raise Refused(f"{path}: holds both update_N and epoch_N groups; keep one kind")
    if not found:
        raise Refused(
            f"{path}: holds no checkpoints (groups update_N or epoch_N); is it the file of a training?"
        )
    return {
        "checkpoints": [(int(match[2]), match[0]) for match in found],
        "kind": kinds[0],
        "model_type": str(plain(file["model_type"])) if "model_type" in file else None,
        "training": hyperparameters(file),
    }


def plain(dataset: Any) -> Any:
    """A single value as JSON can hold it."""
    value = dataset[()]
    if isinstance(value, bytes):
        return value.decode()
    value = np.asarray(value).tolist()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def hyperparameters(file: h5py.File) -> dict[str, Any]:
    """The single values in the group of that name, but for the path where the file was written."""
    group = file.get("hyperparameters")
    if not isinstance(group, h5py.Group):
        return {}
    values = {}
    for name, dataset in group.items():
        if isinstance(dataset, h5py.Dataset) and dataset.shape == () and name != "filename":
            value = plain(dataset)
            if isinstance(value, str | int | float | bool):
                values[name] = value
    return values


def send_checkpoint(output: IO[bytes], place: str, group: Any) -> None:
    """The parameters of one checkpoint."""
    if not isinstance(group, h5py.Group):
        raise Refused(f"{place}: is no group of parameters; leave it out")
    arrays = {name: parameter(group, name, place) for name in NAMES}
    announced = {name: (values.dtype.str, values.shape) for name, values in arrays.items()}
    send(output, {"arrays": announced, "elapsed_seconds": elapsed(group)})
    for values in arrays.values():
        output.write(values.reshape(-1).view(np.uint8).data)
    output.flush()


def parameter(group: h5py.Group, name: str, place: str) -> np.ndarray:
    """One of the arrays, from ``params/`` or from beside it; from both if they agree."""
    homes = [home for home in (group.get("params"), group) if isinstance(home, h5py.Group)]
    named = [home for home in homes if name in home]
    if not named:
        if any("coupling_matrix" in home for home in homes):
            raise Refused(f"{place}: is a machine without hidden units; only RBMs can be imported")
        raise Refused(f"{place}: has no {name}, neither in params/ nor directly; leave it out")
    first, *others = (home[name] for home in named)
    found = read(first, name, place)
    for other in others:
        # rbms links both names to the same data; then the two are equal without being read
        if other != first and not np.array_equal(read(other, name, place), found, equal_nan=True):
            raise Refused(
                f"{place}: params/{name} differs from {name} beside params/; remove the one that is wrong"
            )
    return found


def read(dataset: Any, name: str, place: str) -> np.ndarray:
    """All of a dataset, after checking that the file can hold as much as its shape says."""
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise Refused(f"{place}: {name} is no array; leave this checkpoint out")
    if dataset.dtype.kind not in "fiu":
        raise Refused(f"{place}: {name} holds {dataset.dtype}, not numbers; check the file")
    stored = dataset.id.get_storage_size()
    packed = dataset.compression is not None or dataset.scaleoffset is not None
    if dataset.size * dataset.dtype.itemsize > stored * (LARGEST_RATIO if packed else 1):
        raise ValueError(f"{name} has shape {dataset.shape}, but {stored} bytes")
    return np.ascontiguousarray(dataset[()])


def elapsed(group: h5py.Group) -> float | None:
    """Seconds of training, where the file tells."""
    dataset = group.get("time")
    if not isinstance(dataset, h5py.Dataset) or dataset.shape != () or dataset.dtype.kind not in "fiu":
        return None
    seconds = float(dataset[()])
    return seconds if math.isfinite(seconds) else None


if __name__ == "__main__":
    # a broken pipe is the other side's having seen enough
    try:
        main(str(Path(sys.argv[1])), sys.stdout.buffer)
    except BrokenPipeError:
        sys.stdout = None  # type: ignore[assignment]
