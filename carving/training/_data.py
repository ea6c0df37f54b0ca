"""What a training learns from: samples of any form, their unit, and minibatches of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carving.data import Samples
from carving.errors import InvalidInput
from carving.units import Potts, Unit, resolve_unit

# stores keep codes in a byte
_LARGEST_CODE = 255


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Samples, checked, as a machine wants them and as a store keeps them.

    Attributes
    ----------
    unit
        The visible unit.
    statistics
        (n, N_v) or (n, N_v, q), float32, on the CPU.
    codes
        (n, N_v), uint8, or int8 for spins.
    names
        Those given, if any.
    alphabet
        Letters of the codes, if they are of sequences.
    source
        Where they come from, for messages.
    """

    unit: Unit
    statistics: Tensor
    codes: np.ndarray
    names: Sequence[str] | np.ndarray | None
    alphabet: str | None
    source: str

    def fingerprint(self) -> str:
        """A digest of the samples: of what they are and their order, not of their names."""
        digest = hashlib.sha256(f"{self.unit.name} {self.codes.shape} ".encode())
        digest.update(np.ascontiguousarray(self.codes).data)
        return digest.hexdigest()


def read_training_data(
    samples: Samples | Any,
    *,
    visible: str | Unit | None,
    names: Sequence[str] | np.ndarray | None,
    alphabet: str | None,
) -> TrainingData:
    """Samples as given to :func:`carving.train`, checked.

    Raises
    ------
    InvalidInput
        If they are no table, empty, of values that the unit cannot take, or of no unit that is known.
    """
    source = "samples"
    if isinstance(samples, Samples):
        source, values = samples.source, samples.values
        names = samples.names if names is None else names
        alphabet = samples.alphabet if alphabet is None else alphabet
    else:
        values = samples.detach().cpu().numpy() if isinstance(samples, Tensor) else np.asarray(samples)
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise InvalidInput(
            f"{source}: have shape {values.shape}; they must be a table (samples, sites), not empty"
        )
    if values.dtype.kind not in "biuf":
        raise InvalidInput(f"{source}: are {values.dtype}, not numbers; give a table of small whole numbers")
    # torch takes no array that is reversed, read-only or of foreign byte order
    values = np.require(values, values.dtype.newbyteorder("="), ["C", "W"])
    unit = _find_unit(values, visible, alphabet, source)
    if names is not None and len(names) != len(values):
        raise InvalidInput(f"names: {len(names)} for {len(values)} samples; give one a sample")
    statistics = unit.encode(values, torch.float32, source=source)
    return TrainingData(unit, statistics, _codes(statistics, unit), names, alphabet, source)


def _find_unit(values: np.ndarray, visible: str | Unit | None, alphabet: str | None, source: str) -> Unit:
    states = len(alphabet) if alphabet is not None else values.shape[2] if values.ndim == 3 else None
    if visible is None:
        visible = _guess_unit(values, states, source)
    if visible == Potts.name and states is None:
        states = _count_states(values, source)
    unit = resolve_unit(visible, states=states)
    if not unit.in_visible:
        raise InvalidInput(f"visible: {unit.name} units cannot be visible; choose bernoulli, spin or potts")
    if isinstance(unit, Potts) and states is not None and unit.states != states:
        what = "alphabet" if alphabet is not None else source
        raise InvalidInput(
            f"{what}: of {states} states, but the visible unit has {unit.states}; give as many"
        )
    return unit


def _guess_unit(values: np.ndarray, states: int | None, source: str) -> str:
    if states is not None:
        return "potts"
    found = np.unique(values)
    for name, allowed in (("bernoulli", (0, 1)), ("spin", (-1, 1))):
        if np.isin(found, allowed).all():
            return name
    strange = found[~np.isin(found, (-1, 0, 1))]
    example = strange[0] if len(strange) else found[0]
    row, column = (int(x) for x in np.argwhere((values == example) | (values != values))[0])
    raise InvalidInput(
        f"{source}: row {row}, column {column}: {values[row, column]} is neither of 0/1 nor of ±1; "
        "binarise, or for codes of states choose potts as the visible unit, or give an alphabet"
    )


def _count_states(values: np.ndarray, source: str) -> int:
    """As many as the largest code says."""
    largest = np.nanmax(values)
    if not 0 < largest <= _LARGEST_CODE:
        row, column = (int(x) for x in np.argwhere(values == largest)[0])
        raise InvalidInput(
            f"{source}: row {row}, column {column}: {largest} is the largest code of states; "
            f"it must be from 1 to {_LARGEST_CODE}"
        )
    return int(largest) + 1


def _codes(statistics: Tensor, unit: Unit) -> np.ndarray:
    if unit.site_shape:
        codes = statistics.argmax(-1)
        return codes.to(torch.uint8).numpy()
    signed = bool((unit.configurations(1, torch.float32) < 0).any())
    return statistics.to(torch.int8 if signed else torch.uint8).numpy()


class Minibatches:
    """Rows of a matrix in random order, each once before any comes again.

    Parameters
    ----------
    rows
        (n, …). With a ``size`` of n or more, every batch is all of it.
    size
        Rows a batch. What is left of an epoch, if fewer, goes unused until the next.
    generator
        For the order.
    """

    def __init__(self, rows: Tensor, size: int, generator: torch.Generator) -> None:
        self._rows, self._size, self._generator = rows, size, generator
        self._order = torch.empty(0, dtype=torch.int64, device=rows.device)
        self._position = 0
        self._batch = rows if size >= len(rows) else rows.new_empty(size, *rows.shape[1:])

    def next(self) -> Tensor:
        """The next batch, valid until the one after it is asked for."""
        if self._size >= len(self._rows):
            return self._rows
        if self._position + self._size > len(self._order):
            self._order = torch.randperm(len(self._rows), generator=self._generator, device=self._rows.device)
            self._position = 0
        chosen = self._order[self._position : self._position + self._size]
        self._position += self._size
        return torch.index_select(self._rows, 0, chosen, out=self._batch)

    def state(self) -> dict[str, Tensor]:
        """What the next batches depend on, the generator apart."""
        return {"order": self._order, "position": torch.tensor(self._position)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave."""
        self._order = state["order"].to(self._rows.device)
        self._position = int(state["position"])
