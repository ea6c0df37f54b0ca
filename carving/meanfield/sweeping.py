"""Plain sweeps of a block of rows in buffers that are made once.

The products of a sweep are the machine's; what costs beside them is memory: a new array of some
megabytes is dearer than the arithmetic that fills it. How a kind of unit is best laid out in memory
is its own affair: :meth:`carving.units.Unit.sweep_in_buffers`.
"""

from __future__ import annotations

from torch import Tensor

from carving.meanfield.plefka import Plefka, State


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
        in_buffers = plefka.visible.sweep_in_buffers(
            plefka.visible_bias, plefka.powers, plefka.hidden, plefka.hidden_bias, rows
        )
        self._sweep = in_buffers or plefka.sweep

    def sweep(self, v: Tensor, h: Tensor) -> State:
        """One plain sweep of these rows."""
        return self._sweep(v, h)
