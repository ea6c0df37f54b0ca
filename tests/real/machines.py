"""The machines that lie beside the repository, as the tests on real data take them."""

import math

from benchmarks.error_estimates import (
    MACHINES,
    Measured,
    measure,
    published_method,
    samples_of,
    stored_machines,
)

__all__ = [
    "LINKAGE_DISTANCE",
    "MACHINES",
    "PUBLISHED_LINKAGE",
    "Measured",
    "measure",
    "published_method",
    "samples_of",
    "stored_machines",
]

# Euclidean in all magnetisations, as the published method states it
PUBLISHED_LINKAGE = {"hgd": 1.0, "mnist": 1.0, "kunitz": 1.0, "planted": 0.5}
_SITES = {"hgd": 805, "mnist": 784, "kunitz": 53, "planted": 200}
LINKAGE_DISTANCE = {name: value / math.sqrt(_SITES[name]) for name, value in PUBLISHED_LINKAGE.items()}
