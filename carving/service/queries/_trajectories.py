"""Where do samples go through all ages?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from carving._progress import ProgressCallback
from carving.meanfield import FixedPoints
from carving.service.queries._solving import Equations
from carving.service.queries._warm import Warm
from carving.tree.following import Trajectories, follow


@dataclass(frozen=True)
class AskedTrajectories:
    """The question; ages from old to young."""

    equations: Equations
    ages: tuple[int, ...]

    @property
    def numbers(self) -> int:
        """How many numbers a row takes."""
        return self.equations.numbers * len(self.ages)

    def solve(self, samples: np.ndarray, warm: Warm, progress: ProgressCallback) -> Trajectories:
        """The answer: as :func:`carving.tree.trajectories` gives it."""
        # more ages than are kept would only drive each other out, and all else
        kept = warm if 2 * len(self.ages) <= warm.most else Warm()

        def solve(age: int, start: Any, hidden: Tensor | None) -> FixedPoints:
            return self.equations.at(age, kept, progress).run(start, hidden)

        return follow(solve, samples, self.ages, self.equations.run.visible)
