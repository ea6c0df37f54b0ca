"""``adaptive:N``: on both sides of every split, and sparsely elsewhere."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from carving.meanfield import fixed_points
from carving.meanfield.linkage import link, per_site_coordinates
from carving.training.saving._fixed import read_count
from carving.training.saving._saving import Saving, Snapshot, Verdict, geometric_ages

# in log age: how narrowly a split is bracketed
_SPACING = 0.04
# samples whose fixed points are looked at
_ROWS = 200
# of the N checkpoints, those that are spread evenly in log age whatever happens
_SPREAD = 0.4
# of the samples: fewer are no state, and may part from others without notice
_SHARE = 0.02
# of the checkpoints that may be spent, those for states that part though there were as many before
_AGAIN = 0.75
# per-site distance and tolerance: those of a tree by default, and enough to tell groups apart
_LINKAGE = 0.035
_TOLERANCE = 1e-4


class Adaptive(Saving):
    """At most N checkpoints: some evenly spread in log age, and two around each age at which a state parts.

    At some ages, 4 % apart, the fixed points of 200 samples are found and grouped as a tree's are. Where
    there are more groups of at least 2 % than at any age before, both that age and the one before it are
    saved, as long as there are checkpoints left for it: half of them at the beginning, the others as the
    training proceeds. Where so many samples have parted from so many others, but there have been as many
    groups before, the same is done with three quarters of what may be spent: near a transition states come
    and go.
    """

    usage = "adaptive:N"

    def __init__(self, argument: str, updates: int) -> None:
        super().__init__(argument, updates)
        count = read_count("adaptive", argument)
        spread = max(2, round(_SPREAD * count))
        self._spread = np.unique(np.round(np.geomspace(1, updates, spread)).astype(np.int64))
        self._for_splits = count - len(self._spread)
        self._spent = self._most = 0
        self._groups: np.ndarray | None = None
        self._last_was_saved = False
        self._rows: Tensor | None = None

    def watch(self, rows: Tensor) -> None:
        """Choose some of the samples."""
        count = min(_ROWS, len(rows))
        self._rows = rows[torch.arange(count) * len(rows) // count]

    def looks(self) -> np.ndarray:
        """Every four per cent, and what is saved in any case."""
        return np.union1d(geometric_ages(self.updates, _SPACING), self._spread)

    def look(self, now: Snapshot) -> Verdict:
        """Save it, and the one before, where a state has parted."""
        groups, before = self._find_groups(now), self._groups
        least = max(2, round(_SHARE * len(groups)))
        states = int((np.bincount(groups) >= least).sum())
        save_before, this = False, now.age in self._spread
        if before is not None:
            allowed = self._allowance(now.age) * (1 if states > self._most else _AGAIN)
            cost = (not self._last_was_saved) + (not this)
            parted = states > self._most or _have_parted(before, groups, least)
            if parted and self._spent + cost <= allowed:
                self._spent += cost
                save_before, this = not self._last_was_saved, True
        self._most = max(self._most, states)
        self._groups, self._last_was_saved = groups, this
        return Verdict(save_before, this)

    def _allowance(self, age: int) -> float:
        progress = np.log(age) / max(np.log(self.updates), 1e-9)
        return self._for_splits * (1 + progress) / 2

    def _find_groups(self, now: Snapshot) -> np.ndarray:
        """The group of each of the samples, (rows,) int64."""
        assert self._rows is not None
        points = fixed_points(now.machine, self._rows, tolerance=_TOLERANCE).visible
        # rows that share a point share it to the last bit
        distinct, of_row = torch.unique(points.flatten(1), dim=0, return_inverse=True)
        scale = now.machine.visible.distance_scale
        coordinates = per_site_coordinates(distinct.view(-1, *points.shape[1:]), scale)
        return link(coordinates, _LINKAGE).group[of_row.cpu().numpy()]

    def state(self) -> dict[str, Tensor]:
        """Counts, groups, and whether the last look was saved."""
        counts = torch.tensor([self._spent, self._most, int(self._last_was_saved)])
        return (
            {"counts": counts}
            if self._groups is None
            else {
                "counts": counts,
                "groups": torch.from_numpy(self._groups),
            }
        )

    def restore(self, state: dict[str, Tensor], last: Snapshot) -> None:
        """Go on after the look at ``last``."""
        if "groups" in state:
            self._spent, self._most, saved = state["counts"].tolist()
            self._last_was_saved, self._groups = bool(saved), state["groups"].numpy()
        else:  # a training that began with another rule
            self._groups, self._last_was_saved = self._find_groups(last), True
            self._most = len(np.unique(self._groups))


def _have_parted(before: np.ndarray, now: np.ndarray, least: int) -> bool:
    """Whether at least so many samples of one group are in another one now than as many others of it."""
    pairs, count = np.unique(np.stack([before, now]), axis=1, return_counts=True)
    of_some_size = pairs[0][count >= least]
    return len(np.unique(of_some_size)) < len(of_some_size)


SAVING = Adaptive
