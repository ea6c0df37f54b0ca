"""Minibatches: rows in random order, from memory or from blocks that are read as they are needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving.training._data import TrainingData
    from carving.units import Unit


@dataclass(frozen=True, eq=False)
class Minibatch:
    """Some of the samples.

    Attributes
    ----------
    rows
        (size, N_v·q), float32.
    weights
        (size,), float32, of sum 1; None where all samples count alike.
    """

    rows: Tensor
    weights: Tensor | None


class Minibatches(ABC):
    """All samples in random order, each once before any comes again.

    What is left of an epoch, if fewer than a batch, goes unused until the next.

    Parameters
    ----------
    data
        The samples.
    size
        Rows a batch; all samples, if there are fewer.
    generator
        For the order; batches lie on its device.
    """

    def __init__(self, data: TrainingData, size: int, generator: torch.Generator) -> None:
        self._data, self._size, self._generator = data, min(size, len(data)), generator
        self._rows = torch.empty(self._size, data.width, dtype=torch.float32, device=generator.device)

    @abstractmethod
    def next(self) -> Minibatch:
        """The next batch, valid until the one after it is asked for."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """What the next batches depend on, the generator apart."""

    @abstractmethod
    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave, to the same batches.

        Raises
        ------
        InvalidInput
            If it is the state of minibatches of another kind.
        """

    def _batch(self, codes: Tensor, weights: Tensor | None) -> Minibatch:
        """The batch of these rows, whose weights have any sum."""
        write_statistics(codes, self._data.unit, out=self._rows)
        return Minibatch(self._rows, None if weights is None else (weights / weights.sum()).float())

    def _check_kind(self, state: dict[str, Tensor], name: str) -> None:
        if name not in state:
            raise InvalidInput(
                f"{self._data.source}: the training began with samples "
                f"{'read in blocks' if name == 'order' else 'in memory'}; resume with the same kind of array "
                "and as much memory"
            )


class MinibatchesFromMemory(Minibatches):
    """Minibatches of samples whose codes are in memory: a byte a site, also on an accelerator."""

    def __init__(self, data: TrainingData, size: int, generator: torch.Generator) -> None:
        super().__init__(data, size, generator)
        device = generator.device
        self._codes = torch.from_numpy(data.codes).to(device)
        self._weights = None if data.weights is None else torch.from_numpy(data.weights).to(device)
        self._chosen = self._codes.new_empty(self._size, self._codes.shape[1])
        self._order = torch.empty(0, dtype=torch.int64, device=device)
        self._position = 0
        self._all = self._batch(self._codes, self._weights) if size >= len(data) else None

    def next(self) -> Minibatch:
        """The next batch, valid until the one after it is asked for."""
        if self._all is not None:
            return self._all
        if self._position + self._size > len(self._order):
            device = self._generator.device
            self._order = torch.randperm(len(self._codes), generator=self._generator, device=device)
            self._position = 0
        chosen = self._order[self._position : self._position + self._size]
        self._position += self._size
        torch.index_select(self._codes, 0, chosen, out=self._chosen)
        return self._batch(self._chosen, None if self._weights is None else self._weights[chosen])

    def state(self) -> dict[str, Tensor]:
        """The order of the epoch, and how much of it is done."""
        return {"order": self._order, "position": torch.tensor(self._position)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave."""
        self._check_kind(state, "order")
        self._order = state["order"].to(self._generator.device)
        self._position = int(state["position"])


class MinibatchesFromBlocks(Minibatches):
    """Minibatches of samples that are too many for memory.

    An epoch goes through the blocks in random order. As many of them as fit into ``memory`` bytes are
    read at a time, into a pool whose rows are drawn in random order. A row thus meets those of a few
    random blocks, and in the next epoch those of others. A batch may take the last rows of one pool and
    the first of the next.

    Blocks that are much smaller than the pool mix well whatever the order of the samples; if those of
    one block are all alike, and few blocks fit into a pool, batches of one pool have more in common than
    with those of the next.
    """

    def __init__(self, data: TrainingData, size: int, generator: torch.Generator) -> None:
        super().__init__(data, size, generator)
        self._bounds = torch.from_numpy(data.blocks.bounds)
        lengths = np.diff(data.blocks.bounds)
        blocks_a_pool = max(1, data.memory // (data.sites * int(lengths.max())))
        self._pools = -(-len(lengths) // blocks_a_pool)
        self._order = torch.empty(0, dtype=torch.int64)
        self._pool = -1
        self._position = self._left = 0
        self._shuffle = torch.empty(0, dtype=torch.int64)
        self._before_shuffle = generator.get_state()
        self._room = torch.empty(0, data.sites, dtype=data.code_dtype)
        self._room_weights: Tensor | None = None
        self._chosen = self._room.new_empty(self._size, data.sites)

    def next(self) -> Minibatch:
        """The next batch, valid until the one after it is asked for."""
        if self._left < self._size:
            self._order = self._permutation(len(self._bounds) - 1, self._generator)
            self._pool, self._left = -1, len(self._data)
            self._shuffle, self._position = self._shuffle[:0], 0
        weights: list[Tensor] = []
        filled = 0
        while filled < self._size:
            if self._position == len(self._shuffle):
                self._pool, self._position = self._pool + 1, 0
                self._before_shuffle = self._generator.get_state()
                self._fill_pool(self._generator)
            chosen = self._shuffle[self._position : self._position + self._size - filled]
            taken = self._chosen[filled : filled + len(chosen)]
            torch.index_select(self._room, 0, chosen, out=taken)
            if self._room_weights is not None:
                weights.append(self._room_weights[chosen])
            filled += len(chosen)
            self._position += len(chosen)
        self._left -= self._size
        device = self._generator.device
        return self._batch(self._chosen.to(device), torch.cat(weights).to(device) if weights else None)

    def _permutation(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randperm(count, generator=generator, device=generator.device).cpu()

    def _fill_pool(self, generator: torch.Generator) -> None:
        """Read the blocks of the pool over those of the one before, and shuffle their rows."""
        # the order of the blocks in the pool does not matter, so they are read as they lie
        blocks = np.sort(np.array_split(self._order.numpy(), self._pools)[self._pool]).tolist()
        spans = [tuple(self._bounds[block : block + 2].tolist()) for block in blocks]
        count = sum(stop - start for start, stop in spans)
        if count > len(self._room):
            # never two at once
            self._room = self._room.new_empty(0, self._room.shape[1])
            self._room = self._room.new_empty(count, self._room.shape[1])
        room, end = self._room.numpy(), 0
        for start, stop in spans:
            room[end : end + stop - start] = self._data.read_codes(start, stop)
            end += stop - start
        if self._data.weights is not None:
            parts = [self._data.weights[start:stop] for start, stop in spans]
            self._room_weights = torch.from_numpy(np.concatenate(parts))
        self._shuffle = self._permutation(count, generator)

    def state(self) -> dict[str, Tensor]:
        """The order of the blocks, where they begin and end, and what shuffles the pool once more."""
        return {
            "bounds": self._bounds,
            "blocks": self._order,
            "pools": torch.tensor(self._pools),
            "pool": torch.tensor(self._pool),
            "position": torch.tensor(self._position),
            "left": torch.tensor(self._left),
            "before_shuffle": self._before_shuffle,
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave: the array may be cut into other chunks than it was then."""
        self._check_kind(state, "blocks")
        self._bounds, self._order = state["bounds"].cpu(), state["blocks"].cpu()
        self._pools, self._pool, self._position, self._left = (
            int(state[name]) for name in ("pools", "pool", "position", "left")
        )
        self._before_shuffle = state["before_shuffle"].cpu()
        if self._pool >= 0:
            before = torch.Generator(self._generator.device)
            before.set_state(self._before_shuffle)
            self._fill_pool(before)


def minibatches(data: TrainingData, size: int, generator: torch.Generator) -> Minibatches:
    """Those that suit where the samples are."""
    kind = MinibatchesFromBlocks if data.codes is None else MinibatchesFromMemory
    return kind(data, size, generator)


def write_statistics(codes: Tensor, unit: Unit, out: Tensor) -> None:
    """Codes (rows, N_v), checked before, as statistics (rows, N_v·q), written to ``out``."""
    if unit.site_shape:
        out.zero_().view(*codes.shape, *unit.site_shape).scatter_(2, codes.long()[:, :, None], 1.0)
    else:
        out.copy_(codes)
