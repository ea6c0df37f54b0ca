"""Plain sweeps of a block of rows in buffers that are made once.

The products of a sweep are the machine's; what costs beside them is memory: a new array of some
megabytes is dearer than the arithmetic that fills it. So a block of rows goes through the whole
chain of (6) while it lies in the cache, and every intermediate has its place from the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import cast

import torch
from torch import Tensor

from carving.meanfield.plefka import Plefka, State
from carving.units import ScalarUnit

# as many results of a sweep stay valid while further ones are made
_KEPT = 4


class Sweeper:
    """Plain sweeps of at most ``rows`` rows, the same as :meth:`Plefka.sweep`.

    A result is a view of a buffer, good until the third sweep after it.

    Parameters
    ----------
    plefka
        The expansion; its dtype is that of the sweeps.
    rows
        Size of the buffers.
    """

    def __init__(self, plefka: Plefka, rows: int) -> None:
        self.plefka = plefka
        sites, hidden = plefka.visible_bias.shape, plefka.hidden_bias.shape

        def room(shape: Sequence[int]) -> Tensor:
            return torch.empty((rows, *shape), dtype=plefka.dtype, device=plefka.visible_bias.device)

        self._scalar = isinstance(plefka.visible, ScalarUnit)
        self._results = cycle([(room(sites), room(hidden)) for _ in range(_KEPT)])
        self._transposed = [power.mT for power in plefka.powers]
        self._cumulant, self._message = (room(sites), room(sites)), (room(hidden), room(hidden))

    def sweep(self, v: Tensor, h: Tensor) -> State:
        """One plain sweep of these rows."""
        if not self._scalar:
            return self.plefka.sweep(v, h)
        plefka, n = self.plefka, len(v)
        out_v, out_h = (buffer[:n] for buffer in next(self._results))
        visible = cast(ScalarUnit, plefka.visible)
        by_site, by_hidden = ([x[:n] for x in pair] for pair in (self._cumulant, self._message))
        _field(plefka.hidden_bias, plefka.powers, visible, v, by_site[0], plefka.hidden, h, by_hidden, out_h)
        plefka.hidden.mean_(out_h)
        _field(
            plefka.visible_bias,
            self._transposed,
            plefka.hidden,
            out_h,
            by_hidden[0],
            visible,
            v,
            by_site,
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
    rooms: Sequence[Tensor],
    out: Tensor,
) -> None:
    """bias + Σ_r (1/r!) κ_r′(own) ∘ (κ_r(sent) @ powers_r), into ``out``."""
    torch.addmm(bias, sent, powers[0], out=out)
    message, slope = rooms
    factor = 1.0
    for r, power in enumerate(powers[1:], start=2):
        factor /= r
        if not target.has_slope(r):
            continue
        torch.mm(source.cumulant_into(r, sent, cumulant), power, out=message)
        out.addcmul_(target.cumulant_slope_into(r, own, slope), message, value=factor)
