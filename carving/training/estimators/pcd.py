"""Persistent contrastive divergence (Tieleman 2008): chains that follow the machine as it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training.estimators._chains import GibbsChains
from carving.training.estimators._estimator import Estimator

if TYPE_CHECKING:
    from carving.training._settings import Settings


class PersistentContrastiveDivergence(Estimator):
    """PCD-k: the machine's averages are those of chains that advance by k Gibbs steps an update.

    The chains start from independent sites with the frequencies of the data, which is what the machine
    of the first update, with its small weights, draws.
    """

    def __init__(self, machine: LearningMachine, settings: Settings, generator: torch.Generator) -> None:
        self._chains = GibbsChains(machine, settings.chains)
        middle = machine.hidden.mean(torch.zeros_like(self._chains.hidden))
        self._chains.draw_visible(machine, middle, generator)
        self._steps = settings.k
        self._moments = Moments(machine)

    def moments(self, machine: LearningMachine, batch: Tensor, generator: torch.Generator) -> Moments:
        """Advance the chains and average over them."""
        self._chains.advance(machine, self._steps, generator)
        self._moments.measure(machine, self._chains.visible, self._chains.hidden)
        return self._moments

    def state(self) -> dict[str, Tensor]:
        """The chains."""
        # visible units are discrete, and one byte holds their statistics exactly
        return {"chains": self._chains.visible.to(torch.int8)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put the chains back."""
        self._chains.visible.copy_(state["chains"])


METHOD = PersistentContrastiveDivergence
