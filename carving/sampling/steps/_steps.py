"""What chains ask of a way to make block Gibbs steps."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from carving.sampling._flat import FlatMachine


class Steps(ABC):
    """Draws each layer of a machine given the other, for a fixed number of chains, in memory of its own.

    Parameters
    ----------
    machine
        Gives sizes and units.
    chains
        Their number.
    generator
        For whatever is drawn at the start.
    """

    @abstractmethod
    def __init__(self, machine: FlatMachine, chains: int, generator: torch.Generator) -> None: ...

    @classmethod
    @abstractmethod
    def serves(cls, machine: FlatMachine) -> bool:
        """Whether it can make the steps of this machine, here."""

    @abstractmethod
    def refresh(self, machine: FlatMachine) -> None:
        """Take the machine's parameters as they are now; before the first step, and whenever they change."""

    @abstractmethod
    def draw_hidden(self, v: Tensor, generator: torch.Generator) -> Tensor:
        """h given v, in memory that the next call writes over."""

    @abstractmethod
    def draw_visible(self, h: Tensor, generator: torch.Generator) -> Tensor:
        """v given h, in memory that the next call writes over."""

    @abstractmethod
    def encode(self, statistics: Tensor) -> Tensor:
        """Configurations v (chains, N_v·q) as :meth:`draw_hidden` takes them, in memory of their own."""

    @abstractmethod
    def decode(self, v: Tensor, out: Tensor) -> Tensor:
        """Configurations as :meth:`draw_visible` gives them, as numbers (chains, N_v·q), in ``out``."""

    def state(self) -> dict[str, Tensor]:
        """What the next draws depend on besides the generator, in memory of its own."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:  # noqa: B027 - most ways have nothing to restore
        """Go on from what :meth:`state` gave, to the same bits."""
