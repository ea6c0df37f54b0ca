"""Solvers that are kept, and rows in pieces that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from carving._progress import ProgressCallback
from carving.errors import InvalidInput
from carving.meanfield import FixedPoints, Plefka
from carving.meanfield.solver import Solver, starting_points
from carving.service.queries._warm import Warm

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence

# numbers of the rows that are solved at once: 64 MiB, and several times that while they are
_NUMBERS_AT_ONCE = 2**23
_ROWS_TO_CHECK = 256


@dataclass(frozen=True)
class Equations:
    """Whose fixed points are asked for."""

    store: str
    run: CheckpointSequence
    order: int
    tolerance: float
    device: torch.device

    @property
    def numbers(self) -> int:
        """How many numbers a point is."""
        return numbers_of(self.run)

    def at(self, age: int, warm: Warm, progress: ProgressCallback) -> WarmSolver:
        """The solver of one age."""
        key = ("solver", self.store, age, self.order, self.tolerance)
        found = warm.get(key, (self.run,), lambda: WarmSolver(self, age))
        found.solver.progress = progress
        return found


class WarmSolver:
    """A solver and its machine."""

    def __init__(self, equations: Equations, age: int) -> None:
        self._rbm = equations.run.at_age(age).to(device=equations.device)
        self.solver = Solver(Plefka(self._rbm, equations.order), tolerance=equations.tolerance)

    @property
    def points(self) -> int:
        """How many points it knows."""
        return 0 if self.solver.known is None else len(self.solver.known)

    @property
    def bytes(self) -> int:
        """How much room it takes, about."""
        known = self.solver.known
        columns = [] if known is None else [getattr(known, field.name) for field in fields(known)]
        # points in both precisions, parameters also squared
        return int(1.5 * sum(column.nbytes for column in columns)) + 6 * self._rbm.weights.nbytes

    def run(self, samples: np.ndarray | Tensor, hidden: Tensor | None = None) -> FixedPoints:
        """The fixed point of each row."""
        parts = []
        for rows in pieces(len(samples), self._rbm.visible_bias.numel()):
            start = samples[rows], None if hidden is None else hidden[rows]
            parts.append(self.solver.run(*starting_points(self.solver.plefka, self._rbm, *start)))
        return FixedPoints.joined(parts)


def pieces(rows: int, numbers: int) -> Iterator[slice]:
    """Rows that are solved at once; one piece at least."""
    size = max(1, _NUMBERS_AT_ONCE // numbers)
    return (slice(low, low + size) for low in range(0, max(rows, 1), size))


def numbers_of(run: CheckpointSequence) -> int:
    """How many numbers a state of both layers is."""
    return (run.visible_size or 0) * int(np.prod(run.visible.site_shape)) + (run.hidden_size or 0)


def check(run: CheckpointSequence, samples: np.ndarray) -> None:
    """Refuse what the machines cannot take now, before it is mixed with the samples of others.

    Raises
    ------
    InvalidInput
        As the library does.
    """
    shape = (run.visible_size, *run.visible.site_shape)
    for low in range(0, max(len(samples), 1), _ROWS_TO_CHECK):
        part = samples[low : low + _ROWS_TO_CHECK]
        encoded = run.visible.encode(part, torch.int8, first_row=low)
        if tuple(encoded.shape[1:]) != shape:
            raise InvalidInput(
                f"samples: have {tuple(encoded.shape[1:])} sites (and states), the machine has {shape}; they "
                "are not of the same data"
            )
