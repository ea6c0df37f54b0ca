"""Samples as small integers: any table of numbers is checked in blocks of rows and kept in bytes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from carving.errors import InvalidInput

BLOCK_BYTES = 2**25

Place = Callable[[int, int], str]
"""Says where a cell is, from its row and column counted from 0: ``"row 3, column 7"``."""

REMEDY = (
    "samples must be small whole numbers (0/1, -1/+1, or codes of states); binarise first, for example "
    "samples > 0.5"
)


def table_place(row: int, column: int) -> str:
    """The place of a cell of an array, counted from 0 as numpy does."""
    return f"row {row}, column {column}"


def resolved_rows(rows: slice | None, total: int, source: str) -> range:
    """The rows that are asked for, as numbers; at least one.

    Raises
    ------
    InvalidInput
        If there are no rows at all, or none of those asked for.
    """
    if total == 0:
        raise InvalidInput(f"{source}: holds no samples; give at least one")
    chosen = range(total)[slice(None) if rows is None else rows]
    if len(chosen) == 0:
        raise InvalidInput(
            f"{source}: rows {shown_rows(rows)}: the file has {total} rows, so none are left; choose others"
        )
    return chosen


def shown_rows(rows: slice | None) -> str:
    """A slice as it is written: ``A:B``."""
    if rows is None:
        return ":"
    start, stop = ("" if end is None else str(end) for end in (rows.start, rows.stop))
    return f"{start}:{stop}" + ("" if rows.step in (None, 1) else f":{rows.step}")


def checked_block(block: np.ndarray, source: str, place: Place) -> np.ndarray:
    """A block of rows as int16, after checking that each number is whole and in −128 … 255.

    Raises
    ------
    InvalidInput
        With the first cell that is not, and where it is.
    """
    if block.dtype.kind == "b":
        return block.astype(np.int16)
    wrong = ~((block >= -128) & (block <= 255))  # NaN compares false, so it is wrong too
    if block.dtype.kind == "f":
        wrong |= block != np.floor(block)
    if wrong.any():
        row, column = (int(x) for x in np.argwhere(wrong)[0])
        raise InvalidInput(f"{source}: {place(row, column)}: {block[row, column]:.6g} found; {REMEDY}")
    return block.astype(np.int16)


class Collector:
    """Puts checked blocks of rows together into one array of bytes.

    Whether they are uint8 (0 … 255) or int8 (−128 … 127) is known only after the last block, so they
    are kept modulo 256 until then.

    Parameters
    ----------
    source
        What messages call the file.
    shape
        Shape of all rows together, where it is known beforehand: memory is then taken once, and a file
        that promises more than fits (a damaged header may) is found out before it is read.
    """

    def __init__(self, source: str, shape: tuple[int, int] | None = None) -> None:
        self._source = source
        self._together = None if shape is None else np.empty(shape, dtype=np.uint8)
        self._filled = 0
        self._blocks: list[np.ndarray] = []
        self._lowest = (0, "")
        self._highest = (0, "")

    def add(self, block: np.ndarray, place: Place) -> None:
        """Check and keep one block of rows."""
        small = checked_block(block, self._source, place)
        lowest, highest = int(small.min()), int(small.max())
        if lowest < self._lowest[0]:
            self._lowest = (lowest, _first(small, lowest, place))
        if highest > self._highest[0]:
            self._highest = (highest, _first(small, highest, place))
        if self._together is None:
            self._blocks.append(small.astype(np.uint8))
        else:
            self._together[self._filled : self._filled + len(small)] = small.astype(np.uint8)
            self._filled += len(small)

    def values(self) -> np.ndarray:
        """All rows, as uint8, or as int8 where there are negative values."""
        together = np.concatenate(self._blocks) if self._together is None else self._together
        if self._lowest[0] >= 0:
            return together
        if self._highest[0] > 127:
            raise InvalidInput(
                f"{self._source}: {self._highest[1]}: {self._highest[0]} found, but also {self._lowest[0]} "
                f"at {self._lowest[1]}; {REMEDY}"
            )
        return together.view(np.int8)


def _first(block: np.ndarray, value: int, place: Place) -> str:
    row, column = (int(x) for x in np.argwhere(block == value)[0])
    return place(row, column)


def read_array(array: Any, rows: slice | None, source: str) -> tuple[np.ndarray, range, int]:
    """The rows asked for of anything that has a shape and a dtype and is sliced like an array.

    Only those rows are read, in blocks that follow the array's own chunks. An array (n, N_v, q) that
    is one-hot in its last axis becomes codes (n, N_v).

    Returns
    -------
    values
        (rows, N_v), uint8 or int8.
    chosen
        Numbers of these rows in the file.
    total
        How many rows the file has.
    """
    _check_layout(array, source)
    total = int(array.shape[0])
    chosen = resolved_rows(rows, total, source)
    collector = Collector(source, (len(chosen), int(array.shape[1])))
    for part in _blocks(chosen, array):
        block = np.asarray(array[part[0] : part[-1] + 1])[:: part.step]

        def place(row: int, column: int, part: range = part) -> str:
            return table_place(part[row], column)

        if block.ndim == 3:
            block = _codes_of_one_hot(block, source, place)
        collector.add(block, place)
    return collector.values(), chosen, total


def _check_layout(array: Any, source: str) -> None:
    if array.dtype.kind not in "biuf":
        raise InvalidInput(f"{source}: the samples are of type {array.dtype}, not numbers; {REMEDY}")
    if array.ndim not in (2, 3):
        raise InvalidInput(
            f"{source}: the samples have {array.ndim} dimensions (shape {tuple(array.shape)}); they must be "
            "a table with a row a sample and a column a site"
        )
    if array.shape[0] and 0 in array.shape:
        raise InvalidInput(
            f"{source}: the samples have no columns (shape {tuple(array.shape)}); write it again"
        )


def _blocks(chosen: range, array: Any) -> Iterator[range]:
    """Cut the rows into ranges of a bounded number of bytes, whole chunks of the array where it has any."""
    row_bytes = max(1, int(np.prod(array.shape[1:])) * array.dtype.itemsize)
    size = max(1, BLOCK_BYTES // row_bytes)
    if chunks := getattr(array, "chunks", None):
        # dask says how many rows each chunk has, where others say how many all have
        rows = chunks[0] if isinstance(chunks[0], int) else max(chunks[0])
        if rows <= size:
            size -= size % rows
    begin = 0
    while begin < len(chosen):
        # the block ends where a multiple of its size does in the file, so that no chunk is read twice
        end_row = (chosen[begin] // size + 1) * size
        end = begin + max(1, -((chosen[begin] - end_row) // chosen.step))
        yield chosen[begin:end]
        begin = end


def _codes_of_one_hot(block: np.ndarray, source: str, place: Place) -> np.ndarray:
    wrong = ((block != 0) & (block != 1)).any(2) | (block.sum(2) != 1)
    if wrong.any():
        row, column = (int(x) for x in np.argwhere(wrong)[0])
        raise InvalidInput(
            f"{source}: {place(row, column)}: the states there are not one-hot; samples with three "
            "dimensions (n, N_v, q) need one 1 a site, or give codes (n, N_v)"
        )
    return block.argmax(2)
