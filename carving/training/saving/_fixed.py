"""Rules whose ages are known before the training."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from carving.errors import InvalidInput
from carving.training.saving._saving import Saving, Snapshot, Verdict


def read_count(name: str, argument: str) -> int:
    """The number of checkpoints that ``name:argument`` asks for.

    Raises
    ------
    InvalidInput
        If it is none of at least two.
    """
    if not (argument.isascii() and argument.isdigit() and int(argument) >= 2):
        raise InvalidInput(
            f"save: '{name}:{argument}' needs a number of checkpoints N of at least 2; give {name}:N"
        )
    return int(argument)


class FixedAges(Saving):
    """Saves N ages, whatever the machine does."""

    name: ClassVar[str]

    def __init__(self, argument: str, updates: int) -> None:
        super().__init__(argument, updates)
        count = min(read_count(self.name, argument), updates)
        self._ages = np.unique(np.round(self.ages(count)).astype(np.int64))

    @abstractmethod
    def ages(self, count: int) -> np.ndarray:
        """So many ages up to ``updates``, to be rounded."""

    def looks(self) -> np.ndarray:
        """All of them."""
        return self._ages

    def look(self, now: Snapshot) -> Verdict:
        """Save it."""
        return Verdict(this=True)
