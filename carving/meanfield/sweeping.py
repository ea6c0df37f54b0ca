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


def plain_sweeps(plefka: Plefka, rows: int) -> Sweeps:
    """Plain sweeps of at most ``rows`` rows, the same as :meth:`Plefka.sweep`, in the expansion's dtype.

    Results are views of buffers: those of ``sweep`` are good until the third sweep after, those of
    ``last_three`` until the second call of it after.
    """
    in_buffers = plefka.visible.sweep_in_buffers(
        plefka.visible_bias, plefka.powers, plefka.hidden, plefka.hidden_bias, rows
    )
    return in_buffers or Each(plefka.sweep)
