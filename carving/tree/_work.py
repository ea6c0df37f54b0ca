"""What an interrupted walk leaves behind, so that it can go on: a file for each age or part of one."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from carving._files import whole_file
from carving._version import version_of
from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence

_INPUTS = "inputs.json"
_SUFFIX = ".age"
Record = TypeVar("Record")


class Work:
    """A folder of finished ages, valid only for the inputs that it names; or none at all."""

    def __init__(self, folder: Path | None, provenance: dict[str, Any]) -> None:
        self._folder = folder
        self.provenance = provenance

    @classmethod
    def opened(
        cls,
        folder: str | Path | None,
        run: CheckpointSequence,
        ages: np.ndarray,
        samples: str,
        options: dict[str, Any],
    ) -> Work:
        """The folder, emptied first if it belongs to other inputs; ``samples`` is their fingerprint."""
        provenance = {
            "carving": version_of("carving"),
            "torch": torch.__version__,
            "checkpoints": run.path,
            "checkpoints_fingerprint": run.fingerprint,
            "samples_sha256": samples,
        }
        if folder is None:
            return cls(None, provenance)
        place = Path(folder)
        inputs = {**provenance, **options, "walked": ages.tolist()}
        inputs.pop("checkpoints")
        if _read_inputs(place) != inputs:
            _clear(place)
            place.mkdir(parents=True)
            with whole_file(place / _INPUTS, mode="w") as file:
                json.dump(inputs, file)
        return cls(place, provenance)

    def at(self, age: int) -> AgeWork:
        """What is kept of one age."""
        return AgeWork(self._folder, age)


class AgeWork:
    """One age in the folder: parts of it while it is under way, and the whole once it is finished."""

    def __init__(self, folder: Path | None, age: int) -> None:
        self._folder = folder
        self._age = age

    def load(self, record: type[Record]) -> Record | None:
        """What was found, or None if the age has still to be finished."""
        values = self._read(str(self._age))
        if values is None:
            return None
        return record(**{name: x if x.ndim else x.item() for name, x in values.items()})

    def save(self, found: Any) -> None:
        """Keep what was found; the parts are no longer needed."""
        self._write(str(self._age), asdict(found))
        if self._folder is not None:
            for path in self._folder.glob(f"{self._age}.*{_SUFFIX}"):
                path.unlink()

    def load_part(self, index: int) -> dict[str, np.ndarray] | None:
        """The columns of one part, or None if it has still to be done."""
        return self._read(f"{self._age}.{index}")

    def save_part(self, index: int, columns: dict[str, np.ndarray]) -> None:
        """Keep one part."""
        self._write(f"{self._age}.{index}", columns)

    def _read(self, name: str) -> dict[str, np.ndarray] | None:
        if self._folder is None:
            return None
        try:
            content = (self._folder / f"{name}{_SUFFIX}").read_bytes()
        except OSError:
            return None
        digest, columns = content[: hashlib.sha256().digest_size], content[hashlib.sha256().digest_size :]
        if hashlib.sha256(columns).digest() != digest:
            return None
        with np.load(io.BytesIO(columns), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    def _write(self, name: str, values: dict[str, Any]) -> None:
        """A digest, and the columns as numpy writes them."""
        if self._folder is None:
            return
        columns = io.BytesIO()
        np.savez(columns, **values)
        content = columns.getvalue()
        with whole_file(self._folder / f"{name}{_SUFFIX}", force=True) as file:
            file.write(hashlib.sha256(content).digest() + content)


def _clear(folder: Path) -> None:
    """Take away an earlier walk's folder; what else may be there is somebody's."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InvalidInput(f"{folder}: is no folder; choose another for the finished ages")
    strange = [path.name for path in folder.iterdir() if not _is_ours(path)]
    if strange:
        raise InvalidInput(
            f"{folder}: holds {sorted(strange)[0]!r}, which is no work of build_tree; choose another folder"
        )
    shutil.rmtree(folder)


def _is_ours(path: Path) -> bool:
    """Inputs, a finished age, or what a killed run left of either."""
    name = re.sub(r"^\.(.+)\.[^.]+\.partial$", r"\1", path.name)
    return name == _INPUTS or re.fullmatch(rf"\d+(\.\d+)?{re.escape(_SUFFIX)}", name) is not None


def _read_inputs(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / _INPUTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
