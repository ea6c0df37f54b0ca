"""Training: gradient estimators, when to save, and how good the machine is.

:func:`train` writes a sequence of checkpoints from samples. What it is made of:

- ``estimators/``: how the machine's own averages are estimated, one file each; a new one is a new file;
- ``schedule.py``: at which numbers of updates a checkpoint is saved;
- ``_gradient.py``: the centred gradient, equal for all units and estimators.
"""

from carving.training._trainer import train
from carving.training.estimators import estimator_names
from carving.training.schedule import save_ages

__all__ = ["train", "save_ages", "estimator_names"]
