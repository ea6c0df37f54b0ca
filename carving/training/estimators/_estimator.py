"""What the trainer asks of an estimator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training._minibatches import Minibatch

if TYPE_CHECKING:
    from carving.training._settings import Settings


@dataclass(frozen=True)
class NoOptions:
    """An estimator that is what it is."""


class Estimator(ABC):
    """Estimates what the machine itself makes of ⟨v⟩, ⟨h⟩ and ⟨v hᵀ⟩, once an update.

    Parameters
    ----------
    machine
        The machine before its first update.
    settings
        Of the training.
    options
        Its own settings, an instance of its ``Options``.
    rows
        Rows of a minibatch.
    generator
        For whatever is drawn at the start.
    """

    #: a frozen dataclass of what may follow the method's name, all with defaults: "emf:order=3"
    Options: ClassVar[type] = NoOptions
    #: whether :attr:`chains` are some
    chains_last: ClassVar[bool] = False

    @abstractmethod
    def __init__(
        self,
        machine: LearningMachine,
        settings: Settings,
        options: Any,
        rows: int,
        generator: torch.Generator,
    ) -> None: ...

    @abstractmethod
    def moments(self, machine: LearningMachine, batch: Minibatch, generator: torch.Generator) -> Moments:
        """The machine's moments; the same object may come back each time.

        Parameters
        ----------
        machine
            As it is now.
        batch
            The minibatch that the data's side of the gradient is measured on.
        generator
            The only source of randomness.
        """

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Everything that the next :meth:`moments` depends on, for resuming."""

    @abstractmethod
    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave, to the same bits."""

    @property
    def chains(self) -> Tensor | None:
        """Configurations that are drawn from the machine as well as this estimator can, (chains, N_v·q);
        None where it has none that last."""
        return None
