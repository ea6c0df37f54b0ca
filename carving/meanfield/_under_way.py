"""Rows that are being swept, and what is seen of each when it is looked at."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from carving.meanfield.plefka import Plefka, State

# sweeps between looks, even, so that a cycle of two is seen at the first one: few for rows that have just
# begun, more where there are fewer rows, of which a look costs as much as many sweeps
CHECK_EVERY, _CHECK_FEWER_EVERY, _FEWER, _CHECK_AT_LEAST_EVERY = 4, 8, 128, 64
# until the next look, a part of the sweeps that the last row to enter has made, a larger one of few rows
_PART, _PART_OF_FEW, _FEW = 1 / 8, 1 / 4, 32
# every second sweep this much nearer to its limit than to the sweep between: a cycle of two. Rows pass by
# cycles that do not attract, as they do by saddles, and go on to a point
_ALTERNATES = 1e-5
_CYCLE_CLOSED = {torch.float32: 2e-5, torch.float64: 1e-9}
_CYCLE_STEP = {torch.float32: 1e-3, torch.float64: 1e-5}
# a row whose steps add up to so many times the whole range of magnetisations, without having fallen to this
# part of what they were, does not converge; steps longer than this part of the range count no more
_RESTLESS_WAY, _FALLEN, _LONG = 40.0, 0.9, 0.5


@dataclass
class UnderWay:
    """The rows under way, and what was seen of each; one entry a row.

    Attributes
    ----------
    rows
        Which rows of the batch they are.
    v, h
        Their states, in the precision of the stage.
    middle_v, middle_h
        Their states a sweep before.
    before, count
        Sweeps made when the row entered, and now.
    step
        Size of the last step.
    both
        Size of the last two steps together.
    travelled, smallest_step
        Sum of the sizes of all steps since they had fallen to ``smallest_step``.
    estimate
        Estimated distance from the point that the row is on its way to, in max-norm.
    way
        The same in Euclidean norm of the hidden layer.
    approaches
        The estimate is smaller than at the last look.
    alternates
        The row approaches a cycle of two.
    propose_below
        Estimate below which it may propose a point.
    which, distance
        The nearest known point, and how far that is, Euclidean in the hidden layer.
    ask_below
        Distance below which it is asked again whether that point captures it.
    passed
        The rule of capture, for that point, held when it was last asked.
    reference_v, reference_h, reference_count
        An earlier state and when that was.
    returned
        The row is back there, as far as its precision says.
    """

    rows: Tensor
    v: Tensor
    h: Tensor
    middle_v: Tensor
    middle_h: Tensor
    before: Tensor
    count: Tensor
    step: Tensor
    travelled: Tensor
    smallest_step: Tensor
    both: Tensor
    alternates: Tensor
    estimate: Tensor
    approaches: Tensor
    way: Tensor
    propose_below: Tensor
    distance: Tensor
    which: Tensor
    ask_below: Tensor
    passed: Tensor
    reference_v: Tensor
    reference_h: Tensor
    reference_count: Tensor
    returned: Tensor

    @classmethod
    def entering(cls, rows: Tensor, v: Tensor, h: Tensor, sweeps: Tensor, propose_below: float) -> UnderWay:
        """Rows as they begin, after so many ``sweeps`` elsewhere."""
        number = torch.full((len(rows),), torch.inf, dtype=v.dtype, device=v.device)
        return cls(
            rows=rows,
            v=v,
            h=h,
            middle_v=v,
            middle_h=h,
            before=sweeps,
            count=sweeps,
            step=number,
            travelled=torch.zeros_like(number),
            smallest_step=number.clone(),
            both=number.clone(),
            alternates=torch.zeros_like(number, dtype=torch.bool),
            estimate=number.clone(),
            approaches=torch.zeros_like(number, dtype=torch.bool),
            way=number.clone(),
            propose_below=torch.full_like(number, propose_below),
            distance=number.clone(),
            which=torch.full_like(rows, -1),
            ask_below=number.clone(),
            passed=torch.zeros_like(number, dtype=torch.bool),
            reference_v=v.clone(),
            reference_h=h.clone(),
            reference_count=sweeps.clone(),
            returned=torch.zeros_like(number, dtype=torch.bool),
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, keep: Tensor) -> UnderWay:
        # several times faster than by a mask
        rows = torch.nonzero(keep)[:, 0]
        return UnderWay(*(getattr(self, field.name).index_select(0, rows) for field in fields(self)))

    def joined(self, other: UnderWay) -> UnderWay:
        """These and others."""
        if not len(self):
            return other
        return UnderWay(
            *(torch.cat([getattr(self, field.name), getattr(other, field.name)]) for field in fields(self))
        )

    def until_look(self) -> int:
        """Sweeps to be made until the next look."""
        part = int(self.count.min() * (_PART_OF_FEW if len(self) < _FEW else _PART))
        first = CHECK_EVERY if len(self) >= _FEWER else _CHECK_FEWER_EVERY
        return min(max(first, part // 2 * 2), _CHECK_AT_LEAST_EVERY)

    def look(self, plefka: Plefka, before: State, middle: State, sweeps: int) -> None:
        """Estimate each row's error from the last two of ``sweeps`` sweeps: step · ρ/(1 − ρ), ρ the slower
        of the contraction between the two and that since the last look."""
        self.count = self.count + sweeps
        self.middle_v, self.middle_h = middle
        first = plefka.size(middle[0] - before[0], middle[1] - before[1])
        second = plefka.size(self.v - middle[0], self.h - middle[1])
        both = plefka.size(self.v - before[0], self.h - before[1])
        tiny = torch.finfo(second.dtype).tiny
        since = (second / self.step.clamp(min=tiny)) ** (1 / sweeps)
        contraction = torch.maximum(second / first.clamp(min=tiny), since)
        factor = torch.where(contraction < 1, contraction / (1 - contraction).clamp(min=tiny), torch.inf)
        # at rest to the last digit, a ratio of steps says nothing
        still = second <= 4 * torch.finfo(second.dtype).eps
        last, self.estimate = self.estimate, torch.where(still, second, second * factor)
        self.approaches = still | (self.estimate < last)
        self.way = torch.linalg.vector_norm(self.h - middle[1], dim=1) * factor
        # the same of every second sweep
        contraction = (both / self.both.clamp(min=tiny)) ** (2 / sweeps)
        left = torch.where(contraction < 1, both * contraction / (1 - contraction).clamp(min=tiny), torch.inf)
        seen = torch.isfinite(self.both)
        self.alternates = seen & (left <= _ALTERNATES * second) & (second >= _CYCLE_STEP[second.dtype])
        self.step, self.both = second, both
        fallen = second < _FALLEN * self.smallest_step
        self.smallest_step = torch.where(fallen, second, self.smallest_step)
        self.travelled = torch.where(fallen, 0, self.travelled + sweeps * second.clamp(max=_LONG))

    def expected(self) -> State:
        """Where rows end that go on to contract as they did, as far from here as the estimate; float64."""
        still_to_go = (self.estimate / self.step.clamp(min=torch.finfo(self.step.dtype).tiny)).double()
        v, middle_v, h, middle_h = (x.double() for x in (self.v, self.middle_v, self.h, self.middle_h))
        of_row = still_to_go.reshape(-1, *[1] * (v.ndim - 1))
        return v + of_row * (v - middle_v), h + still_to_go[:, None] * (h - middle_h)

    def restless(self) -> Tensor:
        """Rows that have moved for too long to be on their way somewhere."""
        return self.travelled >= _RESTLESS_WAY

    def compare(self, plefka: Plefka) -> None:
        """Is the row back where it was? The place to come back to is renewed at doubling intervals, so that
        every period is found (Brent)."""
        away = plefka.size(self.v - self.reference_v, self.h - self.reference_h)
        self.returned = away <= _CYCLE_CLOSED[self.v.dtype]
        renew = self.count >= 2 * self.reference_count
        if bool(renew.any()):
            self.reference_v[renew], self.reference_h[renew] = self.v[renew], self.h[renew]
            self.reference_count = torch.where(renew, self.count, self.reference_count)

    def cycles(self) -> Tensor:
        """Rows that are back where they were, but moving; and those that approach a cycle of two."""
        return self.alternates | (self.returned & (self.step >= _CYCLE_STEP[self.v.dtype]))
