"""Models with known answers: what theory says of a machine, beside the machine and its data (mathematics §7).

Each is a value that is made of a few numbers. It knows its machine, in ±1 or {0, 1} units; a generator of
its data, which is one of :mod:`carving.data`; and its closed forms, as properties and methods.
"""

from carving.physics.models._magnetisation_chain import MagnetisationChain
from carving.physics.models.correlated_patterns import CorrelatedPatterns
from carving.physics.models.curie_weiss import CurieWeiss
from carving.physics.models.hopfield import Hopfield
from carving.physics.models.low_rank import LowRank

__all__ = ["CorrelatedPatterns", "CurieWeiss", "Hopfield", "LowRank", "MagnetisationChain"]
