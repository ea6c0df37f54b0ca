"""Random starts (Decelle, Furtlehner & Seoane, NeurIPS 2021): chains that begin anew at every update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training._minibatches import Minibatch
from carving.training.estimators._chains import ChainEstimator

if TYPE_CHECKING:
    from carving.training._settings import Settings


class RandomStarts(ChainEstimator):
    """Rdm-k: k Gibbs steps from configurations without structure, every site uniform over its states.

    Such a machine learns to draw its data in just k steps from nothing: good samples quickly, but not from
    its equilibrium where k is shorter than the relaxation time.
    """

    def __init__(
        self,
        machine: LearningMachine,
        settings: Settings,
        options: Any,
        rows: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__(machine, settings, settings.chains, generator)
        self._no_field = machine.by_site(torch.zeros_like(self._chains.visible))

    def moments(self, machine: LearningMachine, batch: Minibatch, generator: torch.Generator) -> Moments:
        """Begin anew, advance and average."""
        self._chains.set(machine.visible.sample(self._no_field, generator).flatten(1))
        return self.advance(machine, generator)


METHOD = RandomStarts
