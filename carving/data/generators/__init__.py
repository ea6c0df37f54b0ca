"""Data with a known answer (mathematics §7), one generator a file.

All randomness comes from the ``torch.Generator`` that is passed in.
"""

from carving.data.generators._correlated import CorrelatedPatternsData, correlated_patterns
from carving.data.generators._curie_weiss import CurieWeissData, curie_weiss
from carving.data.generators._hopfield import HopfieldData, hopfield
from carving.data.generators._random_tree import TreeData, random_tree

__all__ = [
    "TreeData",
    "random_tree",
    "CurieWeissData",
    "curie_weiss",
    "CorrelatedPatternsData",
    "correlated_patterns",
    "HopfieldData",
    "hopfield",
]
