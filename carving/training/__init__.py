"""Training: gradient estimators, when to save, and how good the machine is.

:func:`train` writes a sequence of checkpoints from samples. What it is made of:

- ``estimators/``: how the machine's own averages are estimated, one file each; a new one is a new file;
- ``_gradient.py``: the centred gradient, equal for all units and estimators;
- ``optimisers.py``, ``rates.py``: how a gradient becomes a step, and how large it is;
- ``saving/``: at which numbers of updates a checkpoint is saved, one rule a file;
- ``_data.py``, ``_rows.py``, ``_minibatches.py``: samples in memory or larger than it.
"""

from carving.training._trainer import train
from carving.training.estimators import estimator_names, read_method
from carving.training.optimisers import check_optimiser, optimiser_names
from carving.training.rates import rate_factor
from carving.training.saving import read_saving, save_ages, saving_names

__all__ = [
    "train",
    "save_ages",
    "saving_names",
    "read_saving",
    "estimator_names",
    "read_method",
    "optimiser_names",
    "check_optimiser",
    "rate_factor",
]
