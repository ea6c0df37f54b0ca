"""Samples, names and labels from files, and generators of data with a known answer.

Reading needs numpy only; h5py, zarr and torch are imported by those functions that use them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from carving.data._given import samples_from_rows
from carving.data._labels import Labels, read_labels
from carving.data._letters import PROTEIN_ALPHABET
from carving.data._samples import Samples, open_samples, parse_rows, read_samples
from carving.data._sequence_weights import sequence_weights

if TYPE_CHECKING:
    from carving.data import generators
    from carving.data.generators import (
        CorrelatedPatternsData,
        CurieWeissData,
        HopfieldData,
        TreeData,
        correlated_patterns,
        curie_weiss,
        hopfield,
        random_tree,
    )

__all__ = [
    "Samples",
    "read_samples",
    "open_samples",
    "samples_from_rows",
    "parse_rows",
    "PROTEIN_ALPHABET",
    "Labels",
    "read_labels",
    "sequence_weights",
    "generators",
    "TreeData",
    "random_tree",
    "CurieWeissData",
    "curie_weiss",
    "CorrelatedPatternsData",
    "correlated_patterns",
    "HopfieldData",
    "hopfield",
]


def __getattr__(name: str) -> Any:
    # the generators need torch, which readers do not; so they are imported when first asked for
    if name in __all__:
        generators = import_module("carving.data.generators")
        return generators if name == "generators" else getattr(generators, name)
    raise AttributeError(f"module 'carving.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
