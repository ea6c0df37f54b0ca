"""What is the fixed point of each sample, at one age?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carving._progress import ProgressCallback
from carving.meanfield import FixedPoints
from carving.service.queries._solving import Equations
from carving.service.queries._warm import Warm


@dataclass(frozen=True)
class AskedPoints:
    """The question."""

    equations: Equations
    age: int

    @property
    def numbers(self) -> int:
        """How many numbers a row takes."""
        return self.equations.numbers

    def solve(self, samples: np.ndarray, warm: Warm, progress: ProgressCallback) -> FixedPoints:
        """The answer: as :func:`carving.fixed_points` gives it."""
        return self.equations.at(self.age, warm, progress).run(samples)
