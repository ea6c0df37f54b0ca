"""Whether chains that last still forget where they were, seen while they are used for training."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from carving.training.quality.autocorrelation import autocorrelation_time
from carving.training.quality.spectrum import principal_directions
from carving.units import Unit

# chains that are watched, and in how many of the samples' principal directions
_CHAINS = 100
_DIRECTIONS = 3
# updates between two looks, and looks that are remembered
_EVERY = 4
_TIMES = 400
# fewer looks say nothing
_FEWEST = 50


class Relaxation(NamedTuple):
    """Integrated autocorrelation time of the slowest direction that is watched.

    Attributes
    ----------
    steps
        In Gibbs steps; NaN while too little was seen.
    is_bound
        The looks that are remembered are too few for it, and it may be far longer.
    """

    steps: float
    is_bound: bool

    def hinders(self, steps: int) -> bool:
        """Whether chains that have made so many steps since they began have not forgotten their beginning."""
        return self.is_bound or self.steps > steps


class Mixing:
    """Remembers where some chains were in the last 1,600 updates.

    Parameters
    ----------
    rows, weights
        Statistics of some of the samples, (n, N_v) or (n, N_v, q), and how much each counts; the directions
        are the strongest of their covariance.
    unit
        The visible unit.
    steps
        Gibbs steps an update.
    device
        Of the chains.
    """

    def __init__(
        self, rows: Tensor, weights: Tensor | None, unit: Unit, steps: int, device: torch.device
    ) -> None:
        self._steps = steps
        self._directions: Tensor | None = None
        # samples that are all alike have no direction, nor anything to forget
        if bool((rows != rows[0]).any()):
            found = principal_directions(rows, unit, weights=weights, count=_DIRECTIONS)
            self._directions = found.vectors.T.float().to(device).contiguous()
        self._seen: list[Tensor] = []

    def is_due(self, update: int) -> bool:
        """Whether it wants to see the chains after this update."""
        return update % _EVERY == 0 and self._directions is not None

    def look(self, chains: Tensor | None) -> None:
        """Remember where these chains (n, N_v·q) are, if there are any that last."""
        if chains is None or self._directions is None:
            return
        self._seen.append(chains[:_CHAINS] @ self._directions)
        if len(self._seen) > _TIMES:
            del self._seen[0]

    def relaxation(self) -> Relaxation:
        """How long the chains take to forget."""
        if len(self._seen) < _FEWEST:
            return Relaxation(math.nan, is_bound=False)
        series = torch.stack(self._seen)
        # what all chains do together is the machine's doing
        series = series - series.mean(1, keepdim=True)
        found = autocorrelation_time(series, steps=_EVERY * self._steps)
        slowest = int(found.integrated.nan_to_num(-1).argmax())
        return Relaxation(float(found.integrated[slowest]), bool(found.lower_bound[slowest]))

    def state(self) -> dict[str, Tensor]:
        """What was seen."""
        return {"seen": torch.stack(self._seen)} if self._seen else {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave."""
        if "seen" in state and self._directions is not None:
            self._seen = list(state["seen"].to(self._directions.device))
