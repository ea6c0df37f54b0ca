"""New samples in a finished tree."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from carving._device import resolve_device
from carving._progress import ProgressCallback
from carving.data import Samples
from carving.meanfield import FixedPoints, fixed_points
from carving.meanfield.linkage import per_site_coordinates
from carving.tree._checks import check_run
from carving.tree._reached import Equations, Reached, Stage
from carving.tree._rows import Rows
from carving.tree._work import AgeWork

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.tree.tree import Tree


@dataclass(frozen=True)
class Placement:
    """Where samples fall; one entry a sample.

    Attributes
    ----------
    node
        The node that the sample joins, int64.
    distance
        Per-site distance between its fixed point and that node's state, float64.
    age
        The age at which it joins: the oldest for a sample of a known state, a younger one for a sample
        that has a state of its own until then; int64.
    converged
        Whether its fixed point there converged, bool.
    """

    node: np.ndarray
    distance: np.ndarray
    age: np.ndarray
    converged: np.ndarray

    def __len__(self) -> int:
        return len(self.node)

    def __repr__(self) -> str:
        nodes = len(np.unique(self.node))
        return f"Placement({len(self)} samples in {nodes} nodes, {int((~self.converged).sum())} unconverged)"


def place(
    tree: Tree,
    samples: Samples | Any,
    run: CheckpointSequence,
    *,
    batch_size: int | None = None,
    device: str = "cpu",
    executor: Executor | None = None,
    progress: ProgressCallback | None = None,
) -> Placement:
    """The node that each new sample falls into.

    A sample is followed as those of the tree were: its fixed point at the oldest age, and from there
    to younger ages, until it lies within the linkage distance of a state; it joins the nearest one.
    A sample that is near to none even at the youngest age belongs to the root.

    Parameters
    ----------
    tree
        The tree.
    samples
        New samples, as for ``build_tree``.
    run
        The checkpoints that the tree was built from.
    batch_size, device, executor, progress
        As for ``build_tree``.

    Raises
    ------
    InvalidInput
        If the checkpoints are not those of the tree, or samples do not fit the machine.
    """
    check_run(tree, run)
    where = resolve_device(device)
    source = samples.source if isinstance(samples, Samples) else "samples"
    values = samples.values if isinstance(samples, Samples) else samples
    rows = Rows(values if hasattr(values, "shape") else np.asarray(values), run.visible, source, executor)
    rows.check()
    ages = tree.ages.updates.tolist()
    solver: dict[str, Any] = {
        "order": tree.options["order"],
        "tolerance": tree.options["tolerance"],
        "iteration": tree.options.get("iteration", "plain"),
        "batch_size": batch_size,
    }
    reached = Reached(Equations(run.at_age(ages[0]).to(device=where), **solver))
    reached.solve(rows, AgeWork(None, ages[0]), Stage(progress, f"age {ages[0]}", rows.count), executor)
    row, points = reached.points()
    # rows of one point go the same way from there on: it is followed once for all of them
    followed, count = np.arange(len(points)), len(points)
    node = np.full(count, tree.root, dtype=np.int64)
    age_of = np.full(count, ages[-1], dtype=np.int64)
    distance, converged = np.full(count, np.nan), np.zeros(count, dtype=bool)
    for age in ages:
        if age != ages[0]:
            rbm = run.at_age(age).to(device=where)
            points = fixed_points(rbm, points.visible, hidden=points.hidden, progress=progress, **solver)
        near, which = _nearest(tree, age, points, run.visible.distance_scale)
        distance[followed], converged[followed] = near, points.converged.cpu().numpy()
        joins = near <= tree.options["linkage_distance"]
        node[followed[joins]], age_of[followed[joins]] = which[joins], age
        followed, points = followed[~joins], points[torch.from_numpy(~joins).to(where)]
        if not len(followed):
            break
    return Placement(node=node[row], distance=distance[row], age=age_of[row], converged=converged[row])


def _nearest(tree: Tree, age: int, points: FixedPoints, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Per-site distance of each point to the nearest state of that age, and the node of that state."""
    here = np.flatnonzero(tree.states.age == age)
    states = per_site_coordinates(torch.from_numpy(np.array(tree.states.visible[here])), scale)
    nearest, which = torch.cdist(per_site_coordinates(points.visible.cpu(), scale), states).min(1)
    return nearest.numpy(), tree.states.node[here[which.numpy()]]
