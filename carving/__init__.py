"""carving: the learning history of a Restricted Boltzmann Machine as a family tree of its data.

The public names are here and in the rooms' ``__init__``; each is imported when first asked for, so
that ``import carving`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from carving._version import version_of

if TYPE_CHECKING:
    from carving import (
        checkpoints,
        client,
        data,
        export,
        meanfield,
        physics,
        report,
        statistics,
        training,
        tree,
    )
    from carving._dask import dask_executor
    from carving.checkpoints import (
        CheckpointSequence,
        create_checkpoints,
        import_checkpoints,
        open_checkpoints,
    )
    from carving.client import connect
    from carving.data import Labels, Samples, open_samples, read_labels, read_samples
    from carving.errors import CarvingError
    from carving.meanfield import FixedPoints, fixed_points
    from carving.rbm import RBM
    from carving.sampling import sample
    from carving.training import train
    from carving.tree import Tree, build_tree, load_tree
    from carving.units import Bernoulli, Gaussian, Potts, Spin, Unit

_HOMES = {
    "CarvingError": "carving.errors",
    "RBM": "carving.rbm",
    "dask_executor": "carving._dask",
    **dict.fromkeys(("Bernoulli", "Gaussian", "Potts", "Spin", "Unit"), "carving.units"),
    **dict.fromkeys(("Labels", "Samples", "open_samples", "read_labels", "read_samples"), "carving.data"),
    **dict.fromkeys(("FixedPoints", "fixed_points"), "carving.meanfield"),
    **dict.fromkeys(
        ("CheckpointSequence", "create_checkpoints", "import_checkpoints", "open_checkpoints"),
        "carving.checkpoints",
    ),
    "connect": "carving.client",
    "sample": "carving.sampling",
    "train": "carving.training",
    **dict.fromkeys(("Tree", "build_tree", "load_tree"), "carving.tree"),
}
_ROOMS = (
    "checkpoints",
    "client",
    "data",
    "export",
    "meanfield",
    "physics",
    "report",
    "statistics",
    "training",
    "tree",
)

__all__ = [
    "RBM",
    "Bernoulli",
    "CarvingError",
    "CheckpointSequence",
    "FixedPoints",
    "Gaussian",
    "Labels",
    "Potts",
    "Samples",
    "Spin",
    "Tree",
    "Unit",
    "build_tree",
    "checkpoints",
    "client",
    "connect",
    "create_checkpoints",
    "dask_executor",
    "data",
    "export",
    "fixed_points",
    "import_checkpoints",
    "load_tree",
    "meanfield",
    "open_checkpoints",
    "open_samples",
    "physics",
    "read_labels",
    "read_samples",
    "report",
    "sample",
    "statistics",
    "train",
    "training",
    "tree",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version_of("carving")
    if name in _ROOMS:
        return import_module(f"carving.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'carving' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
