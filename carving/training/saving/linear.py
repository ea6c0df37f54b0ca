"""``linear:N``: ages evenly spaced."""

import numpy as np

from carving.training.saving._fixed import FixedAges


class Linear(FixedAges):
    """The first update, with which every training begins, and then N equal steps."""

    name = "linear"
    usage = "linear:N"

    def ages(self, count: int) -> np.ndarray:
        """1, and multiples of updates/N."""
        return np.concatenate([[1], np.arange(1, count + 1) * (self.updates / count)])


SAVING = Linear
