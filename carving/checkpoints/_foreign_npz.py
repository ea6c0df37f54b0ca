"""A folder of ``.npz`` files, each a checkpoint of weights, visible_bias, hidden_bias and updates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from carving._place import ROOT_DOCUMENT, one_line
from carving.checkpoints._foreign import ForeignCheckpoint, ForeignRun, check_parameters, sorted_places
from carving.checkpoints._metadata import PARAMETERS
from carving.errors import CorruptStore, InvalidInput

_NEEDED = (*PARAMETERS, "updates")


@contextmanager
def open_npz_folder(folder: Path) -> Iterator[ForeignRun]:
    """The checkpoints of such a folder.

    Raises
    ------
    CorruptStore
        If a file of it cannot be read.
    InvalidInput
        If it holds no such files, or such that are no machines.
    """
    if (folder / ROOT_DOCUMENT).exists():
        raise InvalidInput(f"{folder}: is a zarr store, not another program's file; use it as it is")
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise InvalidInput(f"{folder}: holds no .npz files; give a folder of them, or an HDF5 file")
    found = [(_updates(file), file.name) for file in files]
    places = sorted_places(found, source=str(folder))
    yield ForeignRun(
        source=str(folder),
        kind="folder of .npz",
        places=places,
        checkpoints=(_read(folder / name) for name in places.values()),
    )


def _load(file: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    try:
        # opened here, since numpy leaves a file open that is none of its own
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            missing = [name for name in _NEEDED if name not in archive]
            if missing:
                raise InvalidInput(f"{file}: has no {missing[0]}; a checkpoint holds {', '.join(_NEEDED)}")
            return {name: np.asarray(archive[name]) for name in names}
    except InvalidInput:
        raise
    except Exception as error:  # numpy and zipfile raise many kinds for a damaged file
        raise CorruptStore(f"{file}: cannot be read ({one_line(error)}); copy it anew") from None


def _updates(file: Path) -> int:
    values = _load(file, ("updates",))["updates"]
    if values.size != 1 or values.dtype.kind not in "iuf":
        raise InvalidInput(f"{file}: updates is not one number; give the number of updates")
    number = values.reshape(-1)[0].item()
    if number != number or not 0 <= number < 2**63 or int(number) != number:
        raise InvalidInput(f"{file}: updates is {number}; give a whole number, not negative")
    return int(number)


def _read(file: Path) -> ForeignCheckpoint:
    names = {name: name for name in PARAMETERS}
    return ForeignCheckpoint(check_parameters(_load(file, PARAMETERS), names, place=str(file)))
