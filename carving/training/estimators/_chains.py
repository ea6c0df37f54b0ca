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
    count
        How many.

    Attributes
    ----------
    visible
        The configurations (chains, N_v·q), at first of no meaning; written over by all methods.
    hidden
        Room for as many rows of the hidden layer.
    """

    def __init__(self, machine: LearningMachine, count: int) -> None:
        self.visible, self.hidden = machine.rows(count)
        self._visible_room, self._hidden_room = machine.rows(count)

    def draw_visible(self, machine: LearningMachine, hidden: Tensor, generator: torch.Generator) -> None:
        """Draw v given these rows of the hidden layer."""
        machine.visible_field(hidden, out=self.visible)
        machine.visible.draw(machine.by_site(self.visible), machine.by_site(self._visible_room), generator)

    def advance(self, machine: LearningMachine, steps: int, generator: torch.Generator) -> None:
        """Draw h given v and v given h, ``steps`` times.

        A step takes 4 · chains · N_v · q · N_h flops and chains · (N_v + N_h) random numbers; below a
        thousand units the two cost about the same.
        """
        for _ in range(steps):
            machine.hidden.draw(
                machine.hidden_field(self.visible, out=self.hidden), self._hidden_room, generator
            )
            self.draw_visible(machine, self.hidden, generator)
