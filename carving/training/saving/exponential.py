"""``exponential:N``: ages evenly spaced in their logarithm."""

import numpy as np

from carving.training.saving._fixed import FixedAges


class Exponential(FixedAges):
    """At most N ages, evenly spaced in their logarithm; the first ones fall together, since ages are whole.

    The modes of the data are learned at rates in proportion to their strength, so splits are about evenly
    spread in log age.
    """

    name = "exponential"
    usage = "exponential:N"

    def ages(self, count: int) -> np.ndarray:
        """From 1 on."""
        return np.geomspace(1, self.updates, count)


SAVING = Exponential
