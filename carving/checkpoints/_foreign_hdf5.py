"""HDF5 files of rbms and of clusterbm.

One group ``update_N`` (or ``epoch_N``) a checkpoint; the parameters in its ``params/``, or directly in
it, or in both places, as rbms writes them for older readers. At the root, where rbms wrote the file,
``model_type`` and ``hyperparameters``. The reading itself is in ``_hdf5_reader``.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from carving.checkpoints._foreign import ForeignCheckpoint, ForeignRun, check_parameters, sorted_places
from carving.errors import CorruptStore, InvalidInput

NAMES = {"weights": "weight_matrix", "visible_bias": "vbias", "hidden_bias": "hbias"}
MODEL_TYPES = {"BBRBM": False, "PBRBM": True}
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_READER = Path(__file__).with_name("_hdf5_reader.py")


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
    command = [sys.executable, str(_READER), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
        try:
            yield _describe(path, reader)
        finally:
            reader.kill()


def _describe(path: Path, reader: subprocess.Popen[bytes]) -> ForeignRun:
    said = _receive(path, reader)
    places = sorted_places([(age, name) for age, name in said["checkpoints"]], source=str(path))
    model = said["model_type"]
    if model is not None and model not in MODEL_TYPES:
        raise InvalidInput(
            f"{path}: model_type: {model!r:.40} is not known; {' and '.join(MODEL_TYPES)} can be imported"
        )
    return ForeignRun(
        source=str(path),
        kind=f"HDF5 ({'rbms' if model else 'clusterbm'}, {said['kind']}_N)",
        places=places,
        checkpoints=(_checkpoint(path, place, reader) for place in places.values()),
        potts=None if model is None else MODEL_TYPES[model],
        training=said["training"],
    )


def _receive(path: Path, reader: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the reader says next.

    Raises
    ------
    CorruptStore, InvalidInput
        If it reports an error, or has died.
    """
    assert reader.stdout is not None
    line = reader.stdout.readline()
    if not line.endswith(b"\n"):
        raise _died(path, reader)
    message = json.loads(line)
    if "error" in message:
        raise {"InvalidInput": InvalidInput, "CorruptStore": CorruptStore}[message["kind"]](message["error"])
    return message


def _died(path: Path, reader: subprocess.Popen[bytes]) -> CorruptStore:
    code = reader.wait()
    if sys.platform != "win32" and code == -signal.SIGXCPU:
        reason = "the HDF5 library does not come back from it"
    else:
        reason = f"the HDF5 library crashed on it, exit code {code}"
    return CorruptStore(f"{path}: cannot be read ({reason}); the file is damaged, copy it anew")


def _checkpoint(path: Path, place: str, reader: subprocess.Popen[bytes]) -> ForeignCheckpoint:
    said = _receive(path, reader)
    assert reader.stdout is not None
    arrays = {}
    for name, (dtype, shape) in said["arrays"].items():
        values = np.empty(shape, np.dtype(dtype))
        if not _fill(reader.stdout, values.reshape(-1).view(np.uint8).data):
            raise _died(path, reader)
        arrays[name] = values
    parameters = {ours: arrays[theirs] for ours, theirs in NAMES.items()}
    checked = check_parameters(parameters, NAMES, place=f"{path}: {place}")
    return ForeignCheckpoint(checked, said["elapsed_seconds"])


def _fill(source: IO[bytes], buffer: memoryview) -> bool:
    """Whether the source held enough to fill the buffer."""
    done = 0
    while done < len(buffer):
        chunk = source.read(min(len(buffer) - done, 2**24))
        if not chunk:
            return False
        buffer[done : done + len(chunk)] = chunk
        done += len(chunk)
    return True
