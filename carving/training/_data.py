"""What a training learns from: samples of any form, checked once from the first to the last."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from carving.data import Samples
from carving.data._sequence_weights import sequence_weights
from carving.errors import InvalidInput
from carving.sampling._codes import code_dtype, decode
from carving.training._rows import Blocks, cut_into_blocks, for_torch, open_samples
from carving.units import Potts, Unit, resolve_unit

# stores keep codes in a byte
_LARGEST_CODE = 255
# encoded at a time, so that what is made of a large chunk stays small: of Potts units 12 bytes each
_STATISTICS_AT_ONCE = 2**20
# of the units that samples can be told to be of
_VALUES = {"bernoulli": (0, 1), "spin": (-1, 1)}
_WEIGHTS_REMEDY = 'give "identity:0.8", or one number a sample'


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Samples, checked, as a machine wants them and as a store keeps them.

    Attributes
    ----------
    unit
        The visible unit.
    blocks
        Where they lie.
    codes
        (n, N_v), uint8, or int8 for spins; None if they are too many for ``memory``.
    frequencies
        Weighted mean of the statistics, (N_v,) or (N_v, q), float64.
    weights
        How much each sample counts, (n,), float64; None where all count alike.
    memory
        Bytes of codes that may be held at a time.
    names
        Those given, if any.
    alphabet
        Letters of the codes, if they are of sequences.
    fingerprint
        A digest of the samples: of what they are and their order, not of their names.
    """

    unit: Unit
    blocks: Blocks
    codes: np.ndarray | None
    frequencies: Tensor
    weights: np.ndarray | None
    memory: int
    names: Sequence[str] | np.ndarray | None
    alphabet: str | None
    fingerprint: str

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def source(self) -> str:
        """Where they come from, for messages."""
        return self.blocks.source

    @property
    def sites(self) -> int:
        """N_v."""
        return self.blocks.shape[1]

    @property
    def width(self) -> int:
        """N_v · q."""
        return self.frequencies.numel()

    @property
    def code_dtype(self) -> torch.dtype:
        return torch.from_numpy(np.empty(0, code_dtype(self.unit))).dtype

    def read_codes(self, start: int, stop: int) -> np.ndarray:
        """Codes of rows ``start`` to ``stop`` − 1."""
        if self.codes is not None:
            return self.codes[start:stop]
        return _codes(self.blocks.read(start, stop), self.unit, self.source, start)

    def spread_rows(self, most: int) -> tuple[Tensor, Tensor | None]:
        """Statistics of at most so many samples, spread evenly over all, float32; and their weights."""
        count = min(most, len(self))
        chosen = np.arange(count) * len(self) // count
        rows = self._scattered_rows(chosen) if self.codes is None else self.codes[chosen]
        weights = None if self.weights is None else torch.from_numpy(self.weights[chosen])
        return self.unit.encode(rows, torch.float32, source=self.source), weights

    def _scattered_rows(self, chosen: np.ndarray) -> np.ndarray:
        """Codes of these rows, in increasing order; no block is read twice."""
        bounds = self.blocks.bounds
        block = np.searchsorted(bounds, chosen, side="right") - 1
        parts = []
        for index in np.unique(block).tolist():
            start, stop = bounds[index : index + 2].tolist()
            parts.append(self.read_codes(start, stop)[chosen[block == index] - start])
        return np.concatenate(parts)


def read_training_data(
    samples: Samples | Any,
    *,
    visible: str | Unit | None,
    names: Sequence[str] | np.ndarray | None,
    alphabet: str | None,
    weights: str | np.ndarray | Sequence[float] | None,
    memory: int,
) -> TrainingData:
    """Samples as given to :func:`carving.train`, checked.

    Raises
    ------
    InvalidInput
        If they are no table, empty, of values that the unit cannot take, of no unit that is known, or lack
        values; or if the weights are none.
    """
    _check_memory(memory)
    source, opened = "samples", open_samples(samples, memory=memory)
    if isinstance(opened, Samples):
        source, values = opened.source, opened.values
        names = opened.names if names is None else names
        alphabet = opened.alphabet if alphabet is None else alphabet
    else:
        values = opened
        if isinstance(samples, str | os.PathLike):
            source = str(samples)
    blocks = cut_into_blocks(values, memory=memory, source=source)
    if alphabet is not None and not isinstance(alphabet, str):
        raise InvalidInput(f"alphabet: {alphabet!r} is no text; give the letters of the codes in order")
    if names is not None and not hasattr(names, "__len__"):
        names = list(names)
    unit = _find_unit(blocks, visible, alphabet)
    if names is not None and len(names) != len(blocks):
        raise InvalidInput(f"names: {len(names)} for {len(blocks)} samples; give one a sample")
    fits = len(blocks) * blocks.shape[1] <= memory
    codes = np.empty(blocks.shape[:2], code_dtype(unit)) if fits else None
    each, identity = _read_weights(weights, len(blocks))
    if identity is not None and codes is None:
        raise InvalidInput(
            f"{source}: weights by identity need all samples in memory; give your own weights, or a memory "
            f"of at least {len(blocks) * blocks.shape[1]} bytes"
        )
    digest = hashlib.sha256(f"{unit.name} {blocks.shape[:2]} ".encode())
    total = torch.zeros(blocks.shape[1], *unit.site_shape, dtype=torch.float64)
    for start, block in blocks:
        part = _codes(block, unit, source, start)
        digest.update(np.ascontiguousarray(part).data)
        if codes is None:
            _add_statistics(total, part, unit, None if each is None else each[start : start + len(part)])
        else:
            codes[start : start + len(part)] = part
    if codes is not None:
        if identity is not None:
            each = sequence_weights(codes, identity=identity)
        _add_statistics(total, codes, unit, each)
    total /= len(blocks) if each is None else each.sum()
    return TrainingData(unit, blocks, codes, total, each, memory, names, alphabet, digest.hexdigest())


def _check_memory(memory: object) -> None:
    if not isinstance(memory, Integral) or isinstance(memory, bool) or memory < 1:
        raise InvalidInput(f"memory: {memory!r} is no number of bytes; give a whole number, such as 2**29")


def _find_unit(blocks: Blocks, visible: str | Unit | None, alphabet: str | None) -> Unit:
    source, shape = blocks.source, blocks.shape
    states = len(alphabet) if alphabet is not None else shape[2] if len(shape) == 3 else None
    if visible is None:
        visible = "potts" if states is not None else _guess_unit(blocks)
    if visible == Potts.name and states is None:
        states = _count_states(blocks)
    unit = resolve_unit(visible, states=states)
    if not unit.in_visible:
        raise InvalidInput(f"visible: {unit.name} units cannot be visible; choose bernoulli, spin or potts")
    if isinstance(unit, Potts) and states is not None and unit.states != states:
        what = "alphabet" if alphabet is not None else source
        raise InvalidInput(
            f"{what}: of {states} states, but the visible unit has {unit.states}; give as many"
        )
    if isinstance(unit, Potts) and unit.states > _LARGEST_CODE + 1:
        raise InvalidInput(
            f"visible: potts units of {unit.states} states; merge some, at most {_LARGEST_CODE + 1} can be"
        )
    return unit


def _guess_unit(blocks: Blocks) -> str:
    allowed = dict(_VALUES)
    for start, block in blocks:
        left = {name: values for name, values in allowed.items() if _all_among(block, values)}
        if not left:
            _refuse_mixture(block, allowed, blocks.source, start)
        allowed = left
    return next(iter(allowed))


def _all_among(block: np.ndarray, values: tuple[int, int]) -> bool:
    # twenty times as fast as np.isin
    return bool(((block == values[0]) | (block == values[1])).all())


def _refuse_mixture(
    block: np.ndarray, allowed: dict[str, tuple[int, int]], source: str, start: int
) -> NoReturn:
    """Raise for a cell of a block that is not of those units that all blocks before it were of."""
    wrong, what = ~np.isin(block, (-1, 0, 1)), "is neither of 0/1 nor of ±1"
    if not wrong.any():
        name, (other, _) = next(iter(allowed.items()))
        wrong = ~np.isin(block, allowed[name])
        what = f"is found together with {other}, which is neither of 0/1 nor of ±1"
    row, column = (int(x) for x in np.argwhere(wrong)[0])
    raise InvalidInput(
        f"{source}: row {row + start}, column {column}: {block[row, column]} {what}; "
        "binarise, or for codes of states choose potts as the visible unit, or give an alphabet"
    )


def _count_states(blocks: Blocks) -> int:
    """As many as the largest code says."""
    largest, place = -np.inf, (0, 0)
    for start, block in blocks:
        if block.max() > largest:
            largest = float(block.max())
            row, column = np.unravel_index(int(block.argmax()), block.shape)
            place = int(row) + start, int(column)
    if not 0 < largest <= _LARGEST_CODE:
        raise InvalidInput(
            f"{blocks.source}: row {place[0]}, column {place[1]}: {largest:g} is the largest code of states; "
            f"it must be from 1 to {_LARGEST_CODE}"
        )
    return int(largest) + 1


def _codes(block: np.ndarray, unit: Unit, source: str, first_row: int) -> np.ndarray:
    codes = np.empty(block.shape[:2], code_dtype(unit))
    rows = _rows_at_once(block.shape[1], unit)
    for start in range(0, len(block), rows):
        part = for_torch(block[start : start + rows])
        statistics = unit.encode(part, torch.float32, source=source, first_row=first_row + start)
        codes[start : start + rows] = decode(unit, statistics)
    return codes


def _rows_at_once(sites: int, unit: Unit) -> int:
    return max(1, _STATISTICS_AT_ONCE // (sites * math.prod(unit.site_shape)))


def _add_statistics(total: Tensor, codes: np.ndarray, unit: Unit, weights: np.ndarray | None) -> None:
    """Add the statistics of all rows, each times its weight, to ``total``."""
    rows = _rows_at_once(codes.shape[1], unit)
    for start in range(0, len(codes), rows):
        if weights is None:
            part = unit.encode(codes[start : start + rows], torch.float32)
            total += part.sum(0, dtype=torch.float64)
        else:
            part = unit.encode(codes[start : start + rows], torch.float64)
            share = torch.from_numpy(weights[start : start + rows])
            total += (share @ part.flatten(1)).view(total.shape)


def _read_weights(
    given: str | np.ndarray | Sequence[float] | None, count: int
) -> tuple[np.ndarray | None, float | None]:
    """How much each sample counts, or the identity that says so, or neither if all count alike."""
    if given is None or (isinstance(given, str) and given == "none"):
        return None, None
    if isinstance(given, str):
        return None, _read_identity(given)
    try:
        weights = np.asarray(given)
        if weights.dtype.kind not in "biuf":
            raise TypeError
        weights = weights.astype(np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInput(f"weights: are not numbers; {_WEIGHTS_REMEDY}") from None
    if weights.shape != (count,):
        raise InvalidInput(f"weights: of shape {weights.shape} for {count} samples; give one number a sample")
    # a minibatch of samples that do not count would have no mean
    wrong = ~((weights > 0) & np.isfinite(weights))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidInput(
            f"weights: row {row}: {weights[row]:g} is no weight; give positive numbers, and leave out "
            "samples that are not to count"
        )
    if not weights.max() < np.finfo(np.float64).max / count:
        raise InvalidInput("weights: are so large that their sum is infinite; give smaller numbers")
    return weights, None


def _read_identity(given: str) -> float:
    kind, _, argument = given.partition(":")
    try:
        identity = float(argument)
    except ValueError:
        identity = 0.0
    if kind != "identity" or not 0 < identity <= 1:
        raise InvalidInput(f"weights: {given!r} is not known; {_WEIGHTS_REMEDY}")
    return identity


def describe_weights(given: str | np.ndarray | Sequence[float] | None, weights: np.ndarray | None) -> str:
    """What a store keeps of them: enough to know on resuming whether they are the same."""
    if weights is None:
        return "none"
    if isinstance(given, str):
        return given
    return f"given, sha256 {hashlib.sha256(weights.tobytes()).hexdigest()[:16]}"
