"""The partition function of a machine, and with it the likelihood of samples.

- ``exact.py``: by enumeration, where one layer has at most 2²² configurations;
- ``annealed.py``: by annealed importance sampling, from independent sites to the machine;
- ``trajectory.py``: the same along the course of the training, for all its machines at once;
- ``estimate.py``: what the last two give, with an interval that holds log Z in 95 of 100 cases.

Nothing here draws from a global generator. log Z is that of (1): relative to the normalised N(0, 1/γ) for
Gaussian hidden units.
"""

from carving.training.likelihood._rows import site_bias
from carving.training.likelihood.annealed import annealed_importance_sampling
from carving.training.likelihood.estimate import Estimate, MeanLogLikelihood
from carving.training.likelihood.exact import exact_log_likelihood, exact_log_partition, is_enumerable
from carving.training.likelihood.trajectory import trajectory_annealed_importance_sampling

__all__ = [
    "is_enumerable",
    "exact_log_partition",
    "exact_log_likelihood",
    "annealed_importance_sampling",
    "trajectory_annealed_importance_sampling",
    "Estimate",
    "MeanLogLikelihood",
    "site_bias",
]
