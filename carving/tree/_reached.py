"""The points that the rows of one age reach, chunk by chunk, so that a walk can go on after any chunk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carving.meanfield import FixedPoints, Spent
from carving.meanfield.capture import KnownPoints
from carving.meanfield.solver import Solver

_KNOWN = tuple(field.name for field in fields(KnownPoints))
_LOST = tuple(field.name for field in fields(FixedPoints) if field.name != "spent")


class Reached:
    """What a solver has found for the chunks that it was given so far.

    Memory grows with the number of different points and by one number a row.
    """

    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self._point: list[Tensor] = []
        self._lost: list[FixedPoints] = []

    def solve(self, v: Tensor, h: Tensor) -> dict[str, np.ndarray]:
        """One more chunk; what it has added, to be kept."""
        known = 0 if self._solver.known is None else len(self._solver.known)
        self._solver.solve(v, h)
        self._point.append(self._solver.point)
        self._lost.append(self._solver.unconverged())
        assert self._solver.known is not None
        new = self._solver.known[slice(known, None)]
        return {
            "point": self._point[-1].cpu().numpy(),
            "spent": np.array(json.dumps(self._solver.spent.as_dict())),
            **{f"known.{name}": getattr(new, name).cpu().numpy() for name in _KNOWN},
            **{f"lost.{name}": getattr(self._lost[-1], name).cpu().numpy() for name in _LOST},
        }

    def restore(self, kept: Mapping[str, np.ndarray]) -> None:
        """One more chunk, as :meth:`solve` has left it."""
        device = self._solver.plefka.visible_bias.device
        columns = {
            name: torch.from_numpy(column).to(device) for name, column in kept.items() if name != "spent"
        }
        new = KnownPoints(**{name: columns[f"known.{name}"] for name in _KNOWN})
        self._solver.resume(new, Spent(**json.loads(str(kept["spent"]))))
        self._point.append(columns["point"])
        lost: dict[str, Any] = {name: columns[f"lost.{name}"] for name in _LOST}
        self._lost.append(FixedPoints(**lost))

    def points(self) -> tuple[np.ndarray, FixedPoints]:
        """For each row the entry of its point, and the points that were reached; after them the rows that
        reached none, each on its own."""
        point = torch.cat(self._point)
        used, of_row = torch.unique(point[point >= 0], return_inverse=True)
        found = FixedPoints.joined([self._solver.points[used], *self._lost])
        which = torch.empty_like(point)
        which[point >= 0] = of_row
        which[point < 0] = torch.arange(len(used), len(found), device=point.device)
        return which.cpu().numpy(), found
