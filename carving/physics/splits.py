"""When exactly the branches of a tree part: its states followed between checkpoints.

Between two checkpoints the parameters are interpolated, by the spline through the six nearest, against
log(1 + age). Each child's state is followed from the older one downwards until it is no more, which is where
J has an eigenvalue +1 (mathematics §4), or until the children are linked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch

from carving._progress import Progress, ProgressCallback
from carving.checkpoints import CheckpointSequence
from carving.errors import InvalidInput
from carving.physics._lines import UNRESOLVED, Descent, Lines, Meeting
from carving.physics._stationary import Stationary
from carving.physics.continuation import PRECISION
from carving.physics.paths import between_ages, log_age
from carving.tree import Tree
from carving.tree._checks import check_run

_PRECISION_ELSEWHERE = 2e-3


@dataclass(frozen=True, eq=False, repr=False)
class Splits:
    """Where two branches of a tree part, one row each; a node of m children has m − 1.

    Attributes
    ----------
    node
        The node that parts, (n,) int64.
    child, other
        The child whose state is no more at younger ages, and the one that it has become one with. int64
    age
        The age, in updates; NaN where the checkpoints do not tell. float64
    uncertainty
        How far log(1 + age) moves when only every second checkpoint is used, either half; float64
    kind
        ``"saddle-node"``, ``"pitchfork"``, ``"linkage"`` (both states are still there at younger ages,
        but nearer than the linkage distance), or ``"unresolved"`` (both are still there at the youngest
        checkpoint, though sweeps from one lead to the other). str
    distance
        Per-site distance of the two states there. float64
    curvature
        Smallest eigenvalue of the Hessian's symmetric form at the lost state there. float64
    direction
        In which the lost state was softest, as a field on the visible units (a combination of the u^α), of
        unit length, (n, N_v) or (n, N_v, q) float64.
    """

    node: np.ndarray
    child: np.ndarray
    other: np.ndarray
    age: np.ndarray
    uncertainty: np.ndarray
    kind: np.ndarray
    distance: np.ndarray
    curvature: np.ndarray
    direction: np.ndarray

    def __len__(self) -> int:
        return len(self.node)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{int((self.kind == kind).sum())} {kind}" for kind in dict.fromkeys(self.kind))
        return f"Splits({len(self)}: {kinds or 'none'})"


def locate_splits(
    tree: Tree,
    run: CheckpointSequence,
    *,
    precision: float = PRECISION,
    progress: ProgressCallback | None = None,
) -> Splits:
    """The ages at which the branches of a tree part, between its checkpoints (mathematics §4, §5).

    Parameters
    ----------
    tree
        The tree.
    run
        The checkpoints that it was made from.
    precision
        In log(1 + age).
    progress
        Called for each node.

    Raises
    ------
    InvalidInput
        If the checkpoints are not those of the tree, or the precision is not positive.
    """
    if not precision > 0:
        raise InvalidInput(f"precision: {precision!r} is not a positive number; 1e-4 is usual")
    missing = [int(age) for age in tree.ages.updates if age not in run.ages]
    if missing:
        raise InvalidInput(
            f"{run.path}: has no checkpoint of age {missing[0]}, which the tree has; give the one that it "
            "was made from"
        )
    check_run(tree, run)
    locator = _Locator(tree, run, precision)
    parts = [node for node in range(len(tree.nodes)) if len(tree.children.of(node)) > 1]
    found: list[_Split] = []
    for done, node in enumerate(parts):
        found += locator.splits_of(node)
        if progress:
            progress(Progress("splits", done + 1, len(parts), f"{tree.nodes.name[node]}"))
    return _as_columns(found, tree)


def birth_ages(tree: Tree, splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    """The age at which each node's members are first one, going down, and its uncertainty in log age.

    The oldest states of the tree have the oldest age, and NaN for uncertainty; so has a node that was not
    located its own age. float64, (nodes,) each.
    """
    age = tree.nodes.age.astype(float)
    uncertainty = np.full(len(age), np.nan)
    for node in np.unique(splits.node).tolist():
        rows = np.flatnonzero((splits.node == node) & np.isfinite(splits.age))
        if len(rows):
            youngest = rows[np.argmin(splits.age[rows])]
            age[node], uncertainty[node] = splits.age[youngest], splits.uncertainty[youngest]
    return age, uncertainty


@dataclass(frozen=True)
class _Split:
    node: int
    child: int
    other: int
    age: float
    uncertainty: float
    kind: str
    distance: float
    curvature: float
    direction: np.ndarray


class _Locator:
    def __init__(self, tree: Tree, run: CheckpointSequence, precision: float) -> None:
        self.tree, self.run, self.precision = tree, run, precision
        self.order = int(tree.options["order"])
        self.linkage_distance = float(tree.options["linkage_distance"])
        self.ages = np.sort(tree.ages.updates).tolist()
        self._machine = cache(run.at_age)
        # an uncertainty need not be known better
        self._elsewhere = max(precision, _PRECISION_ELSEWHERE)

    def splits_of(self, node: int) -> list[_Split]:
        """All splits of a node."""
        children = self.tree.children.of(node)
        # an added root has no age of its own: its children are apart at the youngest
        upper = self._oldest_age_together(node)
        if upper is None:
            return [self._unresolved(node, child, children[0]) for child in children[1:].tolist()]
        lines = self._lines_at(children, self.ages[upper])
        result: list[_Split] = []
        for place in range(upper, 0, -1):
            before = lines
            meetings, lines = self._meetings(place - 1, lines)
            result += [self._split(node, meeting, place - 1, before) for meeting in meetings]
            if len(lines) == 1:
                return result
        last = lines.number.tolist()
        return result + [self._unresolved(node, child, last[0]) for child in last[1:]]

    def _oldest_age_together(self, node: int) -> int | None:
        """Which of the ages is the youngest at which the children are still apart."""
        if self.tree.has_added_root and node == self.tree.root:
            return None
        return self.ages.index(int(self.tree.nodes.age[node])) + 1

    def _lines_at(self, children: np.ndarray, age: int) -> Lines:
        """The children's states there, as the tree has them."""
        states = self.tree.states
        rows = [states.row(child, age) for child in children.tolist()]
        v = torch.from_numpy(states.visible[rows].astype(np.float64))
        h = torch.from_numpy(states.hidden[rows].astype(np.float64))
        blank = torch.zeros(len(rows))
        return Lines(Stationary(v, h, *[blank] * 5), children)

    def _descent(self, ages: list[int], index: int, precision: float) -> tuple[Descent, float]:
        """From the age after ``index`` to that, and how much log(1 + age) lies between them."""
        path = between_ages(ages, index, self._machine, self.order)
        width = log_age(ages[index + 1]) - log_age(ages[index])
        scale = self.run.visible.distance_scale
        return Descent(path, scale, self.linkage_distance, precision / width), width

    def _meetings(self, younger: int, lines: Lines) -> tuple[list[Meeting], Lines]:
        descent, _ = self._descent(self.ages, younger, self.precision)
        lines = descent.run(descent.settle(lines))
        return descent.meetings, lines

    def _split(self, node: int, meeting: Meeting, younger: int, lines: Lines) -> _Split:
        low, high = (log_age(age) for age in self.ages[younger : younger + 2])
        where = low + meeting.place * (high - low)
        pair = lines.only([meeting.lost, meeting.into])
        halves = self._with_half_of_the_ages(pair, meeting.kind, younger)
        shifts = [abs(other - where) for other in halves]
        return _Split(
            node=node,
            child=meeting.lost,
            other=meeting.into,
            age=math.expm1(where),
            uncertainty=max(shifts) + self._elsewhere if shifts else high - low,
            kind=meeting.kind,
            distance=meeting.distance,
            curvature=meeting.curvature,
            direction=meeting.direction.numpy(),
        )

    def _with_half_of_the_ages(self, pair: Lines, kind: str, younger: int) -> Iterator[float]:
        """Where the two meet, in log(1 + age), when every second checkpoint is left out; either half."""
        for first in (younger - 1, younger):
            half, index = self.ages[first % 2 :: 2], first // 2
            if first >= 0 and index + 1 < len(half):
                descent, width = self._descent(half, index, self._elsewhere)
                yield log_age(half[index]) + width * descent.where_met(descent.settle(pair), kind)

    def _unresolved(self, node: int, child: int, other: int) -> _Split:
        shape = self.tree.nodes.visible.shape[1:]
        return _Split(
            node,
            int(child),
            int(other),
            math.nan,
            math.inf,
            UNRESOLVED,
            math.nan,
            math.nan,
            np.full(shape, np.nan),
        )


def _as_columns(found: list[_Split], tree: Tree) -> Splits:
    columns = {each.name: np.array([getattr(split, each.name) for split in found]) for each in fields(Splits)}
    columns["kind"] = np.array([split.kind for split in found], dtype=object)
    if not found:
        columns |= {name: np.zeros(0, dtype=np.int64) for name in ("node", "child", "other")}
        columns["direction"] = np.zeros((0, *tree.nodes.visible.shape[1:]))
    return Splits(**columns)
