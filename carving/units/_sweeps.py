"""Sweeps of one kind, alone or several one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TypeAlias

from torch import Tensor

State: TypeAlias = tuple[Tensor, Tensor]


class Sweeps(ABC):
    """Sweeps of some rows of one machine; states are (m_v, m_h)."""

    @abstractmethod
    def sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        """One sweep."""

    def last_three(self, m_v: Tensor, m_h: Tensor, sweeps: int) -> tuple[State, State, State]:
        """Of the states that ``sweeps`` ≥ 2 sweeps go through, the first included, the last three."""
        states = deque([(m_v, m_h)], maxlen=3)
        for _ in range(sweeps):
            states.append(self.sweep(*states[-1]))
        before, middle, last = states
        return before, middle, last
