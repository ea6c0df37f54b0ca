"""How soft each state of a tree is, at every age, and in which direction (mathematics §4, §6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from carving._progress import Progress, ProgressCallback
from carving.checkpoints import CheckpointSequence
from carving.meanfield.plefka import Plefka
from carving.physics._stationary import field_direction, stationary_near
from carving.tree import Tree


@dataclass(frozen=True, eq=False, repr=False)
class SoftModes:
    """The softest direction of every state at every age, in the order of ``tree.states``.

    Attributes
    ----------
    node, age
        As in ``tree.states``, (n,) int64.
    curvature
        Smallest eigenvalue of the symmetric form of Γ's Hessian, (n,) float64: 1 for free units, 0 where J
        has an eigenvalue +1. NaN where no stationary state is next to the stored one.
    direction
        The change of the visible units' fields that goes with it, a combination of the singular vectors u^α,
        of unit length, (n, N_v) or (n, N_v, q) float64.
    """

    node: np.ndarray
    age: np.ndarray
    curvature: np.ndarray
    direction: np.ndarray

    def __len__(self) -> int:
        return len(self.node)

    def __repr__(self) -> str:
        return f"SoftModes({len(self)} states at {len(np.unique(self.age))} ages)"


def soft_modes(tree: Tree, run: CheckpointSequence, *, progress: ProgressCallback | None = None) -> SoftModes:
    """Find the softest direction of every state of a tree at every age.

    Parameters
    ----------
    tree
        The tree.
    run
        The checkpoints that it was made from.
    progress
        Called for every age.
    """
    states, order = tree.states, int(tree.options["order"])
    curvature = np.full(len(states), np.nan)
    direction = np.full(states.visible.shape, np.nan)
    for done, age in enumerate(tree.ages.updates.tolist()):
        rows = states.rows_at(age)
        plefka = Plefka(run.at_age(age), order)
        v, h = (
            torch.from_numpy(values[rows].astype(np.float64)) for values in (states.visible, states.hidden)
        )
        found = stationary_near(plefka, v, h, strict=False)
        curvature[rows] = found.curvature.numpy()
        direction[rows] = field_direction(plefka, found.soft_hidden).numpy()
        if progress:
            progress(Progress("softness of states", done + 1, len(tree.ages), f"age {age}"))
    return SoftModes(np.asarray(states.node), np.asarray(states.age), curvature, direction)
