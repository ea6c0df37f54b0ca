"""The batched fixed-point solver: every row to its own fixed point, with an estimate of its error.

The fixed point of a sample is the one that plain sweeps reach from it; where they do not converge,
the one that layer-exact sweeps reach from the same start; at order 3, damped sweeps are the last
resort (mathematics §4). Sweeps decide *which* point, Newton's method says exactly *where* it is:

1. Rows are swept in single precision, which never changed a basin, and looked at every few sweeps.
2. A row that a known point captures (:mod:`carving.meanfield.capture`) is done: it is that point.
3. A row whose steps say that its point is near is parked, and when there are several of them they
   propose their points: Newton's method on the linearised equations, in double precision, finds a
   point and measures its error. Whether a row belongs to it is for the rule of 2 alone to decide; a
   refused row sweeps on.
4. Rows that reach the end of single precision without being captured are swept in double precision,
   until they are captured or within `_CAPTURE` of a point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carving._progress import Progress, ProgressCallback
from carving.data import Samples
from carving.errors import InvalidInput, OutOfMemory
from carving.meanfield._under_way import CHECK_EVERY, UnderWay
from carving.meanfield.capture import SURELY, KnownPoints, ask_again_below
from carving.meanfield.newton import Newton
from carving.meanfield.plefka import Plefka, State
from carving.meanfield.spent import Spent
from carving.meanfield.sweeping import Each, plain_sweeps
from carving.rbm import RBM
from carving.units import Sweeps

_CAPTURE = 1e-4
# a row that believes itself nearer to a point than this proposes it: earlier ones are often wrong, or too
# far for the linearisation there to be the point's, and each costs as much as a hundred sweeps
_PROPOSE_BELOW = 0.003
# rows that propose wait for each other: proposals are cheaper together
_TOGETHER = 24
# those that lead, when rows propose together, are at least so far apart, Euclidean in the hidden layer
_APART = 0.5
# a row waits for a known point to capture it while its way there may be that of its steps, times this
_WAITS = 3.0
_DAMPING = 0.25
ROWS_ON_CPU = 512
_ROWS_ON_ACCELERATOR = 8192

PLAIN, LAYER_EXACT, DAMPED = 0, 1, 2
ITERATIONS = ("plain", "layer-exact")


@dataclass(frozen=True, repr=False)
class FixedPoints:
    """Fixed points of Γ, one row a starting point; torch, float64 unless said.

    Attributes
    ----------
    visible
        m_v, (n, N_v) or (n, N_v, q).
    hidden
        m_h, (n, N_h).
    free_energy
        Γ in units of kT, (n,).
    error
        Estimated distance to the exact fixed point, max-norm over both layers with spins counted as
        (1 + m)/2, (n,). Infinite where nothing is known.
    converged
        ``error`` is within the tolerance, (n,) bool.
    stable
        The Hessian of Γ is positive definite: the point is a minimum, (n,) bool.
    sweeps
        Sweeps made, (n,) int64.
    method
        How the point was reached, (n,) uint8: 0 plain sweeps, 1 layer-exact sweeps (because plain ones
        did not converge, or because they were asked for), 2 damped sweeps because neither converged.
    spent
        What it took; None for a selection of rows.
    """

    visible: Tensor
    hidden: Tensor
    free_energy: Tensor
    error: Tensor
    converged: Tensor
    stable: Tensor
    sweeps: Tensor
    method: Tensor
    spent: Spent | None = None

    def __len__(self) -> int:
        return len(self.visible)

    def __getitem__(self, rows: Tensor | np.ndarray | slice) -> FixedPoints:
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return FixedPoints(**columns)

    @classmethod
    def joined(cls, parts: Sequence[FixedPoints]) -> FixedPoints:
        """Several batches as one."""
        columns: dict[str, Any] = {
            name: torch.cat([getattr(part, name) for part in parts]) for name in _COLUMNS
        }
        return cls(**columns)

    def __repr__(self) -> str:
        n = len(self)
        worst = f"{float(self.error[self.converged].max()):.1e}" if bool(self.converged.any()) else "–"
        return (
            f"FixedPoints({n} rows: {int(self.converged.sum())} converged (largest error {worst}), "
            f"{int(self.stable.sum())} stable, {int((self.method > 0).sum())} not by plain sweeps)"
        )


_COLUMNS = tuple(field.name for field in fields(FixedPoints) if field.name != "spent")


def fixed_points(
    rbm: RBM,
    samples: object,
    *,
    order: int = 2,
    tolerance: float = 1e-6,
    hidden: Tensor | np.ndarray | None = None,
    iteration: str = "plain",
    batch_size: int | None = None,
    max_sweeps: int = 20_000,
    progress: ProgressCallback | None = None,
) -> FixedPoints:
    """The fixed point of Γ that each sample belongs to, equations (6) and (8).

    Rows are independent: none depends on which others are solved with it. All is computed in
    float64, on the machine's device.

    Parameters
    ----------
    rbm
        The machine.
    samples
        Samples (n, N_v), integer codes or one-hot (n, N_v, q) for Potts; together with ``hidden``,
        magnetisations to start from.
    order
        Order of Plefka's expansion: 1 naive mean field, 2 TAP, 3.
    tolerance
        Largest estimated error of a converged row, in max-norm over both layers.
    hidden
        Hidden magnetisations to start from, (n, N_h); without it, their means given the samples.
    iteration
        Which sweeps say what a sample's point is: ``"plain"``, layer-exact ones where those do not
        converge; or ``"layer-exact"`` from the beginning.
    batch_size
        Rows iterated together; halved when memory does not suffice.
    max_sweeps
        After so many, a method gives a row up.
    progress
        Called with the rows done.

    Returns
    -------
    FixedPoints
        In the order of the samples. Rows that did not converge are there and marked.

    Raises
    ------
    InvalidInput
        For samples that do not fit the machine, or settings out of range.
    OutOfMemory
        If not even one row fits.
    """
    plefka = Plefka(rbm, order)
    start = starting_points(plefka, rbm, samples, hidden)
    solver = Solver(
        plefka,
        tolerance=tolerance,
        iteration=iteration,
        max_sweeps=max_sweeps,
        rows=batch_size,
        progress=progress,
    )
    return solver.run(*start)


def starting_points(plefka: Plefka, rbm: RBM, samples: object, hidden: Tensor | np.ndarray | None) -> State:
    """Where rows begin, in float64: from samples, or from magnetisations of both layers.

    Raises
    ------
    InvalidInput
        Where they do not fit the machine.
    """
    if isinstance(samples, Samples):
        samples = samples.values
    if hidden is None:
        v = rbm.visible.encode(samples, torch.float64).to(rbm.device)
    else:
        # a copy: torch warns of read-only arrays such as the columns of a tree
        v = samples if isinstance(samples, Tensor) else torch.from_numpy(np.array(samples))
        v = v.to(rbm.device, torch.float64)
    if v.shape[1:] != rbm.visible_bias.shape:
        raise InvalidInput(
            f"samples: have {tuple(v.shape[1:])} sites (and states), the machine has "
            f"{tuple(rbm.visible_bias.shape)}; they are not of the same data"
        )
    if hidden is None:
        return plefka.start(v)
    h = hidden if isinstance(hidden, Tensor) else torch.from_numpy(np.array(hidden))
    h = h.to(rbm.device, torch.float64)
    if h.shape != (len(v), rbm.hidden_size):
        raise InvalidInput(
            f"hidden: has shape {tuple(h.shape)}, but {len(v)} rows of this machine need "
            f"{(len(v), rbm.hidden_size)}"
        )
    if not (bool(torch.isfinite(v).all()) and bool(torch.isfinite(h).all())):
        raise InvalidInput("starting points: hold NaN or infinite values; leave those rows out")
    return v, h


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


@dataclass(frozen=True)
class _Stage:
    """One kind of sweep in one precision."""

    kind: int
    plefka: Plefka
    sweeps: Sweeps
    # rows go on in the next stage where this one leaves them, rather than from their start
    hands_over: bool = False
    goes_on: bool = False

    @property
    def counted(self) -> str:
        """Where its sweeps are counted."""
        if self.kind == PLAIN:
            return f"{'single' if self.plefka.dtype == torch.float32 else 'double'}_precision_sweeps"
        return "layer_exact_sweeps" if self.kind == LAYER_EXACT else "damped_sweeps"


class Solver:
    """Fixed points of one expansion for any number of batches: what one finds captures rows of the next.

    Parameters
    ----------
    plefka
        The expansion, in float64.
    tolerance, iteration, max_sweeps, progress
        As in :func:`fixed_points`.
    rows
        Rows iterated together; halved when memory does not suffice.

    Attributes
    ----------
    known
        The points found so far.
    point
        Of the last batch: which of the known points each row is, −1 where it did not converge.
    sweeps
        Of the last batch: how many each row was swept.
    spent
        What all batches have taken.
    """

    def __init__(
        self,
        plefka: Plefka,
        *,
        tolerance: float = 1e-6,
        iteration: str = "plain",
        max_sweeps: int = 20_000,
        rows: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        if not 0 < tolerance < 1:
            raise InvalidInput(f"tolerance {tolerance!r} is not between 0 and 1; 1e-6 is usual")
        if iteration not in ITERATIONS:
            raise InvalidInput(f"iteration {iteration!r} is not known; choose {' or '.join(ITERATIONS)}")
        if rows is not None and rows < 1:
            raise InvalidInput(f"batch size {rows} is not positive")
        if max_sweeps < CHECK_EVERY:
            raise InvalidInput(f"max_sweeps {max_sweeps} is less than {CHECK_EVERY}; 20000 is usual")
        self.plefka = plefka
        self.tolerance = tolerance
        self.iteration = iteration
        self.max_sweeps = max_sweeps
        on_cpu = plefka.visible_bias.device.type == "cpu"
        self.rows = rows or (ROWS_ON_CPU if on_cpu else _ROWS_ON_ACCELERATOR)
        self.progress = progress
        self.spent = Spent()
        self.known: KnownPoints | None = None

    @cached_property
    def _coarse(self) -> Plefka:
        return self.plefka.to(torch.float32)

    @cached_property
    def _newton(self) -> Newton:
        return Newton(self.plefka, self._coarse, self.tolerance)

    def run(self, v: Tensor, h: Tensor) -> FixedPoints:
        """The fixed point of each row of float64 starting points, by plain sweeps where they converge.

        Raises
        ------
        OutOfMemory
            If not even one row fits.
        """
        self.solve(v, h)
        found = self.point >= 0
        lost = self.unconverged()
        if not bool(found.any()):
            return replace(lost, spent=self.spent)
        # of those that earlier batches have found most may be of no use here
        used, of_row = torch.unique(torch.where(found, self.point, self.point.max()), return_inverse=True)
        result = self.points_at(used)[of_row]
        for name in _COLUMNS:
            getattr(result, name)[~found] = getattr(lost, name)
        return replace(result, sweeps=self.sweeps, method=self._method, spent=self.spent)

    def solve(self, v: Tensor, h: Tensor) -> None:
        """As :meth:`run`, but only :attr:`point` is told: nothing is copied for each row."""
        if self.known is None:
            self.known = KnownPoints.none(v, h)
        while True:
            try:
                return self._solve(v, h)
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                if self.rows == 1:
                    raise OutOfMemory(
                        f"{self.plefka}: not even one row fits into memory; use a larger machine"
                    ) from None
            self.rows = max(1, self.rows // 2)

    def _solve(self, v: Tensor, h: Tensor) -> None:
        n, device = len(v), v.device
        self._start = v, h
        self.sweeps = torch.zeros(n, dtype=torch.int64, device=device)
        self._method = torch.zeros(n, dtype=torch.uint8, device=device)
        self.point = torch.full((n,), -1, dtype=torch.int64, device=device)
        rows, size = torch.arange(n, device=device), min(self.rows, n)
        stages = self._stages(size)
        # a stage has buffers of its own, so it is not made before there are rows for it
        while len(rows) and (stage := next(stages, None)):
            rows = self._iterate(stage, rows)
        self.spent.rows += n
        self.spent.points = 0 if self.known is None else len(self.known)

    def resume(self, points: KnownPoints, spent: Spent) -> None:
        """Go on as if these points had been found, at that expense in all."""
        if self.known is None:
            self.known = points
        else:
            self.known.add(points)
        self.spent = spent

    @property
    def points(self) -> FixedPoints:
        """The points found so far, in the order that :attr:`point` counts in."""
        return self.points_at(slice(None))

    def points_at(self, which: Tensor | slice) -> FixedPoints:
        """Some of the points found so far."""
        assert self.known is not None
        known = self.known[which]
        return self._described(known.visible, known.hidden, known.error, known.stable)

    def unconverged(self) -> FixedPoints:
        """Those rows of the last batch that reached no point, where they were left."""
        rows = torch.nonzero(self.point < 0)[:, 0]
        v, h = (x[rows].clone() for x in self._start)
        if len(rows):
            v, h = self._left_at
        unknown = torch.full((len(rows),), torch.inf, dtype=v.dtype, device=v.device)
        lost = self._described(v, h, unknown, torch.zeros_like(rows, dtype=torch.bool))
        return replace(lost, sweeps=self.sweeps[rows], method=self._method[rows])

    def _described(self, v: Tensor, h: Tensor, error: Tensor, stable: Tensor) -> FixedPoints:
        pairs = zip(v.split(self.rows), h.split(self.rows), strict=True)
        energy = [self.plefka.free_energy(*pair) for pair in pairs] or [error]
        zero = torch.zeros(len(v), dtype=torch.int64, device=v.device)
        return FixedPoints(
            v, h, torch.cat(energy), error, error < torch.inf, stable, zero, zero.to(torch.uint8)
        )

    def _stages(self, size: int) -> Iterator[_Stage]:
        if self.iteration == "plain":
            yield _Stage(PLAIN, self._coarse, plain_sweeps(self._coarse, size), hands_over=True)
            yield _Stage(PLAIN, self.plefka, plain_sweeps(self.plefka, size), goes_on=True)
        yield _Stage(LAYER_EXACT, self._coarse, Each(self._coarse.layer_exact_sweep), hands_over=True)
        yield _Stage(LAYER_EXACT, self.plefka, Each(self.plefka.layer_exact_sweep), goes_on=True)
        yield _Stage(DAMPED, self.plefka, Each(self._damped_sweep))

    def _damped_sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        v, h = self.plefka.sweep(m_v, m_h)
        return torch.lerp(m_v, v, _DAMPING), torch.lerp(m_h, h, _DAMPING)

    def _iterate(self, stage: _Stage, rows: Tensor) -> Tensor:
        """Sweep ``rows`` until each is captured or leaves; returns those that the next stage must take.

        At most ``self.rows`` are under way; as some leave, others enter.
        """
        self._method[rows] = stage.kind
        # rows that go on are all those that the stage before has left, in the same order
        begin = self._left_at if stage.goes_on else tuple(x[rows] for x in self._start)
        waiting, left = torch.arange(len(rows), device=rows.device), []
        active = self._entering(stage, rows[:0], (begin[0][:0], begin[1][:0]))
        parked = nobody = active
        while len(active) or len(waiting) or len(parked):
            room = self.rows - len(active) - len(parked)
            if room > 0 and len(waiting):
                entering, waiting = waiting[:room], waiting[room:]
                state = begin[0][entering], begin[1][entering]
                active = active.joined(self._entering(stage, rows[entering], state))
            if len(active):
                self._sweep(stage, active)
                with self.spent.timing("testing"):
                    self._capture(stage, active)
                near = self._near(active)
                if bool(near.any()):
                    parked, active = parked.joined(active[near]), active[~near]
            nobody_comes = not len(active) and not len(waiting)
            if len(parked) >= min(_TOGETHER, self.rows) or (nobody_comes and len(parked)):
                with self.spent.timing("proposing"):
                    self._propose(parked)
                self._capture(stage, parked)
                parked, active = nobody, active.joined(parked)
            if not stage.hands_over:
                self._arrive(active)
            done = self.point[active.rows] >= 0
            active.compare(stage.plefka)
            lost = active.cycles() | active.restless() | (active.count >= self.max_sweeps)
            if stage.hands_over:
                # as near as this precision brings a row, or caught in a cycle that rounding has made
                lost |= (active.estimate <= _CAPTURE) | active.returned
            gone = done | lost
            if bool(gone.any()):
                leaves = gone & ~done
                left.append((active.rows[leaves], active.v[leaves].double(), active.h[leaves].double()))
                self.sweeps[active.rows[gone]] += active.count[gone] - active.before[gone]
                active = active[~gone]
                if self.progress:
                    self.progress(Progress("fixed points", int((self.point >= 0).sum()), len(self.point)))
        gone, v, h = (torch.cat(parts) for parts in zip(*left, strict=True))
        gone, order = torch.sort(gone)
        self._left_at = v[order], h[order]
        return gone

    def _sweep(self, stage: _Stage, active: UnderWay) -> None:
        """Sweep rows until they are looked at."""
        sweeps = active.until_look()
        with self.spent.timing("sweeping"):
            before, middle, last = stage.sweeps.last_three(active.v, active.h, sweeps)
        active.v, active.h = last
        active.look(stage.plefka, before, middle, sweeps)
        self.spent.count(stage.counted, sweeps * len(active))

    def _entering(self, stage: _Stage, rows: Tensor, state: State) -> UnderWay:
        sweeps = self.sweeps[rows] if stage.goes_on else torch.zeros_like(rows)
        v, h = (x.to(stage.plefka.dtype) for x in state)
        return UnderWay.entering(rows, v, h, sweeps, propose_below=_PROPOSE_BELOW)

    def _capture(self, stage: _Stage, active: UnderWay) -> None:
        """Give rows that a known point captures that point."""
        known = self.known
        assert known is not None
        distance, which = known.nearest(active.h)
        active.distance = distance
        same = which == active.which
        active.ask_below = torch.where(same, active.ask_below, torch.inf)
        active.passed &= same
        active.which = which
        ask = (distance < active.ask_below) & (self.point[active.rows] < 0)
        if not len(known) or not bool(ask.any()):
            return
        rows = torch.nonzero(ask)[:, 0]
        which, distance = which[ask], distance[ask]
        # a sweep ago: that is the state of which the rule says where it leads
        beyond = known.beyond(stage.plefka, active.middle_v[rows], which)
        active.ask_below[rows] = ask_again_below(distance, beyond)
        near = beyond <= 1
        rows, which, distance = rows[near], which[near], distance[near]
        if not len(rows):
            return
        ratio = known.nonlinearity(
            stage.plefka,
            stage.sweeps.sweep,
            stage.kind,
            (active.middle_v[rows], active.middle_h[rows]),
            (active.v[rows], active.h[rows]),
            which,
        )
        passes = ratio < 1
        captured = (ratio < SURELY) | (passes & active.passed[rows])
        self.spent.tests += len(rows)
        self.spent.captured += int(captured.sum())
        self.point[active.rows[rows[captured]]] = which[captured]
        active.ask_below[rows] = torch.where(passes, torch.inf, ask_again_below(distance, ratio))
        active.passed[rows] = passes

    def _near(self, active: UnderWay) -> Tensor:
        """Which rows' steps say that their point is near, though no known one captures them."""
        near = (active.estimate <= active.propose_below) & active.approaches
        # a row that may well be on its way to the nearest known point waits for it
        near &= active.way * _WAITS <= active.distance
        return near & (self.point[active.rows] < 0)

    def _propose(self, parked: UnderWay) -> None:
        """Newton's method from rows that are far apart; the points that it finds become known."""
        assert self.known is not None
        apart = torch.cdist(parked.h, parked.h) >= _APART
        leads = apart.tril(-1).sum(1) == torch.arange(len(parked), device=apart.device)
        leading = parked[leads]
        parked.propose_below[leads] = leading.estimate / 8
        rests = leading.estimate <= 1e-2 * self.tolerance
        self.spent.proposals += len(leading)
        # a sweep brings back what went beyond the range of magnetisations
        state = self.plefka.sweep(*leading.expected())
        for points in self._newton.points(*state, rests, self.spent):
            self.known.add_new(self.plefka, points)

    def _arrive(self, active: UnderWay) -> None:
        """Rows that are all but at a known point take it. One that rests on a saddle belongs to it; a row
        that only passes by does not, however near it comes."""
        known = self.known
        assert known is not None
        near = torch.nonzero((active.estimate <= _CAPTURE) & (self.point[active.rows] < 0))[:, 0]
        if not len(known) or not len(near):
            return
        here = self.plefka.together(active.v[near], active.h[near])
        distance, which = torch.cdist(
            here, self.plefka.together(known.visible, known.hidden), p=torch.inf
        ).min(1)
        rests = active.estimate[near] <= 1e-2 * self.tolerance
        at_point = (distance <= 2 * _CAPTURE) & (known.stable[which] | rests)
        self.point[active.rows[near[at_point]]] = which[at_point]
        self.spent.arrived += int(at_point.sum())
