"""Samples through all ages: the way that each point goes from the oldest machine to the youngest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from carving._device import resolve_device
from carving._progress import ProgressCallback
from carving.meanfield import FixedPoints, fixed_points
from carving.meanfield.linkage import per_site_coordinates
from carving.units import Unit

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence

Solve = Callable[[int, Any, Tensor | None], FixedPoints]
"""The fixed points at an age of samples, or of magnetisations of both layers."""


@dataclass(frozen=True, repr=False)
class Trajectories:
    """Samples through all ages: at each age a point is sought from where it was at the next older one.

    Attributes
    ----------
    age
        The ages from old to young, (ages,) int64, numpy.
    free_energy
        Γ in units of kT, (n, ages), torch, float64.
    error
        Estimated distance to the exact fixed point, (n, ages).
    converged, stable
        As in :class:`carving.FixedPoints`, (n, ages) bool.
    moved
        Per-site distance of a point from where it was at the next older age, 0 at the oldest, (n, ages).
    visible, hidden
        m_v, (n, ages, N_v) or (n, ages, N_v, q), and m_h, (n, ages, N_h).
    """

    age: np.ndarray
    free_energy: Tensor
    error: Tensor
    converged: Tensor
    stable: Tensor
    moved: Tensor
    visible: Tensor
    hidden: Tensor

    def __len__(self) -> int:
        return len(self.free_energy)

    def __getitem__(self, rows: Tensor | np.ndarray | slice) -> Trajectories:
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return Trajectories(age=self.age, **columns)

    def __repr__(self) -> str:
        return (
            f"Trajectories({len(self)} samples through {len(self.age)} ages, "
            f"{int((~self.converged).sum())} points unconverged)"
        )


_COLUMNS = tuple(field.name for field in fields(Trajectories) if field.name != "age")


def trajectories(
    run: CheckpointSequence,
    samples: object,
    *,
    ages: str | Sequence[int] = "all",
    order: int = 2,
    tolerance: float = 1e-6,
    device: str = "cpu",
    progress: ProgressCallback | None = None,
) -> Trajectories:
    """The fixed point of each sample at the oldest age, followed to younger ones as the states of a tree are.

    All points of all ages are held in memory: it is meant for few samples.

    Parameters
    ----------
    run
        The checkpoints.
    samples
        As for :func:`carving.fixed_points`.
    ages
        Which ages; see :func:`carving.checkpoints.select_ages`.
    order, tolerance, device, progress
        As for :func:`carving.build_tree`.

    Raises
    ------
    InvalidInput
        For samples that do not fit the machine, or settings out of range.
    """
    where = resolve_device(device)

    def solve(age: int, start: Any, hidden: Tensor | None) -> FixedPoints:
        rbm = run.at_age(age).to(device=where)
        return fixed_points(rbm, start, order=order, tolerance=tolerance, hidden=hidden, progress=progress)

    return follow(solve, samples, run.select(ages)[::-1].tolist(), run.visible)


def follow(solve: Solve, samples: object, ages: Sequence[int], unit: Unit) -> Trajectories:
    """As :func:`trajectories`, whoever solves; ages from old to young."""
    columns: dict[str, list[Tensor]] = {name: [] for name in _COLUMNS}
    points = solve(ages[0], samples, None)
    before = points
    for age in ages:
        if columns["moved"]:
            before, points = points, solve(age, points.visible, points.hidden)
        here = {name: getattr(points, name).cpu() for name in _COLUMNS if name != "moved"}
        one, other = (per_site_coordinates(x.visible.cpu(), unit.distance_scale) for x in (before, points))
        here["moved"] = torch.linalg.vector_norm(one - other, dim=1)
        for name, values in here.items():
            columns[name].append(values)
    stacked: dict[str, Any] = {name: torch.stack(values, dim=1) for name, values in columns.items()}
    return Trajectories(age=np.array(ages, dtype=np.int64), **stacked)
