"""Markov chains of visible states that advance by block Gibbs steps in buffers of their own."""

from __future__ import annotations

import torch
from torch import Tensor

from carving.training._machine import LearningMachine


class GibbsChains:
    """Some configurations of the visible layer, one a row.

    Parameters
    ----------
    machine
        Gives the sizes.
    start
        The first configurations. (chains, N_v·q)

    Attributes
    ----------
    visible
        The configurations. Written over by :meth:`advance`.
    hidden
        Room for as many rows of the hidden layer.
    """

    def __init__(self, machine: LearningMachine, start: Tensor) -> None:
        self.visible, self.hidden = machine.rows(len(start))
        self._visible_room, self._hidden_room = machine.rows(len(start))
        self.visible.copy_(start)

    def advance(self, machine: LearningMachine, steps: int, generator: torch.Generator) -> None:
        """Draw h given v and v given h, ``steps`` times.

        A step takes 4 · chains · N_v · q · N_h flops and chains · (N_v + N_h) random numbers; below a
        thousand units the two cost about the same.
        """
        sites, room = machine.by_site(self.visible), machine.by_site(self._visible_room)
        for _ in range(steps):
            machine.hidden.draw(
                machine.hidden_field(self.visible, out=self.hidden), self._hidden_room, generator
            )
            machine.visible_field(self.hidden, out=self.visible)
            machine.visible.draw(sites, room, generator)
