"""Carving (mathematics §5) written for clarity: every step in one loop, nothing spared."""

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import DBSCAN

from carving.checkpoints import CheckpointSequence
from carving.meanfield import FixedPoints, fixed_points


@dataclass(frozen=True)
class ReferenceAge:
    """What the descent finds at one age.

    Attributes
    ----------
    points
        Fixed points of all that came down.
    group
        Group of each of them.
    of_sample
        Group of each sample.
    representatives
        One point a group, that of lowest Γ, in the groups' order.
    """

    points: FixedPoints
    group: np.ndarray
    of_sample: np.ndarray
    representatives: FixedPoints


def descend(
    run: CheckpointSequence, samples: np.ndarray, *, linkage_distance: float, order: int = 2
) -> dict[int, ReferenceAge]:
    """The walk from the oldest age to the youngest: {age: what is there}."""
    found: dict[int, ReferenceAge] = {}
    v, h, of_sample = samples, None, np.arange(len(samples))
    for age in run.ages[::-1].tolist():
        points = fixed_points(run.at_age(age), v, hidden=h, order=order)
        group = DBSCAN(eps=linkage_distance, min_samples=1).fit_predict(per_site(points, run))
        of_sample = group[of_sample]
        energy = points.free_energy.numpy()
        lowest = [
            min(np.flatnonzero(group == one), key=lambda row: energy[row]) for one in range(group.max() + 1)
        ]
        representatives = points[np.array(lowest)]
        found[age] = ReferenceAge(points, group, of_sample, representatives)
        v, h = representatives.visible, representatives.hidden
    return found


def per_site(points: FixedPoints, run: CheckpointSequence) -> np.ndarray:
    """Coordinates whose Euclidean distance is that of mathematics §5."""
    visible = points.visible.numpy()
    sites = visible.shape[1]
    if run.visible.name == "spin":
        visible = (1 + visible) / 2
    return visible.reshape(len(visible), -1) / np.sqrt(sites)


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    """A partition as the set of its groups."""
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}
