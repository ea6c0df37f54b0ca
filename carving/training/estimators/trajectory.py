"""Parallel tempering along the learning trajectory: chains swapped with machines of earlier ages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.sampling._ladder import Ladder, acceptance
from carving.training._gradient import Moments
from carving.training._machine import LearningMachine, machine_of, parameters_of
from carving.training._minibatches import Minibatch
from carving.training.estimators._estimator import Estimator

if TYPE_CHECKING:
    from carving.training._settings import Settings

# updates between two looks at whether a rung is due
_LOOK_EVERY = 10


@dataclass(frozen=True)
class Options:
    """Settings of tempering along the trajectory.

    Attributes
    ----------
    swaps
        A machine is kept as a rung when the share of accepted swaps with the last one kept has fallen to
        this.
    rungs
        The most that are kept; beyond it every second one is given up.
    """

    swaps: float = 0.4
    rungs: int = 16

    def __post_init__(self) -> None:
        if not 0 < self.swaps < 1:
            raise InvalidInput(f"method: trajectory: swaps={self.swaps:g}: give a number between 0 and 1")
        if self.rungs < 2:
            raise InvalidInput(f"method: trajectory: rungs={self.rungs}: give at least 2")


class TrajectoryTempering(Estimator):
    """Persistent chains of the machine and of some of its earlier selves, all of which advance and swap
    (Béreux, Decelle, Furtlehner, Rosset & Seoane 2025): the way back through the transitions that the
    training went through is the one way round its barriers that is sure to be there.

    Costs up to ``rungs`` times PCD.
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
        self._options, self._settings = options, settings
        first = machine.as_rbm()
        self._kept = [first]
        self._ladder = Ladder([first, first], settings.chains, generator, steps=settings.arithmetic)
        self._moments = Moments(machine)
        self._hidden = machine.rows(settings.chains)[1]
        self._updates = 0

    def moments(self, machine: LearningMachine, batch: Minibatch, generator: torch.Generator) -> Moments:
        """Advance, swap, and average over the chains of the machine as it is now."""
        now = machine.as_rbm()
        if self._updates % _LOOK_EVERY == 0:
            self._keep_if_due(now, generator)
        self._updates += 1
        self._ladder.refresh([*self._kept, now])
        self._ladder.advance(self._settings.k, generator)
        self._moments.measure(machine, self._ladder.top.visible, self._hidden)
        return self._moments

    def _keep_if_due(self, now: RBM, generator: torch.Generator) -> None:
        last, top = self._ladder.rungs[-2:]
        swaps = acceptance(self._kept[-1], now, last.statistics(), top.statistics())
        if swaps > self._options.swaps:
            return
        if len(self._kept) >= self._options.rungs:
            keep = [index % 2 == 0 for index in range(len(self._kept))]
            self._kept = [rbm for rbm, wanted in zip(self._kept, keep, strict=True) if wanted]
            self._ladder.keep([*keep, True])
        self._kept.append(now)
        self._ladder.split_top(now, generator)

    def state(self) -> dict[str, Tensor]:
        kept = {
            f"kept_{index}_{name}": parameter
            for index, rbm in enumerate(self._kept)
            for name, parameter in parameters_of(rbm).items()
        }
        return {"updates": torch.tensor(self._updates), **kept, **self._ladder.state()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self._updates = int(state["updates"])
        like = self._kept[0]
        names = list(parameters_of(like))
        count = sum(name.startswith("kept_") for name in state) // len(names)
        self._kept = [
            machine_of({name: state[f"kept_{index}_{name}"] for name in names}, like)
            for index in range(count)
        ]
        chains = len(self._ladder.top)
        generator = torch.Generator(like.device)
        self._ladder = Ladder(
            [*self._kept, self._kept[-1]], chains, generator, steps=self._settings.arithmetic
        )
        self._ladder.restore(state)

    @property
    def chains(self) -> Tensor:
        return self._ladder.top.visible


METHOD = TrajectoryTempering
