"""Persistent contrastive divergence (Tieleman 2008): chains that follow the machine as it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training._minibatches import Minibatch
from carving.training.estimators._chains import ChainEstimator

if TYPE_CHECKING:
    from carving.training._settings import Settings


class PersistentContrastiveDivergence(ChainEstimator):
    """PCD-k: the machine's averages are those of chains that advance by k Gibbs steps an update.

    The chains start from independent sites with the frequencies of the data, which is what the machine
    of the first update, with its small weights, draws.
    """

    chains_last = True

    def __init__(
        self,
        machine: LearningMachine,
        settings: Settings,
        options: Any,
        rows: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__(machine, settings, settings.chains, generator)
        self._chains.draw_from(machine, self.middle(machine), generator)

    def moments(self, machine: LearningMachine, batch: Minibatch, generator: torch.Generator) -> Moments:
        """Advance the chains and average over them."""
        return self.advance(machine, generator)

    def state(self) -> dict[str, Tensor]:
        return self._chains.state()

    @property
    def chains(self) -> Tensor:
        return self._chains.visible


METHOD = PersistentContrastiveDivergence
