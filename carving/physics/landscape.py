"""The landscape of Γ at one age: minima, the saddles between them, and barriers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.meanfield.linkage import per_site_coordinates, same_points, spanning_tree
from carving.meanfield.plefka import Plefka
from carving.meanfield.solver import FixedPoints, fixed_points
from carving.physics._barriers import passes_between
from carving.physics._stationary import Stationary, stationary_near
from carving.rbm import RBM


@dataclass(frozen=True, eq=False, repr=False)
class Landscape:
    """Minima of Γ that samples reach and the saddles between neighbours; float64 unless said.

    Attributes
    ----------
    visible, hidden
        Minima: m_v, (n, N_v) or (n, N_v, q), and m_h, (n, N_h). By falling weight; those that only the way
        down from a saddle has led to come last.
    free_energy
        Γ in units of kT, (n,).
    curvature
        Smallest eigenvalue of the Hessian's symmetric form, (n,).
    weight
        Share of the samples in each one's basin, (n,); 0 for those found from saddles.
    minimum
        Which minimum each sample belongs to, (samples,) int64; −1 where its fixed point did not converge or
        is no minimum. Those samples are in no weight.
    saddle_visible, saddle_hidden, saddle_free_energy, saddle_curvature
        The same of the saddles, (s, …). All have index 1: the curvature is negative.
    between
        The two minima that each saddle leads to, (s, 2) int64.
    barriers
        Γ of the saddle less that of either minimum, (s, 2).
    neighbours
        Pairs of minima between which saddles were looked for, (p, 2) int64.
    unresolved
        Those of them that no chain of saddles found on the way joins, (u, 2) int64.
    """

    visible: Tensor
    hidden: Tensor
    free_energy: Tensor
    curvature: Tensor
    weight: Tensor
    minimum: np.ndarray
    saddle_visible: Tensor
    saddle_hidden: Tensor
    saddle_free_energy: Tensor
    saddle_curvature: Tensor
    between: np.ndarray
    neighbours: np.ndarray
    unresolved: np.ndarray

    def __len__(self) -> int:
        return len(self.visible)

    def __repr__(self) -> str:
        lost = int((self.minimum < 0).sum())
        return (
            f"Landscape({len(self)} minima, {len(self.between)} saddles; {len(self.unresolved)} of "
            f"{len(self.neighbours)} pairs unresolved; {lost} of {len(self.minimum)} samples in no minimum)"
        )

    @property
    def barriers(self) -> Tensor:
        """Γ of each saddle less that of its two minima, (s, 2)."""
        return self.saddle_free_energy[:, None] - self.free_energy[torch.from_numpy(self.between)]

    def lowest_saddle(self, one: int, other: int) -> int | None:
        """Which saddle between two minima is lowest; None if none was found that leads to both."""
        rows = np.flatnonzero((self.between == sorted((one, other))).all(1))
        return int(rows[torch.argmin(self.saddle_free_energy[rows])]) if len(rows) else None

    def merge_heights(self) -> np.ndarray:
        """The disconnectivity graph, as a linkage matrix of scipy's format.

        Row k joins groups of minima, as ``scipy.cluster.hierarchy.linkage`` numbers them, at the lowest Γ,
        above that of the lowest minimum, at which a chain of saddles joins them: single linkage on saddles
        (Becker & Karplus, J. Chem. Phys. 106, 1495 (1997)). Groups that no saddle joins come last, at
        infinite height. (n − 1, 4) float64
        """
        n, lowest = len(self), float(self.free_energy.min())
        group, size = list(range(n)), [1] * n
        rows: list[list[float]] = []

        def join(one: int, other: int, height: float) -> None:
            low, high = sorted((group[one], group[other]))
            new = len(size)
            size.append(size[low] + size[high])
            rows.append([low, high, height, size[new]])
            group[:] = [new if each in (low, high) else each for each in group]

        for saddle in torch.argsort(self.saddle_free_energy, stable=True).tolist():
            one, other = self.between[saddle].tolist()
            if group[one] != group[other]:
                join(one, other, float(self.saddle_free_energy[saddle]) - lowest)
        for other in range(1, n):
            if group[0] != group[other]:
                join(0, other, np.inf)
        return np.array(rows).reshape(-1, 4)


def landscape(
    rbm: RBM,
    samples: object,
    *,
    order: int = 2,
    tolerance: float = 1e-6,
    neighbours: int = 3,
    weights: Tensor | np.ndarray | None = None,
) -> Landscape:
    """The minima of Γ that samples reach and the saddles between neighbouring ones (mathematics §4).

    Neighbours are the pairs of a minimum spanning tree of the minima, in per-site distance of m_v, and each
    one's nearest others. Each saddle is stationary to Newton's precision, has index 1, and was seen to lead
    to its two minima by layer-exact sweeps from either side of it.

    Parameters
    ----------
    rbm
        The machine.
    samples
        As :func:`carving.fixed_points` takes them; or their fixed points of this machine and order.
    order
        Of the expansion.
    tolerance
        Of the fixed points, as there; points closer than ten of it are one.
    neighbours
        How many nearest others of each minimum; 0 for the spanning tree alone.
    weights
        How much each sample counts, (samples,), not negative; all the same if not given.

    Raises
    ------
    InvalidInput
        If samples do not fit the machine, weights do not fit them, or no fixed point is a minimum.

    Notes
    -----
    A pair may be joined by higher and lower saddles: those found are the ones near the relaxed way between
    the minima, and a lower one elsewhere is not excluded.
    """
    if neighbours < 0:
        raise InvalidInput(f"neighbours: {neighbours!r} is negative; 0 takes the spanning tree alone")
    plefka = Plefka(rbm, order)
    if isinstance(samples, FixedPoints):
        points = samples
    else:
        points = fixed_points(rbm, samples, order=order, tolerance=tolerance)
    share = _shares(weights, len(points))
    minima, minimum, weight = _minima(plefka, points, share, tolerance)
    pairs = _neighbours(per_site_coordinates(minima.visible, plefka.visible.distance_scale), neighbours)
    passes = passes_between(plefka, minima, pairs)
    minima, saddles = passes.minima, passes.saddles
    extra = torch.zeros(len(minima) - len(weight), dtype=torch.float64)
    return Landscape(
        visible=minima.visible,
        hidden=minima.hidden,
        free_energy=plefka.free_energy(minima.visible, minima.hidden),
        curvature=minima.curvature,
        weight=torch.cat([weight, extra]),
        minimum=minimum,
        saddle_visible=saddles.visible,
        saddle_hidden=saddles.hidden,
        saddle_free_energy=plefka.free_energy(saddles.visible, saddles.hidden),
        saddle_curvature=saddles.curvature,
        between=passes.between,
        neighbours=pairs,
        unresolved=passes.unresolved,
    )


def _shares(weights: Tensor | np.ndarray | None, count: int) -> np.ndarray:
    """Non-negative, adding up to 1."""
    share = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if share.shape != (count,) or not np.isfinite(share).all() or (share < 0).any() or not share.any():
        raise InvalidInput(f"weights: give {count} numbers, one a sample, not negative and not all zero")
    return share / share.sum()


def _minima(
    plefka: Plefka, points: FixedPoints, share: np.ndarray, tolerance: float
) -> tuple[Stationary, np.ndarray, Tensor]:
    """Distinct minima by falling weight, the one of each sample, and the weights."""
    rows = torch.nonzero(points.converged & points.stable)[:, 0]
    if not len(rows):
        raise InvalidInput("samples: the fixed point of none of them is a minimum of Γ; choose another order")
    together = plefka.together(points.visible[rows], points.hidden[rows])
    group = same_points(together, points.error[rows], 10 * tolerance)
    held = share[rows.cpu().numpy()]
    weight = np.bincount(group, held)
    order = np.argsort(-weight, kind="stable")
    first = np.unique(group, return_index=True)[1][order]
    chosen = rows[torch.from_numpy(first)]
    minima = stationary_near(plefka, points.visible[chosen], points.hidden[chosen])
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    minimum = np.full(len(points), -1, dtype=np.int64)
    minimum[rows.cpu().numpy()] = rank[group]
    return minima, minimum, torch.from_numpy(weight[order])


def _neighbours(points: Tensor, count: int) -> np.ndarray:
    """Pairs of the minimum spanning tree and of each point's nearest others, the lower first, each once."""
    pairs = [spanning_tree(points)[0]]
    for row in range(len(points) if count else 0):
        distance = torch.linalg.vector_norm(points - points[row], dim=1)
        distance[row] = torch.inf
        nearest = torch.topk(distance, min(count, len(points) - 1), largest=False).indices.cpu().numpy()
        pairs.append(np.stack([np.full_like(nearest, row), nearest], 1))
    return np.unique(np.sort(np.concatenate(pairs), 1), axis=0)
