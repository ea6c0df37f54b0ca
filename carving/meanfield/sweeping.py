"""Sweeps of a block of rows, one after the other; plain ones in buffers that are made once.

The products of a sweep are the machine's; what costs beside them is memory: a new array of some
megabytes is dearer than the arithmetic that fills it. How a kind of unit is best laid out in memory
is its own affair: :meth:`carving.units.Unit.sweep_in_buffers`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from carving.meanfield.plefka import Plefka
from carving.units import State, Sweeps


class Each(Sweeps):
    """Sweeps that a function makes, one at a time."""

    def __init__(self, sweep: Callable[[Tensor, Tensor], State]) -> None:
        self._sweep = sweep

    def sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        """One of them."""
        return self._sweep(m_v, m_h)


class Sweeper(Sweeps):
    """Plain sweeps of at most ``rows`` rows, the same as :meth:`Plefka.sweep`.

    Results are views of buffers: those of :meth:`sweep` are good until the third sweep after, those of
    :meth:`last_three` until the second call of it after.

    Parameters
    ----------
    plefka
        The expansion; its dtype is that of the sweeps.
    rows
        Size of the buffers.

    Attributes
    ----------
    in_buffers
        What makes them.
    """

    def __init__(self, plefka: Plefka, rows: int) -> None:
        in_buffers = plefka.visible.sweep_in_buffers(
            plefka.visible_bias, plefka.powers, plefka.hidden, plefka.hidden_bias, rows
        )
        self.in_buffers: Sweeps = in_buffers or Each(plefka.sweep)

    def sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        """One plain sweep of these rows."""
        return self.in_buffers.sweep(m_v, m_h)

    def last_three(self, m_v: Tensor, m_h: Tensor, sweeps: int) -> tuple[State, State, State]:
        """The last three of the states that they go through, see :meth:`Sweeps.last_three`."""
        return self.in_buffers.last_three(m_v, m_h, sweeps)
