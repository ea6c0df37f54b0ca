"""Parallel tempering along inverse temperature: chains that cross between states through hotter machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.sampling._ladder import Ladder
from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training._minibatches import Minibatch
from carving.training.estimators._estimator import Estimator

if TYPE_CHECKING:
    from carving.training._settings import Settings


@dataclass(frozen=True)
class Options:
    """Settings of tempering.

    Attributes
    ----------
    rungs
        Number of inverse temperatures, evenly spaced from ``hottest`` to 1.
    hottest
        The smallest of them, from 0 up.
    """

    rungs: int = 8
    hottest: float = 0.0

    def __post_init__(self) -> None:
        if self.rungs < 2:
            raise InvalidInput(f"method: tempering: rungs={self.rungs}: give at least 2")
        if not 0 <= self.hottest < 1:
            raise InvalidInput(
                f"method: tempering: hottest={self.hottest:g}: give a number from 0 to below 1"
            )


class ParallelTempering(Estimator):
    """Persistent chains at several inverse temperatures; after the Gibbs steps of an update neighbours are
    swapped with the probability that keeps each at its equilibrium (Swendsen & Wang 1986).

    The machine's averages are those of the chains at β = 1. Costs ``rungs`` times PCD.
    """

    Options = Options
    chains_last = True

    def __init__(
        self,
        machine: LearningMachine,
        settings: Settings,
        options: Options,
        rows: int,
        generator: torch.Generator,
    ) -> None:
        self._betas = torch.linspace(options.hottest, 1.0, options.rungs).tolist()
        self._ladder = Ladder(self._rungs(machine), settings.chains, generator, steps=settings.arithmetic)
        self._steps = settings.k
        self._moments = Moments(machine)
        self._hidden = machine.rows(settings.chains)[1]

    def _rungs(self, machine: LearningMachine) -> list[RBM]:
        now = machine.as_rbm()
        return [now.at_inverse_temperature(beta) for beta in self._betas]

    def moments(self, machine: LearningMachine, batch: Minibatch, generator: torch.Generator) -> Moments:
        """Advance, swap, and average over the chains at β = 1."""
        self._ladder.refresh(self._rungs(machine))
        self._ladder.advance(self._steps, generator)
        self._moments.measure(machine, self._ladder.top.visible, self._hidden)
        return self._moments

    def state(self) -> dict[str, Tensor]:
        return self._ladder.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        self._ladder.restore(state)

    @property
    def chains(self) -> Tensor:
        return self._ladder.top.visible


METHOD = ParallelTempering
