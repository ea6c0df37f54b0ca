"""Strides: where a row drifts slowly and steadily, the way of many sweeps at once.

A row that passes where a state has just vanished, or comes to its point along a slow mode, makes hundreds of
sweeps that hardly differ. With a its last step and d by how much that differs from the step before, m sweeps
more would bring it to v + m a + ½ m (m + 1) d + …; a stride takes it to v + m a. What that leaves out along a
is a shift along the row's own way, which leads where it led before. What it leaves out across, ½ m² |d⊥|, the
next sweeps take back; but near a saddle it could tip the row over to the other side. So strides are short and
straight; and a row whose steps turn aside before they become longer again, as they do at a saddle and not
where a state has vanished, goes back to where it was before the first of its strides and sweeps that way.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from carving.meanfield._per_row import PerRow
from carving.meanfield.plefka import Plefka, State

# sweeps from one stride to the next: they take back what it left out, and the last two show the row's own way
EVERY = 6
# the longest way of a stride, and what it may leave out across the way at any angle; max-norm
_FARTHEST, _ACROSS = 0.02, 1e-5
# by how much a stride may turn, and how much steps may grow or shrink on its way; parts of a step
_TURNS, _GROWS = 0.05, 0.5
# how much a turn of the hidden layer counts: it is a sum over all visible units, and so is its rounding
_HIDDEN_COUNTS = 0.5
# sweeps that a stride stands for, at least and at most
_FEWEST, _MOST = 3.0, 60.0
# steps are longer again by this factor; they have turned aside at a cosine below this; and a row that goes
# back sweeps as far as it had come, times this
_RISES, _ALIGNED, _FURTHER = 1.3, 0.8, 1.3


@dataclass
class Strides(PerRow):
    """What is remembered of rows so that they can stride; one entry a row.

    Attributes
    ----------
    reach
        For how many sweeps a stride may stand.
    size
        Size of the last step, max-norm.
    stood_for
        Sweeps made, and those that strides stood for.
    sweeps_until
        Until it has come so far, it makes no strides.
    begun
        It has made strides, and its steps have not become longer since.
    begin_v, begin_h, begin_stood_for
        Where that began.
    shortest
        Size of the shortest step since then.
    longer_step, shorter_step, rung
        Steps on the way there, each at most half as long as the one before: the last but one and the last of
        them, both layers side by side, and the size of the last.
    went_back
        It has gone back since it was looked at.
    """

    reach: Tensor
    size: Tensor
    stood_for: Tensor
    sweeps_until: Tensor
    begun: Tensor
    begin_v: Tensor
    begin_h: Tensor
    begin_stood_for: Tensor
    shortest: Tensor
    longer_step: Tensor
    shorter_step: Tensor
    rung: Tensor
    went_back: Tensor

    @classmethod
    def none(cls, v: Tensor, h: Tensor) -> Strides:
        """Of rows that begin here."""
        zero = torch.zeros(len(v), dtype=v.dtype, device=v.device)
        infinite, no = torch.full_like(zero, torch.inf), torch.zeros_like(zero, dtype=torch.bool)
        # written to in place
        v, h, step, longer = v.clone(), h.clone(), *(torch.cat([v.flatten(1), h], 1) for _ in range(2))
        return cls(zero, infinite, zero, zero, no, v, h, zero, infinite, longer, step, infinite, no)

    def measure(self, plefka: Plefka, first: State, last: State, sweeps: int) -> None:
        """See after so many ``sweeps`` from their last two steps how far rows may stride."""
        self.reach, self.size = reach(
            plefka.together(*first), plefka.together(*last), plefka.visible_bias.numel()
        )
        self.stood_for = self.stood_for + sweeps

    def stride(self, plefka: Plefka, state: State, last: State) -> State:
        """The states from which to sweep on after the ``last`` step."""
        if not bool((self.begun | (self.reach > 0)).any()):
            return state
        state = self._back_from_saddles(plefka, state, last)
        length = torch.where(self.stood_for >= self.sweeps_until, self.reach, 0)
        self._remember(plefka, state, last, begins=(length > 0) & ~self.begun)
        self.stood_for = self.stood_for + length
        return stride(state, last, length)

    def _back_from_saddles(self, plefka: Plefka, state: State, last: State) -> State:
        rises = self.begun & (self.size >= _RISES * self.shortest)
        if not bool(rises.any()):
            return state
        tiny = torch.finfo(self.size.dtype).tiny
        aligned = torch.nn.functional.cosine_similarity(plefka.together(*last), self.longer_step, eps=tiny)
        back = rises & (aligned < _ALIGNED)
        self.begun, self.went_back = self.begun & ~rises, self.went_back | back
        way = _FURTHER * (self.stood_for - self.begin_stood_for)
        self.sweeps_until = torch.where(back, self.stood_for + way, self.sweeps_until)
        self.reach = torch.where(back, 0, self.reach)
        v, h = (
            torch.where(back.reshape(-1, *[1] * (now.ndim - 1)), then, now)
            for then, now in ((self.begin_v, state[0]), (self.begin_h, state[1]))
        )
        return v, h

    def _remember(self, plefka: Plefka, state: State, last: State, begins: Tensor) -> None:
        self.shortest = torch.where(begins, self.size, torch.minimum(self.shortest, self.size))
        lower = begins | (self.begun & (self.size <= self.rung / 2))
        if bool(lower.any()):
            rows, step = torch.nonzero(lower)[:, 0], plefka.together(*last)
            before = torch.where(begins[:, None], step, self.shorter_step)
            self.longer_step.index_copy_(0, rows, before.index_select(0, rows))
            self.shorter_step.index_copy_(0, rows, step.index_select(0, rows))
            self.rung = torch.where(lower, self.size, self.rung)
        if bool(begins.any()):
            rows = torch.nonzero(begins)[:, 0]
            self.begin_v.index_copy_(0, rows, state[0].index_select(0, rows))
            self.begin_h.index_copy_(0, rows, state[1].index_select(0, rows))
            self.begin_stood_for = torch.where(begins, self.stood_for, self.begin_stood_for)
            self.begun = self.begun | begins


def step_between(one: State, other: State) -> State:
    """From one state to the other, both layers."""
    return other[0] - one[0], other[1] - one[1]


def reach(first: Tensor, last: Tensor, visible_size: int) -> tuple[Tensor, Tensor]:
    """For how many sweeps a stride after these two steps may stand, zero for none; the last one's size. (n,)

    Steps are of both layers side by side, in the scale of :meth:`Plefka.together`: what alternates from sweep
    to sweep may show in one of them only.
    """
    tiny = torch.finfo(last.dtype).tiny
    turn = last - first
    grows = torch.linalg.vecdot(last, turn) / torch.linalg.vecdot(last, last).clamp(min=tiny)
    across = torch.addcmul(turn, grows[:, None], last, value=-1).abs_()
    across[:, visible_size:] *= _HIDDEN_COUNTS
    widest, size = across.amax(1).clamp(min=tiny), last.abs().amax(1).clamp(min=tiny)
    steady = torch.maximum(_TURNS * size / widest, (2 * _ACROSS / widest).sqrt())
    length = torch.minimum(steady, torch.minimum(_FARTHEST / size, _GROWS / grows.abs()))
    return torch.where(length >= _FEWEST, length.clamp(max=_MOST), 0), size


def stride(after: State, last: State, length: Tensor) -> State:
    """The states that so many sweeps more would lead to, if all their steps were as the ``last`` one."""
    v, h = (
        torch.addcmul(x, length.reshape(-1, *[1] * (x.ndim - 1)), a) for x, a in zip(after, last, strict=True)
    )
    return v, h
