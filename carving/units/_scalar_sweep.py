"""Plain sweeps of layers whose states are single numbers, in buffers that are made once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn.functional import pad

from carving._product import Product
from carving.units._sweeps import State, Sweeps
from carving.units._unit import RESULTS_KEPT

if TYPE_CHECKING:
    from carving.units._scalar import ScalarUnit


class ScalarSweep(Sweeps):
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
        self._to_hidden = [Product(powers[0], hidden_bias), *map(Product, powers[1:])]
        transposed = [power.mT for power in powers]
        self._to_visible = [Product(transposed[0], visible_bias), *map(Product, transposed[1:])]

        most = self._to_hidden[0].rows_at_best(rows)

        def rooms() -> State:
            of_visible = visible_bias.new_empty(most, len(visible_bias))
            return of_visible, hidden_bias.new_empty(most, len(hidden_bias))

        self._all_rooms = [rooms() for _ in range(RESULTS_KEPT + 2)]
        # goes on where it was when the number of rows changes: the last results may still be in use
        self._turns = cycle(range(RESULTS_KEPT))
        # the last result, and the same with the rows that fill it up
        self._last: tuple[State, State] | None = None
        self._rooms_for(rows)

    def _rooms_for(self, n: int) -> None:
        """Use the first rows of every buffer: to ask for them anew takes as long as a small product."""
        self._n, self._filled = n, self._to_hidden[0].rows_at_best(n)
        *self._results, self._cumulants, self._messages = [
            (v[: self._filled], h[: self._filled]) for v, h in self._all_rooms
        ]

    def sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        n = len(m_v)
        if n != self._n:
            self._rooms_for(n)
        if self._filled == n:
            return self._sweep(m_v, m_h)
        if self._last is not None and m_v is self._last[0][0] and m_h is self._last[0][1]:
            filled = self._sweep(*self._last[1])
        else:
            filled = self._sweep(*(pad(x, (0, 0, 0, self._filled - n)) for x in (m_v, m_h)))
        self._last = (filled[0][:n], filled[1][:n]), filled
        return self._last[0]

    def _sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        out_v, out_h = self._results[next(self._turns)]
        of_visible, of_hidden = self._cumulants
        to_visible, to_hidden = self._messages
        visible, hidden = self._visible, self._hidden
        out_h = _field(self._to_hidden, visible, m_v, of_visible, hidden, m_h, to_hidden, out_h)
        hidden.mean_(out_h)
        out_v = _field(self._to_visible, hidden, out_h, of_hidden, visible, m_v, to_visible, out_v)
        visible.mean_(out_v)
        return out_v, out_h


def _field(
    products: Sequence[Product],
    source: ScalarUnit,
    sent: Tensor,
    cumulant: Tensor,
    target: ScalarUnit,
    own: Tensor,
    message: Tensor,
    out: Tensor,
) -> Tensor:
    """bias + Σ_r (1/r!) κ_r′(own) ∘ (κ_r(sent) @ powers_r), in ``out`` or in memory of its own."""
    out = products[0](sent, out)
    for r, product in enumerate(products[1:], start=2):
        if target.has_slope(r):
            target.add_reaction_(out, r, own, product(source.cumulant_into(r, sent, cumulant), message))
    return out
