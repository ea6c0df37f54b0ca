"""What an interrupted walk leaves behind, so that it can go on: one file for every finished age."""

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
_BLOCK = 4096
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
        samples: Any,
        options: dict[str, Any],
    ) -> Work:
        """The folder, emptied first if it belongs to other inputs."""
        provenance = {
            "carving": version_of("carving"),
            "torch": torch.__version__,
            "checkpoints": run.path,
            "checkpoints_fingerprint": run.fingerprint,
            "samples_sha256": _digest(samples),
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

    def load(self, age: int, record: type[Record]) -> Record | None:
        """What was found at an age, or None if it has still to be done."""
        if self._folder is None:
            return None
        try:
            content = (self._folder / f"{age}{_SUFFIX}").read_bytes()
        except OSError:
            return None
        digest, columns = content[: hashlib.sha256().digest_size], content[hashlib.sha256().digest_size :]
        if hashlib.sha256(columns).digest() != digest:
            return None
        with np.load(io.BytesIO(columns), allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
        return record(**{name: x if x.ndim else x.item() for name, x in values.items()})

    def save(self, age: int, found: Any) -> None:
        """Keep what was found at an age: a digest, and the columns as numpy writes them."""
        if self._folder is None:
            return
        columns = io.BytesIO()
        np.savez(columns, **asdict(found))
        content = columns.getvalue()
        with whole_file(self._folder / f"{age}{_SUFFIX}", force=True) as file:
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
    return name == _INPUTS or re.fullmatch(rf"\d+{re.escape(_SUFFIX)}", name) is not None


def _read_inputs(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / _INPUTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _digest(samples: Any) -> str:
    """SHA-256 of the samples' shape and values, read by blocks of rows."""
    digest = hashlib.sha256(repr(tuple(samples.shape)).encode())
    for low in range(0, samples.shape[0], _BLOCK):
        part = samples[low : low + _BLOCK]
        part = part.cpu().numpy() if isinstance(part, torch.Tensor) else np.asarray(part)
        digest.update(np.ascontiguousarray(part).astype("<f4").tobytes())
    return digest.hexdigest()
