"""Following states of Γ along a path of machines, and finding where they disappear."""

from __future__ import annotations

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
# how far a magnetisation may go in a step, by how much of it the first correction back may miss, and below
# which length a step is none
_STRIDE, _MISSES, _NO_WAY = 0.1, 0.5, 1e-7


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
    if begin == end or not len(states):
        whole = torch.full(shape, end, dtype=torch.float64, device=device)
        return Followed(states, whole, torch.ones(shape, dtype=torch.bool, device=device))
    tried = stationary_near(path.at(end), states.visible.clone(), states.hidden.clone())
    there = _leads_back(path.at(begin), states, tried) & (tried.stable if minima else tried.found)
    place = torch.full(shape, begin, dtype=torch.float64, device=device).masked_fill(there, end)
    result = _chosen(there, tried, states)
    if abs(end - begin) <= precision or bool(there.all()):
        return Followed(result, place, there)
    rows = torch.nonzero(~there)[:, 0]
    middle = (begin + end) / 2
    half = follow(path, states[rows], begin, middle, precision=precision, minima=minima)
    on = torch.nonzero(half.reached)[:, 0]
    if len(on):
        rest = follow(path, half.states[on], middle, end, precision=precision, minima=minima)
        half = Followed(
            _put(half.states, on, rest.states), _put_in(half.place, on, rest.place),
            _put_in(half.reached, on, rest.reached),
        )  # fmt: skip
    reached = half.reached & (half.place == end)
    return Followed(
        _put(result, rows, half.states), _put_in(place, rows, half.place), _put_in(there, rows, reached)
    )


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
    for rows in torch.nonzero(found.found & (length > _NO_WAY) & (length <= _STRIDE))[:, 0].split(size):
        delta = Linearisation(plefka, v[rows], h[rows]).correction(plefka.residual(v[rows], h[rows]))
        back[rows] = plefka.size(way[0][rows] - delta[0], way[1][rows] - delta[1]).nan_to_num(torch.inf)
    return (back <= _MISSES * length) | (length <= _NO_WAY)


def fall(path: Path, place: float, states: Stationary) -> Stationary:
    """The minima that states lead to, which were there a little before.

    By sweeps (mathematics §4), as the states of a tree are found, then Newton's method. A row that leads
    nowhere is not ``found``.
    """
    plefka = path.at(place)
    swept = Solver(plefka, tolerance=_SWEPT).run(states.visible, states.hidden)
    return stationary_near(plefka, swept.visible.clone(), swept.hidden.clone(), strict=False)


def same_state(path: Path, place: float, states: Stationary, tolerance: float = 1e-6) -> Tensor:
    """Which pairs of rows are one state. (n, n) bool"""
    together = path.at(place).together(states.visible, states.hidden)
    return torch.cdist(together, together, p=torch.inf) <= tolerance


def _chosen(which: Tensor, one: Stationary, other: Stationary) -> Stationary:
    """Rows of ``one`` where ``which``, else of ``other``."""

    def choose(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(which.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return Stationary(**{name: choose(value, getattr(other, name)) for name, value in vars(one).items()})


def _put(states: Stationary, rows: Tensor, part: Stationary) -> Stationary:
    return Stationary(
        **{name: _put_in(value, rows, getattr(part, name)) for name, value in vars(states).items()}
    )


def _put_in(values: Tensor, rows: Tensor, part: Tensor) -> Tensor:
    values = values.clone()
    values[rows] = part
    return values
