"""Which fixed points are one point, and which points are one group (mathematics §5, steps 3 and 4).

Both are single linkage, found through a minimum spanning tree: cut at the linkage distance it gives
the groups, and its edges say how far the grouping is from changing. Distances are made one row at
a time when they are needed; memory grows with the number of points, never with that of pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

_BLOCK = 512


@dataclass(frozen=True)
class Linkage:
    """Groups of points under single linkage, and the margins of that grouping.

    Attributes
    ----------
    group
        Group of each point, numbered by first appearance, (n,) int64.
    largest_step
        Longest step that was needed inside a group; NaN if none was.
    smallest_gap
        Shortest distance between two groups; NaN if there is only one.
    """

    group: np.ndarray
    largest_step: float
    smallest_gap: float


def per_site_coordinates(visible: Tensor, scale: float) -> Tensor:
    """Visible magnetisations such that Euclidean distance is the per-site distance of mathematics §5.

    (n, N_v) or (n, N_v, q) to (n, N_v·q) float64; the norm runs over sites and states, the division
    is by √N_v.
    """
    return visible.double().flatten(1) * (scale / math.sqrt(visible.shape[1]))


def spanning_tree(points: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Minimum spanning tree by Prim's method.

    Parameters
    ----------
    points
        (n, d) float64.

    Returns
    -------
    edges
        (n − 1, 2) int64.
    lengths
        (n − 1,) float64, Euclidean.

    Notes
    -----
    n matrix-vector products: 2 n² d flops; n numbers of memory besides the points.
    """
    n = len(points)
    edges, lengths = np.zeros((max(n - 1, 0), 2), dtype=np.int64), np.zeros(max(n - 1, 0))
    best = torch.full((n,), torch.inf, dtype=points.dtype, device=points.device)
    nearest = torch.zeros(n, dtype=torch.int64, device=points.device)
    outside = torch.ones(n, dtype=torch.bool, device=points.device)
    squares = points.square().sum(1)
    current = 0
    for step in range(n - 1):
        outside[current] = False
        squared = torch.addmv(squares, points, points[current], alpha=-2).add_(squares[current])
        closer = (squared < best) & outside
        best[closer] = squared[closer]
        nearest[closer] = current
        best[current] = torch.inf
        reached = int(torch.argmin(best))
        origin = int(nearest[reached])
        edges[step] = origin, reached
        # squares cancel for near points, a difference does not
        lengths[step] = float(torch.linalg.vector_norm(points[reached] - points[origin]))
        current = reached
    return edges, lengths


def link(points: Tensor, distance: float) -> Linkage:
    """Group points by chains of steps no longer than ``distance``.

    The same groups as DBSCAN with ``min_samples=1``.

    Parameters
    ----------
    points
        (n, d) float64, in coordinates of :func:`per_site_coordinates`.
    distance
        Linked when ≤.
    """
    edges, lengths = spanning_tree(points)
    inside = lengths <= distance
    group = _components(len(points), edges[inside])
    gaps = lengths[~inside]
    return Linkage(
        group=group,
        largest_step=float(lengths[inside].max()) if inside.any() else math.nan,
        smallest_gap=float(gaps.min()) if len(gaps) else math.nan,
    )


def _components(n: int, edges: np.ndarray) -> np.ndarray:
    """Connected components, numbered by first appearance."""
    if not len(edges):
        return np.arange(n)
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    return by_first_appearance(labels)


def by_first_appearance(labels: np.ndarray) -> np.ndarray:
    """The same partition with groups numbered in the order in which they appear. int64"""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


def same_points(
    points: Tensor, error: Tensor, closeness: float, *, scale: float | Tensor = 1.0
) -> np.ndarray:
    """Which rows are the same point: those linked by chains of rows closer than their errors.

    Two rows are the same when their max-norm distance is at most ``closeness`` or the sum of their
    error estimates, whichever is larger (architecture: ``same_point_distance``).

    Parameters
    ----------
    points
        (n, d) float64: both layers' magnetisations side by side, points as ``Plefka.together`` does.
    error
        (n,) estimated errors; infinite ones count as zero, since nothing is known of those rows.
    closeness
        Ten tolerances, unless chosen.

    Returns
    -------
    numpy.ndarray
        Group of each row, numbered by first appearance, (n,) int64.

    Notes
    -----
    Rows are sorted along one direction; only rows that are close in it are compared, block by block.
    """
    known = torch.where(torch.isfinite(error), error, 0.0)
    # equal points lie side by side in the order along any direction; one that treats no site
    # specially keeps different points apart
    direction = torch.cos(torch.arange(points.shape[1], dtype=points.dtype, device=points.device) ** 2)
    along, order = torch.sort(points @ (direction / torch.linalg.vector_norm(direction)))
    same = _close(points, known, order[:-1], order[1:], closeness)
    run = torch.cat([torch.zeros(1, dtype=torch.int64, device=same.device), (~same).long().cumsum(0)])
    head = torch.nonzero(torch.cat([torch.ones(1, dtype=torch.bool, device=same.device), ~same]))[:, 0]
    # a max-norm distance r is at most r √d along the direction
    window = max(closeness, 2 * float(known.max())) * math.sqrt(points.shape[1])
    edges = [np.zeros((0, 2), dtype=np.int64)]
    for offset in range(1, len(head)):
        left = torch.nonzero(along[head[offset:]] - along[head[:-offset]] <= window)[:, 0]
        if not len(left):
            break
        right = left + offset
        joined = _close(points, known, order[head[left]], order[head[right]], closeness)
        edges.append(torch.stack([left[joined], right[joined]], 1).cpu().numpy())
    of_run = _components(len(head), np.concatenate(edges))
    result = np.empty(len(order), dtype=np.int64)
    result[order.cpu().numpy()] = of_run[run.cpu().numpy()]
    return by_first_appearance(result)


def _close(points: Tensor, error: Tensor, left: Tensor, right: Tensor, closeness: float) -> Tensor:
    """Whether rows ``left`` and ``right`` are within the larger of ``closeness`` and their errors' sum."""
    parts = [
        (points[i] - points[j]).abs().amax(1) <= (error[i] + error[j]).clamp(min=closeness)
        for i, j in zip(left.split(_BLOCK), right.split(_BLOCK), strict=True)
    ]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.bool, device=points.device)
