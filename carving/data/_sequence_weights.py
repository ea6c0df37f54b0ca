"""How much each sequence of a family counts when many of them are near copies of each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np

from carving._executor import as_finished
from carving.errors import InvalidInput

# one block of pairs: few enough that what is made of it stays in the processor's cache, many enough that
# the time between two calls of numpy does not count
_ROWS, _COLUMNS = 32, 8192
_WORD = 64
# relative error that a few operations on floating-point numbers leave in an identity such as 1 - 0.18
_ROUNDING = Fraction(1, 2**50)

_REMEDY = "give a table (sequences, sites) of whole numbers: 0/1, ±1, or codes of states from 0 on"
_MISSING = "give missing letters a state of their own, such as the gap's, or leave the sequence or site out"


def sequence_weights(codes: Any, *, identity: float = 0.8, executor: Executor | None = None) -> np.ndarray:
    """One over the number of sequences, itself included, that are nearly the same as each sequence.

    Databases hold some branches of a family many times over. Weighted like this, sequences that agree in
    at least ``identity`` of their sites with m − 1 others count 1/m, so that a cluster of near copies has
    about the weight of one sequence. ``weights.sum()`` is the effective number of sequences.

    All sites count alike: two gaps at a site agree, as in the common definition, so that fragments with
    many gaps are neighbours of each other. Pairs exactly at the threshold are neighbours; programs that
    ask for more than ``identity`` differ from this one where identity · N_v is a whole number.

    Counts are exact: agreeing sites are counted in whole numbers, and ``identity`` is taken as the decimal
    that it is written as, so that 0.8 of 55 sites are 44. A number that differs from such a decimal by
    rounding only, as 1 − 0.18 does, counts as it.

    Parameters
    ----------
    codes
        (n, N_v), of whole numbers of any dtype: 0/1, ±1, or codes of the letters of any alphabet.
    identity
        Share of sites, above 0 and at most 1.
    executor
        Who compares, 8,192 sequences with as many others at a time: any
        :class:`concurrent.futures.Executor`. The weights are the same as without one.

    Returns
    -------
    numpy.ndarray
        (n,), float64, in (0, 1].

    Raises
    ------
    InvalidInput
        If ``codes`` are no table of whole numbers or lack values, or ``identity`` is out of range.

    Notes
    -----
    Distinct sequences are compared, each pair once, as bits: ⌈log₂ q⌉ exclusive-ors, as many ors and one
    count of bits for 64 sites of a pair. Never more than 32 × 8,192 pairs are held.

    References
    ----------
    F. Morcos et al., "Direct-coupling analysis of residue coevolution captures native contacts across many
    protein families", PNAS 108, E1293 (2011): the weights 1/mᵃ.
    """
    values = _checked(codes)
    sites = values.shape[1]
    fewest = _fewest_agreeing(identity, sites)
    # as bytes, which are sorted many times as fast as numpy's rows of as many fields as there are sites
    rows = np.ascontiguousarray(values).view(np.dtype((np.void, values[0].nbytes)))[:, 0]
    _, first, which, copies = np.unique(rows, return_index=True, return_inverse=True, return_counts=True)
    distinct = _Sequences(_bit_planes(values[first]), copies.astype(np.float64))
    return 1.0 / _count_neighbours(distinct, sites - fewest, executor)[which]


def _fewest_agreeing(identity: float, sites: int) -> int:
    """The smallest whole number that is at least ``identity`` · ``sites``."""
    if not isinstance(identity, Real) or isinstance(identity, bool) or not 0 < identity <= 1:
        raise InvalidInput(
            f"identity: {identity!r} is not a share of sites above 0 and at most 1; give one, such as 0.8"
        )
    # a fraction of the shortest decimal that means this number, in its own precision
    exact = Fraction(str(identity)) * sites
    return max(1, math.ceil(exact - sites * _ROUNDING))


def _checked(codes: Any) -> np.ndarray:
    """Codes as numbers from 0 to as few as there are, in as few bytes."""
    if np.ma.is_masked(codes):
        row, column = np.argwhere(np.ma.getmaskarray(codes))[0]
        raise InvalidInput(f"codes: row {row}, column {column}: is masked; {_MISSING}")
    values = np.asarray(codes)
    if values.ndim != 2 or 0 in values.shape:
        raise InvalidInput(f"codes: have shape {values.shape}; {_REMEDY}")
    if values.dtype.kind not in "biuf":
        raise InvalidInput(f"codes: are {values.dtype}; {_REMEDY}")
    if values.dtype.kind == "f":
        _refuse_first(np.isnan(values), values, f"no value; {_MISSING}")
        # beyond 2⁵³ neighbouring whole numbers are the same floating-point number
        _refuse_first((values != np.floor(values)) | (np.abs(values) > 2**53), values, f"no code; {_REMEDY}")
        values = values.astype(np.int64)
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 and not ((values == -1) | (values == 1)).all():
        _refuse_first(values < 0, values, f"no code of a state, and these are not ±1 data; {_MISSING}")
    if highest - lowest > 255:
        return np.unique(values, return_inverse=True)[1].reshape(values.shape)
    # modulo 256, which a difference from 0 to 255 survives
    return values.astype(np.uint8) - np.uint8(lowest % 256)


def _refuse_first(wrong: np.ndarray, values: np.ndarray, reason: str) -> None:
    if wrong.any():
        row, column = (int(x) for x in np.argwhere(wrong)[0])
        raise InvalidInput(f"codes: row {row}, column {column}: {values[row, column]:g} is {reason}")


def _bit_planes(codes: np.ndarray) -> np.ndarray:
    """(words, bits, n), uint64: bit b of the codes of 64 sites each, zero where there is no site."""
    count, sites = codes.shape
    words, bits = -(-sites // _WORD), max(1, int(codes.max()).bit_length())
    planes = np.empty((words, bits, count), dtype=np.uint64)
    by_site = np.zeros((count, words * _WORD), dtype=np.uint8)
    for bit in range(bits):
        by_site[:, :sites] = (codes >> bit) & 1
        planes[:, bit] = np.packbits(by_site, axis=1).view(np.uint64).T
    return planes


@dataclass(frozen=True)
class _Sequences:
    """Distinct ones, as :func:`_bit_planes` makes them, and how often each is there."""

    planes: np.ndarray
    copies: np.ndarray

    def __len__(self) -> int:
        return len(self.copies)

    def __getitem__(self, which: slice) -> _Sequences:
        return _Sequences(self.planes[:, :, which], self.copies[which])


def _count_neighbours(sequences: _Sequences, allowed: int, executor: Executor | None) -> np.ndarray:
    """For each sequence, the copies of all that differ from it in at most ``allowed`` sites.

    Whole numbers far below 2⁵³, so exact in float64, in which the products are fast, and the same in
    whatever order they are added up.
    """
    count = len(sequences)
    stretches = [slice(low, min(low + _COLUMNS, count)) for low in range(0, count, _COLUMNS)]
    pairs = [(one, other) for index, one in enumerate(stretches) for other in stretches[index:]]

    def tasks() -> Iterator[tuple[_Sequences, _Sequences | None, int]]:
        for one, other in pairs:
            yield sequences[one], None if one == other else sequences[other], allowed

    neighbours = np.zeros(count)
    for number, (of_one, of_other) in as_finished(executor, _count_between, tasks()):
        one, other = pairs[number]
        neighbours[one] += of_one
        neighbours[other] += of_other
    return neighbours


def _count_between(
    one: _Sequences, other: _Sequences | None, allowed: int
) -> tuple[np.ndarray, np.ndarray | float]:
    """The copies of near ones that each sequence has in the other stretch; None: within its own."""
    columns = one if other is None else other
    of_one, of_other = np.zeros(len(one)), np.zeros(len(columns))
    room = np.empty((2, _ROWS * len(columns)), dtype=np.uint64)
    for top in range(0, len(one), _ROWS):
        rows = slice(top, min(top + _ROWS, len(one)))
        # pairs within a stretch are compared once, and those within the same rows count from both sides
        left, beyond = (top, rows.stop - top) if other is None else (0, 0)
        right = columns[slice(left, None)]
        near = (_count_differing(one[rows].planes, right.planes, room) <= allowed).astype(np.float64)
        of_one[rows] += near @ right.copies
        of_other[left + beyond :] += one.copies[rows] @ near[:, beyond:]
    return (of_one + of_other, 0.0) if other is None else (of_one, of_other)


def _count_differing(rows: np.ndarray, columns: np.ndarray, room: np.ndarray) -> np.ndarray:
    """In how many sites each of the rows differs from each of the columns; of both, planes of bits."""
    shape = (rows.shape[2], columns.shape[2])
    size = shape[0] * shape[1]
    differs, other_bit = (buffer[:size].reshape(shape) for buffer in room)
    total: np.ndarray | None = None
    for of_rows, of_columns in zip(rows, columns, strict=True):
        np.bitwise_xor(of_rows[0, :, None], of_columns[0, None], out=differs)
        for row_bit, column_bit in zip(of_rows[1:], of_columns[1:], strict=True):
            np.bitwise_xor(row_bit[:, None], column_bit[None], out=other_bit)
            np.bitwise_or(differs, other_bit, out=differs)
        found = np.bitwise_count(differs)
        if total is None:
            # up to 64 fit a byte; of more words there may be more
            total = found if len(rows) == 1 else found.astype(np.uint32)
        else:
            total += found
    assert total is not None
    return total
