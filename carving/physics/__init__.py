"""The physics of learning: where states split, how soft and slow the machine is (mathematics §6, §7).

- ``spectrum.py``: the singular directions of the weights, along learning;
- ``thresholds.py``: where the paramagnetic state loses stability;
- ``splits.py``: when exactly the branches of a tree part, and ``soft_modes.py`` how soft its states are;
- ``cascade.py``: all of it at once, and ``tables.py`` its files;
- ``susceptibility.py``, ``relaxation.py``, ``exponents.py``: response and slowness, and
  ``state_sampling.py`` those of the states of a tree;
- ``hysteresis.py`` under a field, ``landscape.py`` at one age, ``_barrier_along.py`` on the way to a split;
- ``models/``: models with known answers, one a file;
- ``paths.py``, ``continuation.py``: machines that change along a number, and states followed along it.
"""

from carving.physics import models
from carving.physics._barrier_along import BarrierAlong, barrier_along
from carving.physics._observables import project_chains
from carving.physics.cascade import Cascade, transitions
from carving.physics.continuation import Followed, fall, follow
from carving.physics.exponents import PowerLaw, fit_power_law
from carving.physics.hysteresis import (
    Branch,
    Hysteresis,
    direction_between,
    direction_of_singular_vector,
    hysteresis,
)
from carving.physics.landscape import Landscape, landscape
from carving.physics.paths import BetweenCheckpoints, Couplings, Field, Path, symmetric_form
from carving.physics.relaxation import RelaxationTime, mean_field_relaxation, relaxation_time
from carving.physics.soft_modes import SoftModes, soft_modes
from carving.physics.spectrum import (
    Spectrum,
    SpectrumAlongLearning,
    spectrum,
    spectrum_along_learning,
    unbiased_threshold,
)
from carving.physics.splits import Splits, birth_ages, locate_splits
from carving.physics.state_sampling import Sampling, StateSampling, sample_states
from carving.physics.susceptibility import (
    LinearResponse,
    SampledSusceptibility,
    linear_response,
    sampled_susceptibility,
)
from carving.physics.tables import write_cascade
from carving.physics.thresholds import (
    CriticalCoupling,
    ParamagneticState,
    critical_coupling,
    paramagnetic_state,
    paramagnetic_state_along_learning,
)

__all__ = [
    "transitions",
    "Cascade",
    "write_cascade",
    "spectrum",
    "spectrum_along_learning",
    "unbiased_threshold",
    "Spectrum",
    "SpectrumAlongLearning",
    "critical_coupling",
    "paramagnetic_state",
    "paramagnetic_state_along_learning",
    "CriticalCoupling",
    "ParamagneticState",
    "locate_splits",
    "birth_ages",
    "Splits",
    "soft_modes",
    "SoftModes",
    "sample_states",
    "Sampling",
    "StateSampling",
    "linear_response",
    "sampled_susceptibility",
    "project_chains",
    "LinearResponse",
    "SampledSusceptibility",
    "relaxation_time",
    "mean_field_relaxation",
    "RelaxationTime",
    "fit_power_law",
    "PowerLaw",
    "hysteresis",
    "direction_of_singular_vector",
    "direction_between",
    "Hysteresis",
    "Branch",
    "landscape",
    "Landscape",
    "barrier_along",
    "BarrierAlong",
    "models",
    "BetweenCheckpoints",
    "Couplings",
    "Field",
    "Path",
    "symmetric_form",
    "follow",
    "fall",
    "Followed",
]
