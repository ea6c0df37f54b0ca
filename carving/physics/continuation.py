"""Following states of Γ along a path of machines, and finding where they disappear."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from carving.meanfield.plefka import Plefka
from carving.meanfield.solver import Solver
from carving.meanfield.stability import Linearisation, rows_at_once
from carving.physics._stationary import Stationary, stationary_near
from carving.physics.paths import Path

PRECISION = 1e-4
# what sweeps reach before Newton's method says where exactly the state is
_SWEPT = 1e-6
# steps go so much of the way to where a state should disappear
_OF_THE_WAY = 0.5
# a step of this part of the precision is tried before a state is given up that does not soften
_TRIED = 4096
# how far a magnetisation may go in a step, by how much of it the first correction back may miss, and below
# which length no other minimum is in reach
_STRIDE, _MISSES, _SHORT = 0.1, 0.5, 0.01


@dataclass(frozen=True)
class Followed:
    """Where following has led, one row a state.

    Attributes
    ----------
    states
        The states at the last place at which they were there.
    place
        That place, (n,) float64.
    reached
        Whether it is the end of the way, (n,) bool. Elsewhere the state is no more within the precision
        behind ``place``.
    """

    states: Stationary
    place: Tensor
    reached: Tensor


def follow(
    path: Path,
    states: Stationary,
    begin: float,
    end: float,
    *,
    precision: float = PRECISION,
    minima: bool = True,
) -> Followed:
    """Follow states by continuity from one place of a path to another (mathematics §4, §6).

    Steps are as long as Newton's method converges from its first correction on, and leads back from where it
    has led, so that no step leads to another state; where even the shortest step fails, the state is no more:
    there J has an eigenvalue +1.

    Parameters
    ----------
    path
        The machines.
    states
        Stationary states of the machine at ``begin``, one a row.
    begin, end
        Places, in either order.
    precision
        How closely the place is bracketed at which a state disappears.
    minima
        A state that goes on as a saddle has disappeared.
    """
    shape, device = (len(states),), states.visible.device
    whole = torch.full(shape, end, dtype=torch.float64, device=device)
    if begin == end or not len(states):
        return Followed(states, whole, torch.ones(shape, dtype=torch.bool, device=device))
    tried, there = _step(path, states, begin, end, minima=minima)
    result, place, reached = states.with_rows(there, tried[there]), whole, there.clone()
    for row in torch.nonzero(~there)[:, 0].tolist():
        walk = _Walk(path, states[row : row + 1], begin, end, precision, minima)
        walk.run()
        result = result.with_rows(torch.tensor([row], device=device), walk.state)
        place[row], reached[row] = walk.place, walk.place == end
    return Followed(result, place, reached)


def _step(
    path: Path, states: Stationary, begin: float, end: float, *, minima: bool
) -> tuple[Stationary, Tensor]:
    """One step for all: where Newton's method leads, and whether those are the states' continuations."""
    tried = stationary_near(path.at(end), states.visible, states.hidden)
    there = tried.stable if minima else tried.found
    return tried, there & _leads_back(path.at(begin), states, tried)


class _Walk:
    """One state on its way, step by step, to the end or to where it is no more.

    Next to a fold the square of the smallest eigenvalue goes linearly to zero: steps are to end before that.
    """

    def __init__(
        self, path: Path, state: Stationary, begin: float, end: float, precision: float, minima: bool
    ) -> None:
        self.path, self.state, self.place, self.end = path, state, begin, end
        self.precision, self.minima = precision, minima
        # how far it is to where the square of the eigenvalue would be zero, by the last step
        self._until_fold = math.inf

    def run(self) -> None:
        """Until the end, or until the shortest step fails."""
        step = abs(self.end - self.place) / 2
        while self.place != self.end:
            left = abs(self.end - self.place)
            goal = self.end if step >= left else self.place + math.copysign(step, self.end - self.place)
            tried, there = _step(self.path, self.state, self.place, goal, minima=self.minima)
            if bool(there[0]):
                self._move(tried, goal)
                step *= 2
            elif step <= self._shortest:
                return
            else:
                step /= 2
            step = max(min(step, _OF_THE_WAY * self._until_fold), self._shortest)

    @property
    def _shortest(self) -> float:
        """The step whose failure says that the state is no more.

        A step to two thirds of the way to a fold may be too long already; and one away from a fold, if it is
        as long as that is behind, so that far shorter ones are tried unless a fold is seen ahead.
        """
        return self.precision / (4 if math.isfinite(self._until_fold) else _TRIED)

    def _move(self, state: Stationary, place: float) -> None:
        before, here = (float(each.curvature[0]) ** 2 for each in (self.state, state))
        falls = before - here
        self._until_fold = abs(place - self.place) * here / falls if falls > 0 else math.inf
        self.state, self.place = state, place


def _leads_back(plefka: Plefka, states: Stationary, found: Stationary) -> Tensor:
    """Whether states found are near enough to those left, and Newton's first correction leads back to them.

    A machine whose couplings have gone, say, has one state, to which Newton's method leads from everywhere;
    and from a saturated state to the opposite one it is a single step, either way.
    """
    v, h = found.visible, found.hidden
    way = states.visible - v, states.hidden - h
    length = plefka.size(*way)
    back = torch.full_like(length, torch.inf)
    size = rows_at_once(plefka)
    for rows in torch.nonzero(found.found & (length > _SHORT) & (length <= _STRIDE))[:, 0].split(size):
        delta = Linearisation(plefka, v[rows], h[rows]).correction(plefka.residual(v[rows], h[rows]))
        back[rows] = plefka.size(way[0][rows] - delta[0], way[1][rows] - delta[1]).nan_to_num(torch.inf)
    return (back <= _MISSES * length) | (length <= _SHORT)


def fall(plefka: Plefka, v: Tensor, h: Tensor, *, iteration: str = "plain") -> Stationary:
    """The minima of one machine that states lead to, one a row.

    By sweeps (mathematics §4), as the states of a tree are found, or by layer-exact ones, at which Γ only
    falls; then Newton's method. A row that leads nowhere is not ``found``.
    """
    swept = Solver(plefka, tolerance=_SWEPT, iteration=iteration).run(v, h)
    return stationary_near(plefka, swept.visible, swept.hidden, strict=False)


def same_state(plefka: Plefka, states: Stationary, tolerance: float = 1e-6) -> Tensor:
    """Which pairs of rows are one state of a machine of such units. (n, n) bool"""
    together = plefka.together(states.visible, states.hidden)
    return torch.cdist(together, together, p=torch.inf) <= tolerance
