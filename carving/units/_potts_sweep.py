"""Plain sweeps of a Potts layer with a scalar one, in buffers that are made once.

Rows are the last axis, so that what is done state by state runs along memory. To second order a
sweep is four products: with A_i = W_iᵀ m_i and k = κ₂(m_h) after its update,

    m_h ← mean( b + Σ_i A_i + ½ κ₂′(m_h) ∘ (W2ᵀ m_v − Σ_i A_i²) )
    m_v ← softmax( [½ W2, a] · [k, 1] + W_i (m_h − k ∘ A_i) )

so that the mean field and the part of (8) that holds ⟨w⟩ are one product.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carving.units._sweeps import State, Sweeps
from carving.units._unit import RESULTS_KEPT

if TYPE_CHECKING:
    from carving.units._scalar import ScalarUnit

# rows that lie in the cache with all that belongs to them
_BLOCK = 128
# rooms are for a multiple of so many rows: otherwise most of them begin within a line of the cache
_LINE = 32


class PottsSweep(Sweeps):
    """Blocks of rows go through the whole of (6), (8), order 1 or 2, one after the other."""

    def __init__(
        self,
        visible_bias: Tensor,
        powers: Sequence[Tensor],
        hidden: ScalarUnit,
        hidden_bias: Tensor,
        rows: int,
    ) -> None:
        weights = powers[0]
        sites, states, units = weights.shape
        self._hidden, self._hidden_bias = hidden, hidden_bias
        self._visible_bias, self._weights, self._transposed = visible_bias, weights, weights.mT.contiguous()
        new = weights.new_empty
        rows = -(-rows // _LINE) * _LINE
        self._results = cycle([(new(sites, states, rows), new(units, rows)) for _ in range(RESULTS_KEPT)])
        block = min(rows, _BLOCK)
        self._sent, self._room = new(sites, units, block), new(sites, units, block)
        self._field = new(sites, states, block)
        self._message, self._square = new(units, block), new(units, block)
        self._second = len(powers) > 1
        if self._second:
            squares = powers[1].flatten(0, 1)
            self._squares = squares.mT.contiguous()
            self._squares_and_bias = torch.cat([squares / 2, visible_bias.reshape(-1, 1)], 1)
            self._cumulant_and_one = torch.ones_like(new(units + 1, block))

    def sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        n = len(m_v)
        v, h = m_v.permute(1, 2, 0), m_h.T
        out_v, out_h = (room[..., :n] for room in next(self._results))
        for begin in range(0, n, _BLOCK):
            block = slice(begin, begin + _BLOCK)
            self._sweep_block(v[..., block], h[:, block], out_v[..., block], out_h[:, block])
        return out_v.permute(2, 0, 1), out_h.T

    def _sweep_block(self, v: Tensor, h: Tensor, out_v: Tensor, out_h: Tensor) -> None:
        n = v.shape[-1]
        sent, room, field = (buffer[..., :n] for buffer in (self._sent, self._room, self._field))
        torch.bmm(self._transposed, v, out=sent)
        torch.sum(sent, 0, out=out_h)
        out_h.add_(self._hidden_bias[:, None])
        if not self._second:
            self._hidden.mean_(out_h)
            torch.matmul(self._weights, out_h, out=field)
            field.add_(self._visible_bias[:, :, None])
            torch.softmax(field, 1, out=out_v)
            return
        if self._hidden.has_slope(2):
            message, square = self._message[:, :n], self._square[:, :n]
            torch.sum(torch.mul(sent, sent, out=room), 0, out=square)
            torch.mm(self._squares, v.flatten(0, 1), out=message).sub_(square)
            self._hidden.add_reaction_(out_h, 2, h, message)
        self._hidden.mean_(out_h)
        cumulant = self._hidden.cumulant_into(2, out_h, self._cumulant_and_one[:-1, :n])
        torch.mm(self._squares_and_bias, self._cumulant_and_one[:, :n], out=field.flatten(0, 1))
        torch.addcmul(out_h, sent, cumulant, value=-1, out=room)
        torch.softmax(torch.baddbmm(field, self._weights, room, out=field), 1, out=out_v)
