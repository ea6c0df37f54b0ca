"""What the trainer asks of an estimator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carving.training._gradient import Moments
from carving.training._machine import LearningMachine

if TYPE_CHECKING:
    from carving.training._settings import Settings


class Estimator(ABC):
    """Estimates ⟨v⟩, ⟨h⟩ and ⟨v hᵀ⟩ of the machine as it is, once an update.

    Parameters
    ----------
    machine
        The machine before its first update.
    settings
        Of the training.
    generator
        For whatever is drawn at the start.
    """

    @abstractmethod
    def __init__(self, machine: LearningMachine, settings: Settings, generator: torch.Generator) -> None: ...

    @abstractmethod
    def moments(self, machine: LearningMachine, batch: Tensor, generator: torch.Generator) -> Moments:
        """The machine's moments; the same object may come back each time.

        Parameters
        ----------
        machine
            As it is now.
        batch
            The minibatch that the data's side of the gradient is measured on. (rows, N_v·q)
        generator
            The only source of randomness.
        """

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Everything that the next :meth:`moments` depends on, for resuming."""

    @abstractmethod
    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave, to the same bits."""
