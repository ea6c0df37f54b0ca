"""Plain sweeps of layers whose states are single numbers, in buffers that are made once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carving.units._unit import FACTORIAL, RESULTS_KEPT

if TYPE_CHECKING:
    from carving.units._scalar import ScalarUnit


class ScalarSweep:
    """A block of rows goes through the whole of (6) while it lies in the cache."""

    def __init__(
        self,
        visible: ScalarUnit,
        visible_bias: Tensor,
        powers: Sequence[Tensor],
        hidden: ScalarUnit,
        hidden_bias: Tensor,
        rows: int,
    ) -> None:
        self._visible, self._hidden = visible, hidden
        self._visible_bias, self._hidden_bias = visible_bias, hidden_bias
        self._powers, self._transposed = powers, [power.mT for power in powers]

        def rooms() -> tuple[Tensor, Tensor]:
            of_visible = visible_bias.new_empty(rows, len(visible_bias))
            return of_visible, hidden_bias.new_empty(rows, len(hidden_bias))

        self._results = cycle([rooms() for _ in range(RESULTS_KEPT)])
        self._cumulants, self._messages = rooms(), rooms()

    def __call__(self, m_v: Tensor, m_h: Tensor) -> tuple[Tensor, Tensor]:
        n = len(m_v)
        out_v, out_h = (room[:n] for room in next(self._results))
        of_visible, of_hidden = (room[:n] for room in self._cumulants)
        to_visible, to_hidden = (room[:n] for room in self._messages)
        visible, hidden = self._visible, self._hidden
        # a layer's κ_r(sent) and κ_r′(own) share a room: one is spent when the other is made
        _field(
            self._hidden_bias,
            self._powers,
            visible,
            m_v,
            of_visible,
            hidden,
            m_h,
            of_hidden,
            to_hidden,
            out_h,
        )
        hidden.mean_(out_h)
        _field(
            self._visible_bias,
            self._transposed,
            hidden,
            out_h,
            of_hidden,
            visible,
            m_v,
            of_visible,
            to_visible,
            out_v,
        )
        visible.mean_(out_v)
        return out_v, out_h


def _field(
    bias: Tensor,
    powers: Sequence[Tensor],
    source: ScalarUnit,
    sent: Tensor,
    cumulant: Tensor,
    target: ScalarUnit,
    own: Tensor,
    slope: Tensor,
    message: Tensor,
    out: Tensor,
) -> None:
    """bias + Σ_r (1/r!) κ_r′(own) ∘ (κ_r(sent) @ powers_r), into ``out``."""
    torch.addmm(bias, sent, powers[0], out=out)
    for r, power in enumerate(powers[1:], start=2):
        if not target.has_slope(r):
            continue
        torch.mm(source.cumulant_into(r, sent, cumulant), power, out=message)
        out.addcmul_(target.cumulant_slope_into(r, own, slope), message, value=1 / FACTORIAL[r - 1])
