"""The points that the rows of one age reach: a map over chunks of rows, in rounds.

A chunk is solved with what the rounds before its own have found, and with nothing else: its answer depends
neither on who solves it nor on when, so one process and a hundred give the same. The rounds are of 1, 1, 2,
4, 8, … chunks, each as many as have been before. So only the first few are work for one; and what the
chunks of one round find several times is little: after n rows some n^a points are known, a < 1, and chunks
that all begin with those find a / (2^a − 1) ≤ 1.44 times as many as if each knew what the others find.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from carving._executor import as_finished
from carving._progress import Progress, ProgressCallback
from carving.meanfield import FixedPoints, Plefka, Spent
from carving.meanfield.capture import KnownPoints
from carving.meanfield.plefka import State
from carving.meanfield.solver import Solver
from carving.rbm import RBM
from carving.tree._work import AgeWork

_KNOWN = tuple(field.name for field in fields(KnownPoints))
_LOST = tuple(field.name for field in fields(FixedPoints) if field.name != "spent")
Columns = dict[str, np.ndarray]


class StartingRows(Protocol):
    """Rows that know where their iterations begin."""

    def start(self, plefka: Plefka, rbm: RBM) -> State:
        """Magnetisations of both layers, float64, on the machine's device."""
        raise NotImplementedError


class Chunks(Protocol):
    """Rows in chunks: any sequence of :class:`StartingRows`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> StartingRows: ...


@dataclass(frozen=True)
class Equations:
    """Whose fixed points are looked for, and how."""

    rbm: RBM
    order: int
    tolerance: float
    iteration: str
    batch_size: int | None

    @cached_property
    def plefka(self) -> Plefka:
        """The expansion."""
        return Plefka(self.rbm, self.order)

    def __getstate__(self) -> dict[str, Any]:
        # the expansion is twice as large as the machine, and made in a moment
        return {name: value for name, value in vars(self).items() if name != "plefka"}

    def solver(self, progress: ProgressCallback | None = None) -> Solver:
        """One that knows no points yet."""
        return Solver(
            self.plefka,
            tolerance=self.tolerance,
            iteration=self.iteration,
            rows=self.batch_size,
            progress=progress,
        )


class Stage:
    """Reports of solvers as those of one stage.

    Parameters
    ----------
    progress
        Whom to tell.
    name
        Of the stage.
    total
        How many rows there are in all.
    """

    def __init__(self, progress: ProgressCallback | None, name: str, total: int) -> None:
        self.name, self._progress, self._total, self._before = name, progress, total, 0

    def __call__(self, report: Progress) -> None:
        """A report of the solver of the chunk that is under way."""
        if self._progress:
            done = self._before + report.done
            self._progress(Progress(self.name, done, self._total, report.message))

    def advance(self, rows: int) -> None:
        """So many more rows are done."""
        self._before += rows
        self(Progress(self.name, 0, self._total))


def solve(
    equations: Equations, known: Columns, chunk: StartingRows, progress: ProgressCallback | None = None
) -> Columns:
    """What the rows of a chunk reach, if these points are known.

    Columns: ``point``, for each row the number of a known point, or of a new one, counted on, or −1 for none;
    ``sweeps``, how often it was swept; ``begun``, how many were known; ``new.…``, the new points; ``lost.…``,
    where the rows that reached none were left; ``batch``, how many rows were iterated together; ``spent``.
    """
    solver = equations.solver(progress)
    points = _known_points(known, "", equations.rbm.device)
    begun = len(points)
    solver.resume(points, Spent())
    solver.solve(*chunk.start(solver.plefka, equations.rbm))
    lost = solver.unconverged()
    return {
        "point": solver.point.cpu().numpy(),
        "sweeps": solver.sweeps.to(torch.int32).cpu().numpy(),
        "begun": np.array(begun),
        "batch": np.array(solver.rows),
        "spent": np.array(json.dumps(solver.spent.as_dict())),
        **_columns_of(points[slice(begun, None)], "new."),
        **{f"lost.{name}": getattr(lost, name).cpu().numpy() for name in _LOST},
    }


def _columns_of(points: KnownPoints, prefix: str) -> Columns:
    return {f"{prefix}{name}": getattr(points, name).cpu().numpy() for name in _KNOWN}


def _known_points(columns: Mapping[str, np.ndarray], prefix: str, device: torch.device) -> KnownPoints:
    # copies: what came from another process cannot be written to, of which torch warns
    return KnownPoints(**{name: torch.tensor(columns[f"{prefix}{name}"], device=device) for name in _KNOWN})


def rounds(count: int) -> Iterator[range]:
    """The numbers of the chunks of each round."""
    done = 0
    while done < count:
        yield range(done, min(count, max(1, 2 * done)))
        done = max(1, 2 * done)


class Reached:
    """What the rows of all chunks so far have reached.

    Memory grows with the number of different points and by two numbers a row.

    Parameters
    ----------
    equations
        What is solved.
    """

    def __init__(self, equations: Equations) -> None:
        self._equations = equations
        self._solver = equations.solver()
        machine = equations.rbm
        self._known = KnownPoints.none(machine.visible_bias[None], machine.hidden_bias[None])
        self._solver.resume(self._known, Spent())
        self._point: list[Tensor] = []
        self._sweeps: list[np.ndarray] = []
        self._lost: list[FixedPoints] = []

    @property
    def spent(self) -> Spent:
        """What all chunks have taken."""
        return self._solver.spent

    def solve(self, chunks: Chunks, work: AgeWork, stage: Stage, executor: Executor | None) -> None:
        """All chunks; what ``work`` has kept of them is used, what it has not is solved and kept."""
        function = partial(solve, progress=stage) if executor is None else solve
        trusted = True
        for numbers in rounds(len(chunks)):
            columns: dict[int, Columns] = {}
            for number in numbers if trusted else ():
                kept = work.load_part(number)
                if kept is not None:
                    columns[number] = kept
                    stage.advance(len(kept["point"]))
            missing = [number for number in numbers if number not in columns]
            # where chunks are solved again, others might find points in another order
            trusted = not missing
            known = _columns_of(self._known, "")
            tasks = ((self._equations, known, chunks[number]) for number in missing)
            for index, solved in as_finished(executor, function, tasks):
                work.save_part(missing[index], solved)
                columns[missing[index]] = solved
                stage.advance(len(solved["point"]))
            for number in numbers:
                self._add(columns[number])

    def _add(self, columns: Columns) -> None:
        """One more chunk, as :func:`solve` has left it."""
        device = self._known.error.device
        new = self._known.add_new(self._solver.plefka, _known_points(columns, "new.", device))
        which = torch.cat([torch.arange(int(columns["begun"]), device=device), new])
        point = torch.tensor(columns["point"], device=device)
        self._point.append(which[point] if len(which) else point)
        self._point[-1][point < 0] = -1
        self._sweeps.append(columns["sweeps"])
        lost: dict[str, Any] = {name: torch.tensor(columns[f"lost.{name}"], device=device) for name in _LOST}
        self._lost.append(FixedPoints(**lost))
        spent = Spent(**json.loads(str(columns["spent"])))
        self._solver.spent = replace(self._solver.spent + spent, points=len(self._known))
        # memory that did not suffice for one chunk will not for the next
        if int(columns["batch"]) < self._solver.rows:
            self._solver.rows = int(columns["batch"])
            self._equations = replace(self._equations, batch_size=self._solver.rows)

    @property
    def sweeps(self) -> np.ndarray:
        """How often each row was swept."""
        return np.concatenate(self._sweeps)

    def points(self) -> tuple[np.ndarray, FixedPoints]:
        """For each row the entry of its point, and the points that were reached; after them the rows that
        reached none, each on its own."""
        point = torch.cat(self._point)
        used, of_row = torch.unique(point[point >= 0], return_inverse=True)
        found = FixedPoints.joined([self._solver.points[used], *self._lost])
        which = torch.empty_like(point)
        which[point >= 0] = of_row
        which[point < 0] = torch.arange(len(used), len(found), device=point.device)
        return which.cpu().numpy(), found
