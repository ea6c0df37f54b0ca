"""Rows that are being swept, and what is seen of each when it is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from carving.meanfield._per_row import PerRow
from carving.meanfield.plefka import Plefka, State
from carving.meanfield.striding import Strides, step_between

# sweeps between looks, even, so that a cycle of two is seen at the first one: few for rows that have just
# begun, more for those that have long been under way, which are few: then a look costs as much as sweeps
CHECK_EVERY, _CHECK_AT_LEAST_EVERY = 4, 64
# until the next look, a part of the sweeps that the last row to enter has made; a larger one where rows are
# so few that a look costs as much as several sweeps
_PART, _PART_OF_FEW, _FEW = 1 / 16, 1 / 6, 32
# every second sweep this much nearer to its limit than to the sweep between: a cycle of two
_ALTERNATES = 0.02
_CYCLE_CLOSED = {torch.float32: 2e-5, torch.float64: 1e-9}
_CYCLE_STEP = {torch.float32: 1e-3, torch.float64: 1e-5}
# a row whose steps add up to so many times the whole range of magnetisations does not converge: those
# that do have come to rest after 6 at most on every machine that was looked at, those that do not pass 100
_RESTLESS_WAY = 40.0


@dataclass
class UnderWay(PerRow):
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
    strides
        What is needed for them to stride.
    travelled
        Sum of the sizes of all steps.
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
    strides: Strides
    travelled: Tensor
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
            strides=Strides.none(v, h),
            travelled=torch.zeros_like(number),
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
        return self.taken(torch.nonzero(keep)[:, 0])

    def until_look(self) -> int:
        """Sweeps to be made until the next look."""
        part = int(self.count.min() * (_PART_OF_FEW if len(self) < _FEW else _PART))
        return min(max(CHECK_EVERY, part // 2 * 2), _CHECK_AT_LEAST_EVERY)

    def look(self, plefka: Plefka, before: State, middle: State, sweeps: int, strode: Tensor) -> None:
        """Estimate each row's error from the last two of ``sweeps`` sweeps: step · ρ/(1 − ρ), ρ the slower
        of the contraction between the two and that since the last look; which is as long ago as the
        ``strode`` sweeps that strides stood for, and those."""
        self.count = self.count + sweeps
        passed = sweeps + strode
        self.middle_v, self.middle_h = middle
        back, self.strides.went_back = self.strides.went_back, torch.zeros_like(self.strides.went_back)
        self.step, self.both = (torch.where(back, torch.inf, x) for x in (self.step, self.both))
        self.passed = self.passed & ~back
        first = plefka.together(*step_between(before, middle))
        last = plefka.together(*step_between(middle, (self.v, self.h)))
        size, second, both = (x.abs().amax(1) for x in (first, last, first + last))
        tiny = torch.finfo(second.dtype).tiny
        since = (second / self.step.clamp(min=tiny)) ** (1 / passed)
        contraction = torch.maximum(second / size.clamp(min=tiny), since)
        factor = torch.where(contraction < 1, contraction / (1 - contraction).clamp(min=tiny), torch.inf)
        # at rest to the last digit, a ratio of steps says nothing
        still = second <= 4 * torch.finfo(second.dtype).eps
        estimate, self.estimate = self.estimate, torch.where(still, second, second * factor)
        self.approaches = still | (self.estimate < estimate)
        self.way = torch.linalg.vector_norm(self.h - middle[1], dim=1) * factor
        # the same of every second sweep
        contraction = (both / self.both.clamp(min=tiny)) ** (2 / passed)
        left = torch.where(contraction < 1, both * contraction / (1 - contraction).clamp(min=tiny), torch.inf)
        seen = torch.isfinite(self.both)
        self.alternates = seen & (left <= _ALTERNATES * second) & (second >= _CYCLE_STEP[second.dtype])
        self.step, self.both = second, both
        self.travelled = self.travelled + passed * second

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
