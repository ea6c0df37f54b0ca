"""Strides: where a row drifts slowly and steadily, the way of many sweeps at once.

A row that passes where a state has just vanished, or comes to its point along a slow mode, makes hundreds of
sweeps that hardly differ. With a the last step and d by how much that differs from the step before, m sweeps
more would bring it to v + m a + ½ m (m + 1) d + …; a stride takes it to v + m a. What that leaves out along a
is a shift along the row's own way, which leads where it led before. What it leaves out across, ½ m² |d⊥|, the
next sweeps take back; but near a saddle it could tip the row over to the other side. Rows that tipped over
where strides were too bold had been turning in long steps. So a stride is short, and either it turns by a
small angle, m |d⊥| / |a|, or what it leaves out is of the size of what rounding in single precision may
amount to.
"""

from __future__ import annotations

import torch
from torch import Tensor

from carving.meanfield.plefka import State

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


def step_between(one: State, other: State) -> State:
    """From one state to the other, both layers."""
    return other[0] - one[0], other[1] - one[1]


def reach(first: Tensor, last: Tensor, visible_size: int) -> Tensor:
    """For how many sweeps a stride after these two steps may stand, zero for none. (n,)

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
    return torch.where(length >= _FEWEST, length.clamp(max=_MOST), 0)


def stride(after: State, last: State, length: Tensor) -> State:
    """The states that so many sweeps more would lead to, if all their steps were as the ``last`` one."""
    v, h = (
        torch.addcmul(x, length.reshape(-1, *[1] * (x.ndim - 1)), a) for x, a in zip(after, last, strict=True)
    )
    return v, h
