"""Trees: the walk from old to young machines, the ``Tree`` that it gives, and placing new samples in one.

What comes from the walk is imported when it is asked for: looking at a stored tree needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from carving.tree._columns import Ages, Leaves, Nodes, States
from carving.tree._store import load_tree
from carving.tree.tree import Tree

if TYPE_CHECKING:
    from carving.tree.descent import build_tree
    from carving.tree.following import Trajectories, trajectories
    from carving.tree.novelty import Novelty, TrainingEnergies
    from carving.tree.placement import Placement, Placer

__all__ = [
    "Ages",
    "Leaves",
    "Nodes",
    "Novelty",
    "Placement",
    "Placer",
    "States",
    "TrainingEnergies",
    "Trajectories",
    "Tree",
    "build_tree",
    "load_tree",
    "trajectories",
]

_LATER = {
    "build_tree": "carving.tree.descent",
    "Novelty": "carving.tree.novelty",
    "TrainingEnergies": "carving.tree.novelty",
    "Placement": "carving.tree.placement",
    "Placer": "carving.tree.placement",
    "Trajectories": "carving.tree.following",
    "trajectories": "carving.tree.following",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
