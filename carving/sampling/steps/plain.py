"""Block Gibbs steps in the machine's own precision: the reference for all other ways to make them."""

from __future__ import annotations

import torch
from torch import Tensor

from carving.sampling._flat import FlatMachine
from carving.sampling.steps._steps import Steps


class PlainSteps(Steps):
    """Products in floating point, and units that draw for themselves: every unit, every device.

    A step takes 4 · chains · N_v · q · N_h flops and chains · (N_v + N_h) random numbers; below a thousand
    units the two cost about the same.
    """

    def __init__(self, machine: FlatMachine, chains: int, generator: torch.Generator) -> None:
        self._machine = machine
        self._visible, self._hidden = machine.rows(chains)
        self._visible_room, self._hidden_room = machine.rows(chains)

    @classmethod
    def serves(cls, machine: FlatMachine) -> bool:
        return True

    def refresh(self, machine: FlatMachine) -> None:
        self._machine = machine

    def draw_hidden(self, v: Tensor, generator: torch.Generator) -> Tensor:
        field = self._machine.hidden_field(v, out=self._hidden)
        return self._machine.hidden.draw(field, self._hidden_room, generator)

    def draw_visible(self, h: Tensor, generator: torch.Generator) -> Tensor:
        machine = self._machine
        field = machine.by_site(machine.visible_field(h, out=self._visible))
        machine.visible.draw(field, machine.by_site(self._visible_room), generator)
        return self._visible

    def encode(self, statistics: Tensor) -> Tensor:
        return statistics.to(self._visible.dtype, copy=True, memory_format=torch.contiguous_format)

    def decode(self, v: Tensor, out: Tensor) -> Tensor:
        return out.copy_(v)


STEPS = PlainSteps
