"""What estimators that average over Gibbs chains have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carving.sampling._chains import GibbsChains
from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training.estimators._estimator import Estimator

if TYPE_CHECKING:
    from carving.training._settings import Settings


class ChainEstimator(Estimator):
    """Chains that advance by k Gibbs steps an update, whatever they begin from.

    Parameters
    ----------
    machine, settings, generator
        As for every estimator.
    count
        Number of chains.
    """

    def __init__(
        self, machine: LearningMachine, settings: Settings, count: int, generator: torch.Generator
    ) -> None:
        self._chains = GibbsChains(machine, count, generator, steps=settings.arithmetic)
        self._steps = settings.k
        self._moments = Moments(machine)
        self._hidden = machine.rows(count)[1]

    def middle(self, machine: LearningMachine) -> Tensor:
        """Hidden layers without field, a row a chain."""
        return machine.hidden.mean(torch.zeros_like(self._hidden))

    def advance(
        self, machine: LearningMachine, generator: torch.Generator, weights: Tensor | None = None
    ) -> Moments:
        """k Gibbs steps with the machine as it is now, and the average over the chains, with their weights
        (chains,) if any."""
        self._chains.refresh(machine)
        self._chains.advance(self._steps, generator)
        self._moments.measure(machine, self._chains.visible, self._hidden, weights)
        return self._moments

    def state(self) -> dict[str, Tensor]:
        # they begin anew at every update; only what makes their random numbers lasts
        return {name: value for name, value in self._chains.state().items() if name != "chains"}

    def restore(self, state: dict[str, Tensor]) -> None:
        blank = {"chains": torch.zeros_like(self._chains.visible)}
        self._chains.restore({**blank, **state})
