"""Carving: from the oldest machine to the youngest, fixed points merge, and the merges are a tree.

At each age: the fixed points of the starting points; equal points become one; points linked by steps
up to the linkage distance become a group; the member of lowest Γ represents the group at the next
younger age (mathematics §5). Partitions only ever coarsen, so the sequence of them is a tree.

Source: Decelle, Rosset & Seoane, PRE 108, 014110 (2023).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from carving._device import resolve_device
from carving._progress import Progress, ProgressCallback
from carving.data import Labels, Samples
from carving.data._names import numbered_names
from carving.errors import InvalidInput
from carving.meanfield import FixedPoints, Plefka, Spent, link, same_points
from carving.meanfield.linkage import by_first_appearance, per_site_coordinates
from carving.meanfield.plefka import State
from carving.meanfield.solver import starting_points
from carving.sampling import select_ages_by_acceptance
from carving.tree._assembly import Walk, assemble
from carving.tree._columns import string_column
from carving.tree._reached import Equations, Reached, Stage
from carving.tree._rows import ROWS, Rows
from carving.tree._work import AgeWork, Work

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.rbm import RBM
    from carving.tree.tree import Tree


@dataclass(frozen=True)
class Settings:
    """What a tree depends on, besides the machines and the samples."""

    order: int
    tolerance: float
    iteration: str
    linkage_distance: float
    same_point_distance: float | None
    batch_size: int | None
    device: torch.device

    @property
    def closeness(self) -> float:
        """Max-norm distance up to which two points are the same."""
        return 10 * self.tolerance if self.same_point_distance is None else self.same_point_distance


@dataclass(frozen=True)
class Age:
    """What was found at one age.

    Attributes
    ----------
    group
        Group of each thing that came down: samples at the oldest age, groups of the next older one
        elsewhere; numbered by first appearance. int64
    visible, hidden, free_energy, error, converged, stable
        The group's state, one row a group. float64, bool
    largest_step, smallest_gap
        Margins of the grouping, :class:`carving.meanfield.Linkage`.
    unconverged
        How many of the points sought did not converge.
    point_error
        Estimated error of the point of each thing that came down. float64
    spent
        What the solver took, as a JSON object.
    """

    group: np.ndarray
    visible: np.ndarray
    hidden: np.ndarray
    free_energy: np.ndarray
    error: np.ndarray
    converged: np.ndarray
    stable: np.ndarray
    largest_step: float
    smallest_gap: float
    unconverged: int
    point_error: np.ndarray
    spent: str


def build_tree(
    run: CheckpointSequence,
    samples: Samples | Any,
    *,
    names: Sequence[str] | np.ndarray | None = None,
    labels: Labels | Mapping[str, Sequence[str] | np.ndarray] | None = None,
    colors: Mapping[str, Mapping[str, str]] | None = None,
    order: int = 2,
    tolerance: float = 1e-6,
    iteration: str = "plain",
    linkage_distance: float = 0.035,
    same_point_distance: float | None = None,
    ages: str | Sequence[int] = "all",
    batch_size: int | None = None,
    device: str | torch.device = "cpu",
    work_folder: str | Path | None = None,
    executor: Executor | None = None,
    progress: ProgressCallback | None = None,
) -> Tree:
    """The family tree of samples under the learning history of a machine (mathematics §5).

    Parameters
    ----------
    run
        The checkpoints.
    samples
        Samples (n, N_v) as the visible units take them: 0/1, ±1, or codes or one-hot for Potts. numpy,
        torch, zarr, dask or :class:`carving.Samples`.
    names
        Names of the samples; those of ``samples`` if it has them, else "0" … "n−1".
    labels
        Label columns, aligned with the samples.
    colors
        For label columns, the colour of each label.
    order
        Order of Plefka's expansion.
    tolerance
        Largest estimated error of a converged fixed point.
    iteration
        Which sweeps say what a sample's point is: ``"plain"``, layer-exact ones where those do not
        converge; or ``"layer-exact"`` from the beginning.
    linkage_distance
        Per-site distance up to which states are linked into one group.
    same_point_distance
        Max-norm distance up to which two points are the same; ten tolerances, or the sum of both error
        estimates where that is larger.
    ages
        Which checkpoints: ``"all"``, ``"every:N"``, ``"log:N"``, ``"1,5,20"`` or a sequence of ages;
        ``"acceptance:X"``, as few as leave neighbours swapping chains with probability X
        (:func:`carving.sampling.select_ages_by_acceptance`).
    batch_size
        Rows that the solver iterates together.
    device
        Where to compute.
    work_folder
        A folder that keeps every finished age, and at an age every finished chunk of 16,384 rows, until
        the tree is whole: called again with the same machines, samples and settings, the walk resumes
        where it had been.
    executor
        Who works on the samples, chunk by chunk: any :class:`concurrent.futures.Executor`, such as one of
        processes or ``dask.distributed.Client(…).get_executor()``. The tree is the same as without one.
        Workers read arrays of zarr and dask by themselves, and are sent the rows of others.
    progress
        Called with each age's rows done.

    Returns
    -------
    Tree
        Rows that did not converge are in it, and counted in ``tree.ages.unconverged``.

    Raises
    ------
    InvalidInput
        If samples, names or labels do not fit the machine or each other, or a setting is out of range.
    OutOfMemory
        If not even one row fits into memory.
    """
    settings = Settings(
        order=order,
        tolerance=tolerance,
        iteration=iteration,
        linkage_distance=linkage_distance,
        same_point_distance=same_point_distance,
        batch_size=batch_size,
        device=resolve_device(device),
    )
    _check_settings(settings)
    values, names, source = _samples_and_names(run, samples, names)
    columns, colors = _labels(labels, colors, len(names))
    rows = Rows(values, run.visible, source, executor)
    # which also sees that every sample is one, before any work starts
    fingerprint = rows.fingerprint()
    walked = np.sort(select_ages_by_acceptance(run, ages))[::-1]
    options = {
        "order": order,
        "tolerance": tolerance,
        "iteration": iteration,
        "linkage_distance": linkage_distance,
        "same_point_distance": same_point_distance,
        "ages": ages if isinstance(ages, str) else ",".join(str(age) for age in ages),
    }
    work = Work.opened(work_folder, run, walked, fingerprint, options)
    found: list[Age] = []
    for age in walked.tolist():
        kept = work.at(age)
        here = kept.load(Age)
        if here is None:
            rbm = run.at_age(age).to(device=settings.device)
            before = found[-1] if found else None
            stage = Stage(progress, f"age {age}", rows.count if before is None else len(before.error))
            here = _carve(rbm, rows, before, settings, stage, kept, executor)
            kept.save(here)
        found.append(here)
        if progress:
            total = len(here.group)
            progress(Progress(f"age {age}", total, total, f"{len(here.error)} states"))
    walk = Walk(walked, found, run.visible, rows.distances(found[0].visible, found[0].group))
    spent = sum((Spent(**json.loads(age.spent)) for age in found), Spent()).as_dict()
    return assemble(walk, names, columns, colors, run, options, work.provenance, spent)


def _check_settings(settings: Settings) -> None:
    distance = settings.linkage_distance
    if not (0 <= distance < float("inf")):
        raise InvalidInput(f"linkage distance {distance!r} is not a distance; 0.035 per site is usual")
    closeness = settings.same_point_distance
    if closeness is not None and not (0 <= closeness < float("inf")):
        raise InvalidInput(f"same-point distance {closeness!r} is not a distance; leave it out")


def _samples_and_names(
    run: CheckpointSequence, samples: Samples | Any, names: Sequence[str] | np.ndarray | None
) -> tuple[Any, np.ndarray, str]:
    source = "samples"
    if isinstance(samples, Samples):
        names = samples.names if names is None else names
        samples, source = samples.values, samples.source
    if not hasattr(samples, "shape"):
        samples = np.asarray(samples)
    if not len(run):
        raise InvalidInput(f"{run.path}: holds no checkpoint yet; wait until the training has saved one")
    sites = run.visible_size
    if any(size != size for size in samples.shape):
        raise InvalidInput(
            f"{source}: have an unknown number of rows; let dask count them with compute_chunk_sizes()"
        )
    if len(samples.shape) not in (2, 3) or not samples.shape[0] or samples.shape[1] != sites:
        raise InvalidInput(
            f"{source}: has shape {tuple(samples.shape)}, but the machine of {run.path} takes samples of "
            f"{sites} sites; give samples of the same data"
        )
    count = samples.shape[0]
    if names is None:
        return samples, string_column(numbered_names(range(count)), source), source
    given = list(map(str, names))
    if len(given) != count:
        raise InvalidInput(f"{source}: {len(given)} names for {count} samples; give one for each")
    seen: set[str] = set()
    for name in given:
        if name in seen:
            raise InvalidInput(f"{source}: the name {name!r} is there twice; names must differ")
        seen.add(name)
    return samples, string_column(given, f"{source}: names"), source


def _labels(
    labels: Labels | Mapping[str, Any] | None, colors: Mapping[str, Mapping[str, str]] | None, count: int
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, str]]]:
    if isinstance(labels, Labels):
        colors = labels.colors if colors is None else colors
        labels = labels.columns
    columns = {
        name: string_column(column, f"labels: {name}", allow_empty=True)
        for name, column in (labels or {}).items()
    }
    for name, column in columns.items():
        if len(column) != count:
            raise InvalidInput(
                f"labels: {name} has {len(column)} entries for {count} samples; give one for each"
            )
    for name in colors or {}:
        if name not in columns:
            raise InvalidInput(f"colors: {name!r} is no label column; choose from {list(columns)}")
    return columns, {name: dict(of) for name, of in (colors or {}).items()}


@dataclass(frozen=True)
class _States:
    """The states of an age, from which the next younger one begins."""

    visible: np.ndarray
    hidden: np.ndarray

    def start(self, plefka: Plefka, rbm: RBM) -> State:
        return starting_points(plefka, rbm, self.visible, self.hidden)


def _carve(
    rbm: RBM,
    samples: Rows,
    before: Age | None,
    settings: Settings,
    stage: Stage,
    work: AgeWork,
    executor: Executor | None,
) -> Age:
    """One age: starting points to groups and their states."""
    equations = Equations(rbm, settings.order, settings.tolerance, settings.iteration, settings.batch_size)
    reached = Reached(equations)
    if before is None:
        reached.solve(samples, work, stage, executor)
    else:
        # states are few: to send them elsewhere would take longer
        reached.solve([_States(before.visible, before.hidden)], work, stage, None)
    of_row, distinct = _distinct_points(reached, equations.plefka, settings)
    coordinates = per_site_coordinates(distinct.visible, rbm.visible.distance_scale)
    linkage = link(coordinates, settings.linkage_distance)
    # numbered by first row, not by first distinct point
    group_of_row = by_first_appearance(linkage.group[of_row.point])
    group = np.empty(len(distinct), dtype=np.int64)
    group[of_row.point] = group_of_row
    states = distinct[torch.from_numpy(_lowest(distinct, group)).to(distinct.error.device)]
    return Age(
        group=group_of_row,
        visible=states.visible.cpu().numpy(),
        hidden=states.hidden.cpu().numpy(),
        free_energy=states.free_energy.cpu().numpy(),
        error=states.error.cpu().numpy(),
        converged=states.converged.cpu().numpy(),
        stable=states.stable.cpu().numpy(),
        largest_step=linkage.largest_step,
        smallest_gap=linkage.smallest_gap,
        unconverged=int((~of_row.converged).sum()),
        point_error=of_row.error,
        spent=json.dumps(reached.spent.as_dict()),
    )


@dataclass(frozen=True)
class _OfRow:
    """For each row the distinct point that it reached, and how well."""

    point: np.ndarray
    error: np.ndarray
    converged: np.ndarray


def _distinct_points(reached: Reached, plefka: Plefka, settings: Settings) -> tuple[_OfRow, FixedPoints]:
    """The points that differ, and which of them each row reached."""
    row, found = reached.points()
    same, distinct = _merge_equal(plefka, found, settings.closeness)
    error, converged = found.error.cpu().numpy()[row], found.converged.cpu().numpy()[row]
    return _OfRow(same[row], error, converged), distinct


def _merge_equal(plefka: Plefka, points: FixedPoints, closeness: float) -> tuple[np.ndarray, FixedPoints]:
    """The class of each point, and the best of each class."""
    together = plefka.together(points.visible, points.hidden)
    same = same_points(together, points.error, closeness)
    return same, points[torch.from_numpy(_lowest(points, same)).to(points.error.device)]


def _lowest(points: FixedPoints, group: np.ndarray) -> np.ndarray:
    """In each group the row of lowest Γ, converged ones first."""
    energy = points.free_energy.cpu().numpy()
    order = np.lexsort((energy, ~points.converged.cpu().numpy(), group))
    return order[np.unique(group[order], return_index=True)[1]]


def estimate_memory(run: CheckpointSequence, samples: Any, batch_size: int | None = None) -> int:
    """Bytes that :func:`build_tree` is likely to need at its peak: a rule of thumb for a warning.

    Starting points, results and one copy in float64 for a chunk of rows, a batch's working arrays,
    the machine's powers, a quarter of a GiB of linear algebra, and the samples as they are.
    """
    rbm = run[-1]
    row = 8 * (rbm.visible_bias.numel() + rbm.hidden_size)
    rows = min(samples.shape[0], ROWS)
    batch = min(rows, batch_size or 512)
    raw = int(np.prod(samples.shape)) if hasattr(samples, "shape") else 0
    return 5 * rows * row + 12 * batch * row + 4 * 8 * rbm.weights.numel() + 5 * 2**27 + raw
