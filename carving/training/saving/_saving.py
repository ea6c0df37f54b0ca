"""What the trainer asks of a rule for when to save."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor

from carving.rbm import RBM


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A machine of the training.

    Attributes
    ----------
    age
        Updates done.
    machine
        As it would be saved.
    chains
        Configurations drawn from it, (chains, N_v·q) int8; None where the estimator has none that last.
    """

    age: int
    machine: RBM
    chains: Tensor | None


class Verdict(NamedTuple):
    """What is to be saved: the machine of the look before, this one, both or none."""

    before: bool = False
    this: bool = True


class Saving(ABC):
    """Decides at which ages a training is saved.

    Only looks: it draws no random numbers, and a training goes the same way whatever is saved of it. The
    first and the last update are always saved.

    Parameters
    ----------
    argument
        What follows its name and a colon.
    updates
        The length of the training.

    Raises
    ------
    InvalidInput
        If the argument is none.
    """

    #: how it is written, for messages
    usage: str
    #: whether it needs chains that last
    needs_chains: bool = False

    def __init__(self, argument: str, updates: int) -> None:
        self.updates = updates

    def watch(self, rows: Tensor) -> None:
        """Called once before the first look, with statistics of some of the samples, (n, N_v) or (n, N_v, q),
        spread evenly over all and on the machine's device."""
        return

    @abstractmethod
    def looks(self) -> np.ndarray:
        """Ages at which it wants to see the machine, increasing, (L,) int64."""

    @abstractmethod
    def look(self, now: Snapshot) -> Verdict:
        """What is to be saved, now that the machine has this age."""

    def state(self) -> dict[str, Tensor]:
        """What the next verdicts depend on besides the last snapshot."""
        return {}

    def restore(self, state: dict[str, Tensor], last: Snapshot) -> None:
        """Go on from what :meth:`state` gave after the look at ``last``."""
        return


def geometric_ages(updates: int, spacing: float) -> np.ndarray:
    """1, …, updates, evenly spaced in their logarithm by about ``spacing``, or by whole numbers where that
    is more. (L,) int64"""
    count = max(2, round(np.log(updates) / spacing) + 1)
    return np.unique(np.round(np.geomspace(1, updates, count)).astype(np.int64))
