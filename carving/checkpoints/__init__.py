"""Checkpoint stores: the machines of one training, by age, and other programs' files of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from carving.checkpoints.ages import select_ages
from carving.checkpoints.sequence import CheckpointSequence, create_checkpoints, open_checkpoints

if TYPE_CHECKING:
    from carving.checkpoints.interop import export_rbms, import_checkpoints

__all__ = [
    "CheckpointSequence",
    "create_checkpoints",
    "open_checkpoints",
    "select_ages",
    "import_checkpoints",
    "export_rbms",
]

# who opens a store of ours has no need of h5py
_LATER = dict.fromkeys(("import_checkpoints", "export_rbms"), "carving.checkpoints.interop")


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
