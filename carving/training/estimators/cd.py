"""Contrastive divergence (Hinton 2002): chains that begin from the data at every update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training._minibatches import Minibatch
from carving.training.estimators._chains import ChainEstimator

if TYPE_CHECKING:
    from carving.training._settings import Settings


class ContrastiveDivergence(ChainEstimator):
    """CD-k: k Gibbs steps from each sample of the minibatch; as many chains as that has rows.

    Biased towards the data where k steps do not reach equilibrium: a machine that looks trained may have
    states that its samples never visit. Fast, and good to begin with.
    """

    def __init__(
        self,
        machine: LearningMachine,
        settings: Settings,
        options: Any,
        rows: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__(machine, settings, rows, generator)

    def moments(self, machine: LearningMachine, batch: Minibatch, generator: torch.Generator) -> Moments:
        """Advance from the batch and average."""
        self._chains.set(batch.rows)
        return self.advance(machine, generator, batch.weights)


METHOD = ContrastiveDivergence
