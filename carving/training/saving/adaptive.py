"""``adaptive:N``: on both sides of every split, and sparsely elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from carving.meanfield import fixed_points
from carving.meanfield.linkage import link, per_site_coordinates
from carving.training.saving._fixed import read_count
from carving.training.saving._saving import Saving, Snapshot, Verdict, geometric_ages

if TYPE_CHECKING:
    from carving.training._data import TrainingData

# in log age: how narrowly a split is bracketed
_SPACING = 0.04
# samples whose fixed points are looked at
_ROWS = 200
# of the N checkpoints, those that are spread evenly in log age whatever happens
_SPREAD = 0.4
# per-site distance and tolerance: those of a tree by default, and enough to tell groups apart
_LINKAGE = 0.035
_TOLERANCE = 1e-4


class Adaptive(Saving):
    """At most N checkpoints: some evenly spread in log age, and two around each age at which there are more
    states than ever before.

    At some ages, 4 % apart, the fixed points of 200 samples are found as a tree's are. Where they fall into
    more groups than at any age before, both that age and the one before it are saved, as long as there are
    checkpoints left for it: half of them at the beginning, the others as the training proceeds.
    """

    usage = "adaptive:N"

    def __init__(self, argument: str, updates: int) -> None:
        super().__init__(argument, updates)
        count = read_count("adaptive", argument)
        spread = max(2, round(_SPREAD * count))
        self._spread = np.unique(np.round(np.geomspace(1, updates, spread)).astype(np.int64))
        self._for_splits = count - len(self._spread)
        self._spent = self._most = 0
        self._last: Snapshot | None = None
        self._last_was_saved = False
        self._rows: Tensor | None = None

    def watch(self, data: TrainingData, device: torch.device) -> None:
        """Choose the samples."""
        self._rows = data.spread_rows(_ROWS)[0].to(device)

    def looks(self) -> np.ndarray:
        """Every four per cent, and what is saved in any case."""
        return np.union1d(geometric_ages(self.updates, _SPACING), self._spread)

    def look(self, now: Snapshot) -> Verdict:
        """Save it, and the one before, where a state has come."""
        states = self._count_states(now)
        before, this = False, now.age in self._spread
        if states > self._most and self._last is not None:
            cost = (not self._last_was_saved) + (not this)
            if self._spent + cost <= self._allowance(now.age):
                self._spent += cost
                before, this = not self._last_was_saved, True
        self._most = max(self._most, states)
        self._last, self._last_was_saved = now, this
        return Verdict(before, this)

    def _allowance(self, age: int) -> float:
        progress = np.log(age) / max(np.log(self.updates), 1e-9)
        return self._for_splits * (1 + progress) / 2

    def _count_states(self, now: Snapshot) -> int:
        assert self._rows is not None
        points = fixed_points(now.machine, self._rows, tolerance=_TOLERANCE)
        distinct = torch.unique(points.visible.float().flatten(1), dim=0)
        shape = (len(distinct), *points.visible.shape[1:])
        scale = now.machine.visible.distance_scale
        return int(link(per_site_coordinates(distinct.view(shape), scale), _LINKAGE).group.max()) + 1

    def state(self) -> dict[str, Tensor]:
        """Counts, and whether the last look was saved."""
        return {"counts": torch.tensor([self._spent, self._most, int(self._last_was_saved)])}

    def restore(self, state: dict[str, Tensor], last: Snapshot) -> None:
        """Go on after the look at ``last``."""
        self._last = last
        if state:
            self._spent, self._most, saved = state["counts"].tolist()
            self._last_was_saved = bool(saved)
        else:  # a training that began with another rule
            self._most, self._last_was_saved = self._count_states(last), True


SAVING = Adaptive
