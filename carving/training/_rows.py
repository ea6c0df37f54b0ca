"""Where samples lie: an array in memory, or one of any size that is read a block of rows at a time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carving._zarr import one_line
from carving.data import Samples, read_samples
from carving.errors import CarvingError, CorruptStore, InvalidInput, OutOfMemory

# large enough that reading a block costs more than asking for it
_BLOCK_BYTES = 2**20
# as few blocks as this are shuffled together where blocks may be of any size
_LEAST_BLOCKS = 16

MISSING = "fill it in, give it a state of its own such as a gap, or leave the sample or site out"


@dataclass(frozen=True, eq=False)
class Blocks:
    """A table of numbers, cut into blocks of rows.

    Attributes
    ----------
    array
        (n, N_v) or (n, N_v, q): anything that has a shape and a dtype and is sliced like an array.
    bounds
        (blocks + 1,), int64: where blocks begin and end. Each is whole chunks of the array, where it
        has any.
    source
        Where it comes from, for messages.
    """

    array: Any
    bounds: np.ndarray
    source: str

    def __repr__(self) -> str:
        return f"Blocks({len(self.bounds) - 1} of {' × '.join(map(str, self.shape))}, from {self.source})"

    def __len__(self) -> int:
        return int(self.bounds[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(size) for size in self.array.shape)

    @property
    def in_memory(self) -> bool:
        """Whether reading costs no more than a look."""
        return is_in_memory(self.array)

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        """The number of its first row and :meth:`read` of each block in turn."""
        for start, stop in zip(self.bounds[:-1].tolist(), self.bounds[1:].tolist(), strict=True):
            yield start, self.read(start, stop)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows ``start`` to ``stop`` − 1 as they are.

        Raises
        ------
        InvalidInput
            If one of their values is masked, with its row and column.
        CorruptStore
            If they cannot be read.
        OutOfMemory
            If they do not fit into memory.
        """
        place = f"{self.source}: rows {start} to {stop - 1}"
        try:
            block = self.array[start:stop]
            # np.asarray would ask a dask array for the same, and lose its masks
            block = np.asanyarray(block.compute() if hasattr(block, "compute") else block)
        except CarvingError:
            raise
        except MemoryError as error:
            raise OutOfMemory(
                f"{place}: do not fit into memory; write the array again in smaller chunks"
            ) from error
        except Exception as error:  # zarr, h5py, dask and what they read from raise many kinds
            raise CorruptStore(
                f"{place}: cannot be read ({one_line(error)}); check the array, or write it again"
            ) from error
        if block.shape != (stop - start, *self.shape[1:]) or block.dtype.kind not in "biuf":
            raise InvalidInput(f"{place}: are {block.dtype} of shape {block.shape}; give a table of numbers")
        if isinstance(block, np.ma.MaskedArray):
            refuse_first(np.ma.getmaskarray(block), self.source, start, f"is masked, so missing; {MISSING}")
        if block.dtype.kind == "f":
            refuse_first(np.isnan(block), self.source, start, f"nan is no value, so missing; {MISSING}")
        return np.asarray(block)


def is_in_memory(array: Any) -> bool:
    """Whether it is an array of numpy's that is not mapped from a file."""
    return isinstance(array, np.ndarray) and not isinstance(array, np.memmap)


def refuse_first(wrong: np.ndarray, source: str, first_row: int, reason: str) -> None:
    """Raise for the first cell that is marked, if there is one; its rows are counted from ``first_row``."""
    if wrong.any():
        row, column = (int(x) for x in np.argwhere(wrong)[0][:2])
        raise InvalidInput(f"{source}: row {row + first_row}, column {column}: {reason}")


def for_torch(block: np.ndarray) -> np.ndarray:
    """Writable, and of a dtype that torch computes with: unsigned numbers only of one byte."""
    dtype = block.dtype.newbyteorder("=")
    if dtype.kind == "u" and dtype.itemsize > 1:
        block, dtype = np.minimum(block, np.uint64(2**63 - 1)), np.dtype(np.int64)
    elif dtype.kind == "f" and dtype.itemsize > 8:
        dtype = np.dtype(np.float64)
    return np.require(block, dtype, ["C", "W"])


def open_samples(samples: Any, *, memory: int) -> Samples | Any:
    """What :func:`carving.train` was given as samples, or anything that is sliced like an array.

    Files that would take more than ``memory`` bytes of codes are not read but opened, where they can be
    read in part: zarr stores and ``.npy``.

    Raises
    ------
    MissingFile
        If there is no such file.
    CorruptStore
        If it cannot be read.
    InvalidInput
        If what was given cannot be made an array.
    """
    if isinstance(samples, str | os.PathLike):
        return _open_file(Path(samples), memory)
    try:
        if isinstance(samples, Tensor):
            # numpy has no numbers of two bytes with the range of four
            samples = samples.float() if samples.dtype == torch.bfloat16 else samples
            return samples.detach().cpu().numpy()
        if isinstance(samples, Samples) or _is_sliceable(samples):
            return samples
        return np.asarray(samples)
    except Exception as error:  # rows of unequal length, a file that was closed, a tensor of no numbers
        raise InvalidInput(
            f"samples: are no table ({one_line(error)}); give rows of equal length, or an open array"
        ) from error


def _is_sliceable(samples: Any) -> bool:
    return all(hasattr(samples, name) for name in ("shape", "dtype", "__getitem__"))


def _open_file(path: Path, memory: int) -> Samples | Any:
    opened: Any = None
    try:
        if path.is_dir():
            import zarr

            store = zarr.open(str(path), mode="r")
            opened = store if isinstance(store, zarr.Array) else store.get("samples")
        elif path.suffix.lower() == ".npy":
            with warnings.catch_warnings():
                # a damaged header can look like one of Python 2, of which numpy warns
                warnings.simplefilter("error")
                opened = np.lib.format.open_memmap(path, mode="r")
        small = opened is None or opened.ndim < 2 or opened.shape[0] * opened.shape[1] <= memory
    except Exception:  # read_samples has the words for what is wrong with it, also if there is none
        small = True
    return read_samples(path) if small else opened


def cut_into_blocks(array: Any, *, memory: int, source: str) -> Blocks:
    """The array in blocks of about a megabyte, or of one chunk where chunks are larger.

    Raises
    ------
    InvalidInput
        If it is no table of numbers, or not in memory and in chunks of more than ``memory`` bytes.
    """
    shape = tuple(array.shape)
    if any(size != size for size in shape):
        raise InvalidInput(
            f"{source}: have an unknown number of rows; let dask count them with compute_chunk_sizes()"
        )
    if len(shape) not in (2, 3) or 0 in shape:
        raise InvalidInput(f"{source}: have shape {shape}; they must be a table (samples, sites), not empty")
    dtype = np.dtype(array.dtype)
    if dtype.kind not in "biuf":
        raise InvalidInput(f"{source}: are {dtype}, not numbers; give a table of small whole numbers")
    row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    least = max(1, min(_BLOCK_BYTES, memory // _LEAST_BLOCKS) // row_bytes)
    edges = _chunk_edges(array)
    if edges is None:
        bounds = np.append(np.arange(0, shape[0], least), shape[0])
    else:
        bounds = _merged(edges, least)
        largest = int(np.diff(bounds).max())
        if largest * row_bytes > memory and not is_in_memory(array):
            rows = memory // row_bytes
            smaller = f"write them again in chunks of at most {rows} rows, or " if rows else ""
            raise InvalidInput(
                f"{source}: lie in chunks of {largest} rows, {largest * row_bytes:,} bytes each, which must "
                f"be read whole; {smaller}give a memory of at least {largest * row_bytes} bytes"
            )
    return Blocks(array, bounds.astype(np.int64), source)


def _chunk_edges(array: Any) -> np.ndarray | None:
    """Where chunks of rows begin and end, if the array has chunks: sizes of each, or one for all."""
    chunks = getattr(array, "chunks", None)
    if not chunks:
        return None
    if isinstance(chunks[0], tuple):
        # chunks of no rows are allowed
        return np.unique(np.cumsum((0, *chunks[0])))
    return np.append(np.arange(0, array.shape[0], chunks[0]), array.shape[0])


def _merged(edges: np.ndarray, least: int) -> np.ndarray:
    """Some of the edges, so that blocks have at least so many rows, the last perhaps apart."""
    kept = [0]
    for edge in edges[1:-1].tolist():
        if edge - kept[-1] >= least:
            kept.append(edge)
    return np.array([*kept, int(edges[-1])])
