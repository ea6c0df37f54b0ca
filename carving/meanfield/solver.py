"""The batched fixed-point solver: every row to its own fixed point, with an estimate of its error.

The fixed point of a sample is the one that plain sweeps reach from it; where they do not converge,
the one that layer-exact sweeps reach from the same start; at order 3, damped sweeps are the last
resort (mathematics §4). Sweeps decide *which* point. Once the observed contraction puts a row
within `_CAPTURE` of it, Newton's method on the linearised equations finishes the row: its steps
measure the distance that is left, whatever slow mode the sweeps' own steps did not yet show, and a
row that they find further away than that is sent back to sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from carving._progress import Progress, ProgressCallback
from carving.errors import InvalidInput, OutOfMemory
from carving.meanfield.linkage import same_points
from carving.meanfield.plefka import Plefka, State
from carving.meanfield.stability import Linearisation, rows_at_once
from carving.rbm import RBM

_CHECK_EVERY = 4  # even, so that a cycle of two is seen at the first look
_CAPTURE = 1e-4
_CYCLE_CLOSED = 1e-9
_CYCLE_STEP = 1e-5
# a row that moves by more than this for so many sweeps on end does not converge: magnetisations are
# bounded, and the slowest passages on the way to a point take small steps, not many large ones
_RESTLESS_STEP = 1e-3
_RESTLESS_SWEEPS = 2000
_CORRECTIONS = 6
_DAMPING = 0.25
_ROWS_ON_CPU = 512
_ROWS_ON_ACCELERATOR = 8192

PLAIN, LAYER_EXACT, DAMPED = 0, 1, 2


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
        How the point was reached, (n,) uint8: 0 plain sweeps, 1 layer-exact sweeps because plain ones
        did not converge, 2 damped sweeps because neither did.
    """

    visible: Tensor
    hidden: Tensor
    free_energy: Tensor
    error: Tensor
    converged: Tensor
    stable: Tensor
    sweeps: Tensor
    method: Tensor

    def __len__(self) -> int:
        return len(self.visible)

    def __getitem__(self, rows: Tensor | np.ndarray | slice) -> FixedPoints:
        return FixedPoints(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[FixedPoints]) -> FixedPoints:
        """Several batches as one."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def __repr__(self) -> str:
        n = len(self)
        worst = f"{float(self.error[self.converged].max()):.1e}" if bool(self.converged.any()) else "–"
        return (
            f"FixedPoints({n} rows: {int(self.converged.sum())} converged (largest error {worst}), "
            f"{int(self.stable.sum())} stable, {int((self.method > 0).sum())} not by plain sweeps)"
        )


def fixed_points(
    rbm: RBM,
    samples: object,
    *,
    order: int = 2,
    tolerance: float = 1e-6,
    hidden: Tensor | np.ndarray | None = None,
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
    if not 0 < tolerance < 1:
        raise InvalidInput(f"tolerance {tolerance!r} is not between 0 and 1; 1e-6 is usual")
    if batch_size is not None and batch_size < 1:
        raise InvalidInput(f"batch size {batch_size} is not positive")
    if max_sweeps < _CHECK_EVERY:
        raise InvalidInput(f"max_sweeps {max_sweeps} is less than {_CHECK_EVERY}; 20000 is usual")
    plefka = Plefka(rbm, order)
    start = _starting_points(plefka, rbm, samples, hidden)
    rows = batch_size or (_ROWS_ON_CPU if rbm.device.type == "cpu" else _ROWS_ON_ACCELERATOR)
    while True:
        try:
            return _Solve(plefka, tolerance, max_sweeps, rows, progress).run(*start)
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            if rows == 1:
                raise OutOfMemory(
                    f"{rbm!r}: not even one row fits into memory; use a larger machine"
                ) from None
        rows = max(1, rows // 2)


def _starting_points(plefka: Plefka, rbm: RBM, samples: object, hidden: Tensor | np.ndarray | None) -> State:
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


class _Solve:
    """One call of :func:`fixed_points`: its settings, and the rows' results as they come in."""

    def __init__(
        self, plefka: Plefka, tolerance: float, max_sweeps: int, rows: int, progress: ProgressCallback | None
    ) -> None:
        self.plefka = plefka
        self.tolerance = tolerance
        self.max_sweeps = max_sweeps
        self.rows = rows
        self.progress = progress

    def run(self, v: Tensor, h: Tensor) -> FixedPoints:
        n = len(v)
        self.visible, self.hidden = v.clone(), h.clone()
        self.error = torch.full((n,), torch.inf, dtype=v.dtype, device=v.device)
        self.stable = torch.zeros(n, dtype=torch.bool, device=v.device)
        self.sweeps = torch.zeros(n, dtype=torch.int64, device=v.device)
        self.method = torch.zeros(n, dtype=torch.uint8, device=v.device)
        self.done = torch.zeros(n, dtype=torch.bool, device=v.device)
        # rows that brought a new point
        self.known = torch.zeros(0, dtype=torch.int64, device=v.device)
        for method, advance in (
            (PLAIN, self.plefka.sweep),
            (LAYER_EXACT, self.plefka.layer_exact_sweep),
            (DAMPED, self._damped_sweep),
        ):
            rows = torch.nonzero(~self.done)[:, 0]
            if not len(rows):
                break
            self.method[rows] = method
            self._iterate(advance, rows, v, h)
        energy = torch.cat(
            [
                self.plefka.free_energy(*pair)
                for pair in zip(*(x.split(self.rows) for x in self.state), strict=True)
            ]
        )
        return FixedPoints(
            self.visible, self.hidden, energy, self.error, self.done, self.stable, self.sweeps, self.method
        )

    @property
    def state(self) -> State:
        return self.visible, self.hidden

    def _damped_sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        v, h = self.plefka.sweep(m_v, m_h)
        return torch.lerp(m_v, v, _DAMPING), torch.lerp(m_h, h, _DAMPING)

    def _iterate(
        self, advance: Callable[[Tensor, Tensor], State], rows: Tensor, v0: Tensor, h0: Tensor
    ) -> None:
        """Sweep ``rows`` from their starting points until each is captured, cycles or is given up.

        At most ``self.rows`` are under way; as some leave, others enter. A row is looked at after
        every `_CHECK_EVERY` of its own sweeps, so that its result does not depend on the others.
        """
        waiting = rows
        active = _Active.empty(v0, h0)
        while len(active) or len(waiting):
            room = self.rows - len(active)
            if room > 0 and len(waiting):
                entering, waiting = waiting[:room], waiting[room:]
                active = active.joined(_Active.starting(entering, v0[entering], h0[entering]))
            for _ in range(_CHECK_EVERY - 2):
                active.v, active.h = advance(active.v, active.h)
            before = advance(active.v, active.h)
            first = self.plefka.size(before[0] - active.v, before[1] - active.h)
            active.v, active.h = advance(*before)
            second = self.plefka.size(active.v - before[0], active.h - before[1])
            active.look(first, second)

            near = active.estimate <= active.attempt_below
            if bool(near.any()):
                self._finish(active, torch.nonzero(near)[:, 0])
            lost = active.cycles(self.plefka) | active.restless() | (active.count >= self.max_sweeps)
            gone = self.done[active.rows] | lost
            if bool(gone.any()):
                left = torch.nonzero(gone & ~self.done[active.rows])[:, 0]
                self.visible[active.rows[left]], self.hidden[active.rows[left]] = (
                    active.v[left],
                    active.h[left],
                )
                self.error[active.rows[left]] = torch.inf
                self.sweeps[active.rows[gone]] += active.count[gone]
                active = active[~gone]
                if self.progress:
                    self.progress(Progress("fixed points", int(self.done.sum()), len(self.done)))

    def _finish(self, active: _Active, near: Tensor) -> None:
        """Give rows that seem captured their fixed point: one that is known, or a new one by Newton.

        Of rows that are near each other one is solved; all then take the point that they are near to.
        That a row at distance 1e-4 belongs there is what `_CAPTURE` means; it saves each row a linear
        system of its own, worth some hundred sweeps.
        """
        near = self._take_known(active, near)
        if not len(near):
            return
        together = self.plefka.together(active.v[near], active.h[near])
        groups = same_points(together, torch.zeros_like(active.estimate[near]), _CAPTURE)
        leaders = near[torch.from_numpy(np.unique(groups, return_index=True)[1]).to(near.device)]
        for part in leaders.split(rows_at_once(self.plefka)):
            self._solve_leaders(active, part)
        refused = self._take_known(active, near)
        active.attempt_below[refused] = active.estimate[refused] / 4

    def _take_known(self, active: _Active, near: Tensor) -> Tensor:
        """Rows among ``near`` take the known point that they are at; returns those that are at none."""
        if not len(self.known) or not len(near):
            return near
        known = self.plefka.together(self.visible[self.known], self.hidden[self.known])
        here = self.plefka.together(active.v[near], active.h[near])
        distance, which = torch.cdist(here, known, p=torch.inf).min(1)
        source = self.known[which]
        at_point = (distance <= 2 * _CAPTURE) & (self.stable[source] | self._rests(active, near))
        rows, source = active.rows[near[at_point]], source[at_point]
        self.visible[rows], self.hidden[rows] = self.visible[source], self.hidden[source]
        self.error[rows], self.stable[rows] = self.error[source], self.stable[source]
        self.done[rows] = True
        return near[~at_point]

    def _rests(self, active: _Active, rows: Tensor) -> Tensor:
        """Rows at rest far below the tolerance. One that rests on a saddle belongs to it; a row that
        only passes by does not, however near it comes."""
        return active.estimate[rows] <= 1e-2 * self.tolerance

    def _solve_leaders(self, active: _Active, part: Tensor) -> None:
        """Newton's method from rows that seem captured; those that it confirms become known points."""
        v, h = active.v[part], active.h[part]
        newton = Linearisation(self.plefka, v, h)
        stable = newton.stable()
        residual = self.plefka.residual(v, h)
        gain, travelled = torch.zeros_like(h[:, 0]), torch.zeros_like(h[:, 0])
        size = torch.full_like(gain, torch.inf)
        shrinks = torch.ones_like(gain, dtype=torch.bool)
        for _ in range(_CORRECTIONS):
            delta = newton.correction(residual)
            last, size = size, self.plefka.size(*delta)
            gain = torch.maximum(gain, size / self.plefka.size(*residual).clamp(min=1e-300))
            floor = self._rounding(gain)
            shrinks &= (size <= 0.5 * last) | (size <= floor)
            travelled += size
            v, h = v + delta[0], h + delta[1]
            residual = self.plefka.residual(v, h)
            if not bool((size > floor).any()):
                break
        # one sweep brings every magnetisation back into its range; how far it moves says what it did
        swept = self.plefka.sweep(v, h)
        moved = self.plefka.size(swept[0] - v, swept[1] - h)
        error = torch.maximum(size, self._rounding(gain)) + moved * (1 + gain)
        confirmed = shrinks & (travelled <= _CAPTURE) & (error <= self.tolerance)
        confirmed &= stable | self._rests(active, part)
        good = active.rows[part[confirmed]]
        self.visible[good], self.hidden[good] = swept[0][confirmed], swept[1][confirmed]
        self.error[good], self.stable[good], self.done[good] = error[confirmed], stable[confirmed], True
        self.known = torch.cat([self.known, good])

    def _rounding(self, gain: Tensor) -> Tensor:
        """What float64 alone may cost at a point that amplifies residuals by ``gain``; never less than
        a thousandth of the tolerance is claimed."""
        return (4 * torch.finfo(gain.dtype).eps * (1 + gain)).clamp(min=1e-3 * self.tolerance)


@dataclass
class _Active:
    """The rows under way, and what was seen of each."""

    rows: Tensor
    v: Tensor
    h: Tensor
    count: Tensor
    step: Tensor
    at_rest: Tensor
    estimate: Tensor
    attempt_below: Tensor
    reference_v: Tensor
    reference_h: Tensor
    reference_count: Tensor

    @classmethod
    def starting(cls, rows: Tensor, v: Tensor, h: Tensor) -> _Active:
        number = torch.full((len(rows),), torch.inf, dtype=v.dtype, device=v.device)
        count = torch.zeros_like(rows)
        return cls(
            rows=rows,
            v=v,
            h=h,
            count=count,
            step=number,
            at_rest=count.clone(),
            estimate=number.clone(),
            attempt_below=torch.full_like(number, _CAPTURE),
            reference_v=v.clone(),
            reference_h=h.clone(),
            reference_count=count.clone(),
        )

    @classmethod
    def empty(cls, v: Tensor, h: Tensor) -> _Active:
        return cls.starting(torch.zeros(0, dtype=torch.int64, device=v.device), v[:0], h[:0])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, keep: Tensor) -> _Active:
        return _Active(*(getattr(self, field.name)[keep] for field in fields(self)))

    def joined(self, other: _Active) -> _Active:
        if not len(self):
            return other
        return _Active(
            *(torch.cat([getattr(self, field.name), getattr(other, field.name)]) for field in fields(self))
        )

    def look(self, first: Tensor, second: Tensor) -> None:
        """Estimate each row's error from two successive steps: step · ρ/(1 − ρ), ρ the slower of the
        contraction between the two and that since the last look."""
        self.count = self.count + _CHECK_EVERY
        tiny = torch.finfo(second.dtype).tiny
        since = (second / self.step.clamp(min=tiny)) ** (1 / _CHECK_EVERY)
        now = second / first.clamp(min=tiny)
        contraction = torch.maximum(now, since)
        estimate = second * contraction / (1 - contraction).clamp(min=tiny)
        estimate = torch.where(contraction < 1, estimate, torch.inf)
        # at rest to the last digit, a ratio of steps says nothing
        still = second <= 4 * torch.finfo(second.dtype).eps
        self.estimate = torch.where(still, second, estimate)
        self.step = second
        self.at_rest = torch.where(second < _RESTLESS_STEP, self.count, self.at_rest)

    def restless(self) -> Tensor:
        """Rows that have moved fast for too long."""
        return self.count - self.at_rest >= _RESTLESS_SWEEPS

    def cycles(self, plefka: Plefka) -> Tensor:
        """Rows that are back where they were, but moving. The place to come back to is renewed at
        doubling intervals, so that every period is found (Brent)."""
        away = plefka.size(self.v - self.reference_v, self.h - self.reference_h)
        closed = (away <= _CYCLE_CLOSED) & (self.step >= _CYCLE_STEP)
        renew = self.count >= 2 * self.reference_count
        self.reference_v[renew], self.reference_h[renew] = self.v[renew], self.h[renew]
        self.reference_count = torch.where(renew, self.count, self.reference_count)
        return closed
