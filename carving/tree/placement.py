"""New samples in a finished tree."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from carving._device import resolve_device
from carving._progress import ProgressCallback
from carving.data import Samples
from carving.meanfield import FixedPoints, fixed_points
from carving.meanfield.linkage import per_site_coordinates
from carving.rbm import RBM
from carving.tree._checks import check_run
from carving.tree._reached import Equations, Reached, Stage
from carving.tree._rows import Rows
from carving.tree._work import AgeWork

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.tree.tree import Tree

# points whose distances from all states are held at once
_POINTS_AT_ONCE = 1024


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
    second_distance
        Per-site distance between its fixed point and the nearest state of another node at that age: the
        nearer to ``distance``, the less sure is the node. NaN where there is no other; float64.
    sweeps
        Sweeps made for it, at all ages down to that one, int64. Many mean a start near the border of two
        basins; few say nothing, since a row stops as soon as a point that others have found captures it.
    """

    node: np.ndarray
    distance: np.ndarray
    age: np.ndarray
    converged: np.ndarray
    second_distance: np.ndarray
    sweeps: np.ndarray

    def __len__(self) -> int:
        return len(self.node)

    def __getitem__(self, rows: np.ndarray | slice) -> Placement:
        return Placement(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence[Placement]) -> Placement:
        """Several of them as one."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

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
    placer = Placer(tree, run, batch_size=batch_size, device=device)
    rows = _rows(samples, run, executor)
    rows.check()
    oldest = int(tree.ages.updates[0])
    reached = Reached(placer.equations)
    reached.solve(rows, AgeWork(None, oldest), Stage(progress, f"age {oldest}", rows.count), executor)
    row, points = reached.points()
    # rows of one point go the same way from there on: it is followed once for all of them
    placed = placer.follow(points, progress=progress)[row]
    return replace(placed, sweeps=placed.sweeps + reached.sweeps)


def _rows(samples: Samples | Any, run: CheckpointSequence, executor: Executor | None = None) -> Rows:
    source = samples.source if isinstance(samples, Samples) else "samples"
    values = samples.values if isinstance(samples, Samples) else samples
    return Rows(values if hasattr(values, "shape") else np.asarray(values), run.visible, source, executor)


class Placer:
    """Places samples in one tree time and again: what one call finds, the next need not look for.

    Points at the oldest age are remembered, with where they go from there. :func:`place` is for one call.

    Parameters
    ----------
    tree
        The tree.
    run
        The checkpoints that it was built from.
    batch_size, device
        As for ``build_tree``.

    Raises
    ------
    InvalidInput
        If the checkpoints are not those of the tree.
    """

    def __init__(
        self, tree: Tree, run: CheckpointSequence, *, batch_size: int | None = None, device: str = "cpu"
    ) -> None:
        check_run(tree, run)
        self._tree, self._run = tree, run
        self._device = resolve_device(device)
        self._settings: dict[str, Any] = {
            "order": tree.options["order"],
            "tolerance": tree.options["tolerance"],
            "iteration": tree.options.get("iteration", "plain"),
            "batch_size": batch_size,
        }
        self._ages: dict[int, _Age] = {}
        self.equations = Equations(self._at(int(tree.ages.updates[0])).rbm, **self._settings)
        self._solver = self.equations.solver()
        # of each known point the entry in ``_placed``, or −1
        self._entry = np.zeros(0, dtype=np.int64)
        self._placed = _nowhere(0)

    @property
    def points(self) -> int:
        """How many points it knows."""
        return 0 if self._solver.known is None else len(self._solver.known)

    @property
    def bytes(self) -> int:
        """How much room machines, states and known points take, about."""
        known = self._solver.known
        held = 0 if known is None else self.points * (known.visible[0].nbytes + 4 * known.hidden[0].nbytes)
        return 2 * held + sum(age.bytes for age in self._ages.values())

    def place(self, samples: Samples | Any, *, progress: ProgressCallback | None = None) -> Placement:
        """The node that each new sample falls into, as :func:`place` finds it.

        Raises
        ------
        InvalidInput
            If samples do not fit the machine.
        """
        self._solver.progress = progress
        rbm, plefka = self.equations.rbm, self._solver.plefka
        chunks = _rows(samples, self._run)
        parts = [self._place(*chunk.start(plefka, rbm), progress) for chunk in chunks]
        return Placement.joined([_nowhere(0), *parts])

    def _place(self, v: Tensor, h: Tensor, progress: ProgressCallback | None) -> Placement:
        self._solver.solve(v, h)
        point = self._solver.point.cpu().numpy()
        found = point >= 0
        self._follow_those(np.unique(point[found]), progress)
        lost = self.follow(self._solver.unconverged(), progress=progress)
        entry = np.empty_like(point)
        entry[found] = self._entry[point[found]]
        entry[~found] = np.arange(len(lost)) + len(self._placed)
        placed = Placement.joined([self._placed, lost])[entry]
        return replace(placed, sweeps=placed.sweeps + self._solver.sweeps.cpu().numpy())

    def _follow_those(self, points: np.ndarray, progress: ProgressCallback | None) -> None:
        """Follow known points that have not been followed before."""
        unseen = np.full(self.points - len(self._entry), -1)
        self._entry = np.concatenate([self._entry, unseen])
        new = points[self._entry[points] < 0]
        if len(new):
            which = torch.from_numpy(new).to(self._device)
            placed = self.follow(self._solver.points_at(which), progress=progress)
            self._entry[new] = np.arange(len(new)) + len(self._placed)
            self._placed = Placement.joined([self._placed, placed])

    def follow(self, points: FixedPoints, *, progress: ProgressCallback | None = None) -> Placement:
        """Where points of the oldest age join, on the way to younger ones; sweeps made there are counted."""
        ages = self._tree.ages.updates.tolist()
        placed = _nowhere(len(points), node=self._tree.root, age=ages[-1])
        followed = np.arange(len(points))
        for age in ages:
            here = self._at(age)
            if age != ages[0]:
                points = fixed_points(
                    here.rbm, points.visible, hidden=points.hidden, progress=progress, **self._settings
                )
                placed.sweeps[followed] += points.sweeps.cpu().numpy()
            node, distance, second_distance = here.nearest(points.visible)
            placed.distance[followed], placed.second_distance[followed] = distance, second_distance
            placed.converged[followed] = points.converged.cpu().numpy()
            joins = distance <= self._tree.options["linkage_distance"]
            placed.node[followed[joins]], placed.age[followed[joins]] = node[joins], age
            followed, points = followed[~joins], points[torch.from_numpy(~joins).to(self._device)]
            if not len(followed):
                break
        return placed

    def _at(self, age: int) -> _Age:
        if age not in self._ages:
            self._ages[age] = _Age(self._tree, self._run.at_age(age).to(device=self._device), age)
        return self._ages[age]


class _Age:
    """The machine of an age, and the states that the tree has there."""

    def __init__(self, tree: Tree, rbm: RBM, age: int) -> None:
        here = tree.states.rows_at(age)
        self.rbm = rbm
        self._node = torch.from_numpy(np.array(tree.states.node[here]))
        self._states = self._coordinates(torch.from_numpy(np.array(tree.states.visible[here])))

    @property
    def bytes(self) -> int:
        """How much room they take."""
        return self._states.nbytes + self.rbm.weights.nbytes

    def _coordinates(self, visible: Tensor) -> Tensor:
        return per_site_coordinates(visible.cpu(), self.rbm.visible.distance_scale)

    def nearest(self, visible: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each point the node of the nearest state, the per-site distance to it, and to the nearest one
        of another node. 2 points × states × sites flops."""
        columns: list[tuple[Tensor, Tensor, Tensor]] = []
        for points in self._coordinates(visible).split(_POINTS_AT_ONCE):
            apart = torch.cdist(points, self._states)
            which = apart.argmin(1)
            node = self._node[which]
            others = apart.masked_fill(self._node == node[:, None], torch.inf)
            second = torch.linalg.vector_norm(points - self._states[others.argmin(1)], dim=1)
            second[others.amin(1).isinf()] = torch.nan
            # once more: the distances above come from products of matrices, and are good to 1e-8 only
            columns.append((node, torch.linalg.vector_norm(points - self._states[which], dim=1), second))
        node, distance, second = (torch.cat(parts).numpy() for parts in zip(*columns, strict=True))
        return node, distance, second


def _nowhere(count: int, *, node: int = -1, age: int = 0) -> Placement:
    """Samples that have not joined anything yet."""
    return Placement(
        node=np.full(count, node, dtype=np.int64),
        distance=np.full(count, np.nan),
        age=np.full(count, age, dtype=np.int64),
        converged=np.zeros(count, dtype=bool),
        second_distance=np.full(count, np.nan),
        sweeps=np.zeros(count, dtype=np.int64),
    )
