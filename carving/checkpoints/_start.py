"""A new, empty store: what may be put into its attributes and arrays, and writing them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carving._files import check_output
from carving._place import ROOT_DOCUMENT, find_place, one_line
from carving._version import version_of
from carving.checkpoints import _writer
from carving.checkpoints._lock import is_locked
from carving.checkpoints._metadata import FORMAT, FORMAT_VERSION, Metadata
from carving.errors import InvalidInput, OutputExists

if TYPE_CHECKING:
    from carving.units import Unit

_PACKAGES = ("carving", "numpy", "torch", "zarr")


def check_target(path: str | os.PathLike[str], *, force: bool) -> Path:
    """The path of a store that shall be written, after checking that nothing else is there.

    ``force`` replaces a store, never a folder of other things that was named by mistake.
    """
    folder = check_output(path, force=force)
    if folder.is_dir() and not (folder / ROOT_DOCUMENT).is_file() and any(folder.iterdir()):
        raise OutputExists(
            f"{folder}: is a folder of other things, not a store; choose another output or empty it yourself"
        )
    if folder.is_dir() and is_locked(folder):
        raise InvalidInput(
            f"{folder}: is being written by another program; wait until it has ended, or stop it"
        )
    return folder


def start_store(
    folder: Path,
    *,
    visible: str | Unit,
    hidden: str | Unit,
    beta: float,
    alphabet: str | None,
    training: Mapping[str, Any] | None,
    provenance: Mapping[str, Any] | None,
    samples: np.ndarray | None,
    names: Sequence[str] | np.ndarray | None,
) -> None:
    """Write an empty store into a folder that is there."""
    versions = {"python": platform.python_version(), **{name: version_of(name) for name in _PACKAGES}}
    attributes: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "committed": 0,
        **_unit_attributes(visible, hidden),
        "beta": float(beta),
        "training": plain_json(training or {}, source="training"),
        "provenance": {"versions": versions, **plain_json(provenance or {}, source="provenance")},
        "resume": None,
    }
    if alphabet is not None:
        if len(set(alphabet)) != len(alphabet) or len(alphabet) < 2:
            raise InvalidInput(f"alphabet {alphabet!r}: its letters must be distinct, and at least two")
        attributes["alphabet"] = alphabet
    metadata = Metadata(attributes)
    _writer.write_document(folder, ROOT_DOCUMENT, metadata.root_document())
    place = find_place(folder)
    _writer.write_whole(place, metadata, "updates", np.empty(0, np.int64))
    if samples is not None:
        _writer.write_whole(place, metadata, "samples", _plain_samples(samples))
    if names is not None:
        _writer.write_whole(place, metadata, "names", _plain_names(names, samples))
    _writer.write_document(folder, ROOT_DOCUMENT, metadata.root_document())


def _unit_attributes(visible: str | Unit, hidden: str | Unit) -> dict[str, Any]:
    from carving.units import Gaussian, Potts, resolve_unit

    attributes: dict[str, Any] = {}
    if visible == "potts":
        attributes["visible_unit"] = Potts.name
    else:
        unit = resolve_unit(visible)
        if not unit.in_visible:
            raise InvalidInput(f"visible layers cannot be {unit.name}; choose other units")
        attributes["visible_unit"] = unit.name
        if isinstance(unit, Potts):
            attributes["states"] = unit.states
    unit = resolve_unit(hidden)
    if not unit.in_hidden:
        raise InvalidInput(f"hidden layers cannot be {unit.name}; choose other units")
    attributes["hidden_unit"] = unit.name
    if isinstance(unit, Gaussian):
        attributes["hidden_precision"] = float(unit.precision)
    return attributes


def plain_json(values: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """The same values as JSON gives them back."""

    def plain(value: object) -> object:
        if isinstance(value, np.ndarray | np.generic):
            return value.tolist()
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        raise TypeError(f"{type(value).__name__} is not a number, string, list or dict")

    try:
        return json.loads(json.dumps(dict(values), default=plain, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{source}: cannot be stored ({one_line(error)}); give plain values") from None


def plain_metrics(metrics: Mapping[str, float], *, source: str) -> dict[str, float]:
    try:
        values = {name: float(value) for name, value in metrics.items()}
    except (TypeError, ValueError):
        raise InvalidInput(f"{source}: metrics: a value is not a number; give one number a name") from None
    if not all(isinstance(name, str) and name for name in values):
        raise InvalidInput(f"{source}: metrics: a name is not a word; name every metric")
    return values


def _plain_samples(samples: np.ndarray) -> np.ndarray:
    values = np.asarray(samples)
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise InvalidInput(f"samples: {values.ndim} dimensions of {values.dtype}; give a table of numbers")
    with np.errstate(invalid="ignore"):
        for dtype in (np.uint8, np.int8):
            small = values.astype(dtype)
            if np.array_equal(small, values):
                return small
    raise InvalidInput("samples: not all are whole numbers that fit a byte; only such can be kept in a store")


def _plain_names(names: Sequence[str] | np.ndarray, samples: np.ndarray | None) -> np.ndarray:
    values = np.array([str(name) for name in names], dtype=object)
    if samples is None or len(values) != len(samples):
        number = 0 if samples is None else len(samples)
        raise InvalidInput(f"names: {len(values)} names for {number} samples; give one name a sample")
    if "" in values:
        raise InvalidInput("names: an empty name; name every sample")
    if len(set(values)) != len(values):
        raise InvalidInput("names: a name occurs twice; names must be distinct")
    try:
        "".join(values).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"names: a name is not Unicode text ({one_line(error)}); rename it") from None
    return values
