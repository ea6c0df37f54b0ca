"""The samples, a chunk of rows at a time: what is done to all of them is a map over chunks."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator
from concurrent.futures import Executor
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carving._executor import in_order
from carving.meanfield.linkage import per_site_coordinates
from carving.meanfield.plefka import Plefka, State
from carving.meanfield.solver import starting_points
from carving.rbm import RBM
from carving.units import Unit

ROWS = 16_384
# rows of which distances and digests are made while they lie in the cache
_ROWS_IN_CACHE = 256


class Chunk:
    """Some rows of the samples, read where and when they are needed.

    Parameters
    ----------
    samples
        All samples: numpy, torch, zarr, dask, or whatever else is sliced like an array.
    unit
        The visible unit.
    rows
        Which rows.
    source
        Where they come from, for messages.
    """

    def __init__(self, samples: Any, unit: Unit, rows: slice, source: str) -> None:
        self._samples, self._unit, self._source = samples, unit, source
        self._rows, self._first_row = rows, rows.start

    def read(self) -> np.ndarray | Tensor:
        """The rows as they were given."""
        part = self._samples[self._rows]
        if hasattr(part, "compute"):
            # where chunks are tasks, the scheduler of those is busy with this one
            part = part.compute(scheduler="synchronous")
        return part if isinstance(part, Tensor) else np.asarray(part)

    def encoded(self) -> Tensor:
        """The rows as statistics of the unit, float64."""
        return self._encode(self.read(), torch.float64)

    def _encode(self, values: np.ndarray | Tensor, dtype: torch.dtype) -> Tensor:
        return self._unit.encode(values, dtype, source=self._source, first_row=self._first_row)

    def start(self, plefka: Plefka, rbm: RBM) -> State:
        """Where their iterations begin."""
        return starting_points(plefka, rbm, self.encoded(), None)

    def check(self) -> None:
        """Raise ``InvalidInput`` naming the first value that the unit cannot take, if there is one."""
        self._encode(self.read(), torch.int8)

    def digest(self) -> bytes:
        """SHA-256 of the values, after the same check."""
        values, digest = self.read(), hashlib.sha256()
        self._encode(values, torch.int8)
        for low in range(0, len(values), _ROWS_IN_CACHE):
            part = values[low : low + _ROWS_IN_CACHE]
            part = part.cpu().numpy() if isinstance(part, Tensor) else part
            digest.update(np.ascontiguousarray(part, dtype="<f4").data)
        return digest.digest()

    def distances(self, states: np.ndarray, group: np.ndarray) -> np.ndarray:
        """Per-site distance of each row from the state of its group."""
        scale, parts = self._unit.distance_scale, []
        of_group = per_site_coordinates(torch.tensor(states), scale)
        groups = torch.tensor(group).split(_ROWS_IN_CACHE)
        for part, own in zip(self.encoded().split(_ROWS_IN_CACHE), groups, strict=True):
            difference = per_site_coordinates(part, scale) - of_group[own]
            parts.append(torch.linalg.vector_norm(difference, dim=1).numpy())
        return np.concatenate(parts)

    def portable(self) -> Chunk:
        """The same as it can be sent: the array, where others can read the rows from it; or else the rows."""
        sent = copy(self)
        if hasattr(self._samples, "__dask_graph__"):
            sent._samples, sent._rows = _DaskRows(self._samples[self._rows]), slice(None)
        elif (elsewhere := _zarr_elsewhere(self._samples)) is not None:
            sent._samples = elsewhere
        else:
            part = self.read()
            sent._samples = part.cpu().numpy() if isinstance(part, Tensor) else part
            sent._rows = slice(None)
        return sent


class _DaskRows:
    """Rows of an array of dask's, with no more of its graph than makes them.

    Pickled at once: to do so takes locks of dask's, and dask itself pickles in two threads.
    """

    def __init__(self, rows: Any) -> None:
        import cloudpickle
        from dask.base import optimize

        self._pickled = cloudpickle.dumps(optimize(rows)[0])

    def __getitem__(self, within: slice) -> Any:
        return pickle.loads(self._pickled)[within]


def _zarr_elsewhere(samples: Any) -> Any:
    """An array of zarr's as other processes find it, None if it is none or lies in this one's memory."""
    import zarr
    from zarr.storage import LocalStore, MemoryStore

    if not isinstance(samples, zarr.Array) or isinstance(samples.store, MemoryStore):
        return None
    if isinstance(samples.store, LocalStore):
        # they may work in another folder
        store = LocalStore(samples.store.root.absolute(), read_only=True)
        return zarr.open_array(store, path=samples.path, mode="r")
    return samples


class Rows:
    """All samples, a sequence of chunks.

    Parameters
    ----------
    samples, unit, source
        As for :class:`Chunk`.
    executor
        Who works on the chunks.

    Attributes
    ----------
    count
        How many samples.
    """

    def __init__(self, samples: Any, unit: Unit, source: str, executor: Executor | None) -> None:
        self._samples, self._unit, self._source, self._executor = samples, unit, source, executor
        self.count = count = int(samples.shape[0])
        self._bounds = [slice(low, min(low + ROWS, count)) for low in range(0, count, ROWS)]

    def __len__(self) -> int:
        return len(self._bounds)

    def __getitem__(self, index: int) -> Chunk:
        chunk = Chunk(self._samples, self._unit, self._bounds[index], self._source)
        return chunk if self._executor is None else chunk.portable()

    def __iter__(self) -> Iterator[Chunk]:
        return map(self.__getitem__, range(len(self)))

    def check(self) -> None:
        """See that every sample is one.

        Raises
        ------
        InvalidInput
            If one of the values is none that the unit can take.
        """
        in_order(self._executor, Chunk.check, ((chunk,) for chunk in self))

    def fingerprint(self) -> str:
        """SHA-256 of the shape, and of the digests of all chunks.

        Raises
        ------
        InvalidInput
            If one of the values is none that the unit can take.
        """
        digests = in_order(self._executor, Chunk.digest, ((chunk,) for chunk in self))
        shape = repr(tuple(int(size) for size in self._samples.shape)).encode()
        return hashlib.sha256(shape + b"".join(digests)).hexdigest()

    def distances(self, states: np.ndarray, group: np.ndarray) -> np.ndarray:
        """Per-site distance of each sample from its group's state. (n,)"""
        tasks = ((chunk, states, group[rows]) for chunk, rows in zip(self, self._bounds, strict=True))
        return np.concatenate(in_order(self._executor, Chunk.distances, tasks))
