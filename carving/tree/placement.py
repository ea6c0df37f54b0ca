"""New samples in a finished tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from carving._device import resolve_device
from carving._progress import ProgressCallback
from carving.data import Samples
from carving.meanfield import fixed_points
from carving.meanfield.linkage import per_site_coordinates
from carving.tree._checks import check_run

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
    batch_size, device, progress
        As for ``build_tree``.

    Raises
    ------
    InvalidInput
        If the checkpoints are not those of the tree, or samples do not fit the machine.
    """
    check_run(tree, run)
    place_to_compute = resolve_device(device)
    source = samples.source if isinstance(samples, Samples) else "samples"
    values = samples.values if isinstance(samples, Samples) else samples
    v, h = run.visible.encode(values, torch.float64, source=source), None
    count, scale = len(v), run.visible.distance_scale
    node = np.full(count, tree.root, dtype=np.int64)
    age_of = np.full(count, tree.ages.updates[-1], dtype=np.int64)
    distance, converged = np.full(count, np.nan), np.zeros(count, dtype=bool)
    rows = np.arange(count)
    for age in tree.ages.updates.tolist():
        if not len(rows):
            break
        points = fixed_points(
            run.at_age(age).to(device=place_to_compute),
            v,
            hidden=h,
            order=tree.options["order"],
            tolerance=tree.options["tolerance"],
            iteration=tree.options.get("iteration", "plain"),
            batch_size=batch_size,
            progress=progress,
        )
        here = np.flatnonzero(tree.states.age == age)
        states = per_site_coordinates(torch.from_numpy(np.array(tree.states.visible[here])), scale)
        nearest, which = torch.cdist(per_site_coordinates(points.visible.cpu(), scale), states).min(1)
        near = nearest.numpy()
        distance[rows], converged[rows] = near, points.converged.cpu().numpy()
        joins = near <= tree.options["linkage_distance"]
        node[rows[joins]] = tree.states.node[here[which.numpy()[joins]]]
        age_of[rows[joins]] = age
        onward = torch.from_numpy(~joins)
        rows, v, h = rows[~joins], points.visible.cpu()[onward], points.hidden.cpu()[onward]
    return Placement(node=node, distance=distance, age=age_of, converged=converged)
