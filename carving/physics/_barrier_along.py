"""The barrier around a state that disappears, up to its spinodal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.physics._stationary import Stationary, stationary_near
from carving.physics.continuation import follow
from carving.physics.paths import Path

PRECISION = 1e-6
# the saddle is looked for so many precisions before the spinodal, where it is the state's mirror image
_BEFORE = 100
# how far along the soft direction, in both senses: Euclidean over both layers
_AWAY = torch.logspace(-5, 0.5, 34, dtype=torch.float64)
# how unlike in size the two curvatures may be there
_ALIKE = 0.25


@dataclass(frozen=True, eq=False, repr=False)
class BarrierAlong:
    """A state, the saddle that it ends in, and the barrier between them; float64, one row a place.

    Attributes
    ----------
    place
        From the beginning to next to the spinodal, (k,).
    barrier
        Γ of the saddle less that of the state, (k,). Falls as |place − spinodal|^{3/2} in the end.
    curvature, saddle_curvature
        Smallest eigenvalue of the Hessian's symmetric form at either, (k,): positive and negative.
    visible, hidden, saddle_visible, saddle_hidden
        m_v and m_h of either, (k, …).
    spinodal
        Where the two become one and are no more.
    """

    place: Tensor
    barrier: Tensor
    curvature: Tensor
    saddle_curvature: Tensor
    visible: Tensor
    hidden: Tensor
    saddle_visible: Tensor
    saddle_hidden: Tensor
    spinodal: float

    def __repr__(self) -> str:
        highest = f"{float(self.barrier[0]):.4g}"
        return f"BarrierAlong({len(self.place)} places; {highest} to 0 at {self.spinodal:.6g})"


def barrier_along(
    path: Path,
    visible: Tensor,
    hidden: Tensor,
    *,
    begin: float = 1.0,
    end: float = 0.0,
    number: int = 25,
    precision: float = PRECISION,
) -> BarrierAlong:
    """The barrier that keeps a state, followed along a path to where it vanishes with it (mathematics §4).

    The state is followed to its spinodal. Next to that the saddle lies along the soft direction; it is found
    there by Newton's method and followed back to the beginning together with the state.

    Parameters
    ----------
    path
        The machines, as :class:`~carving.physics.paths.BetweenCheckpoints`.
    visible, hidden
        m_v, (N_v,) or (N_v, q), and m_h, (N_h,), of a minimum of the machine at ``begin``, nearly.
    begin, end
        Places, in either order.
    number
        How many places; they lie at even steps in the root of the distance from the spinodal.
    precision
        How closely the spinodal is located, as a part of the way.

    Raises
    ------
    InvalidInput
        If there is no minimum next to the state, if it is still there at the end, or if it ends otherwise
        than in a saddle that can be followed back, as by symmetry.
    """
    if number < 2 or not 0 < precision < 1e-3:
        raise InvalidInput(f"number {number!r}, precision {precision!r}: give at least 2 and less than 1e-3")
    start = stationary_near(path.at(begin), visible[None].double(), hidden[None].double())
    if not bool(start.stable[0]):
        raise InvalidInput(
            f"state: is next to no minimum of the machine at {begin:g}; give one of its states"
        )
    precision *= abs(end - begin)
    ended = follow(path, start, begin, end, precision=precision)
    if bool(ended.reached[0]):
        raise InvalidInput(f"state: is still there at {end:g}; give a path on which it disappears")
    spinodal = float(ended.place[0])
    near = spinodal + math.copysign(_BEFORE * precision, begin - spinodal)
    root = torch.linspace(1, 0, number + 1, dtype=torch.float64)[:-1]
    places = (spinodal + (begin - spinodal) * root.square()).tolist()
    if abs(places[-1] - spinodal) < abs(near - spinodal):
        raise InvalidInput("state: disappears too soon; begin further away, or give a higher precision")
    back = follow(path, ended.states, spinodal, near, precision=precision)
    if not bool(back.reached[0]):
        raise InvalidInput(f"state: cannot be followed back from {spinodal:.6g}; give another precision")
    state = back.states
    saddle = _saddle_next_to(path, near, state)
    states, saddles = [], []
    for place in reversed(places):
        on = [follow(path, one, near, place, minima=False, precision=precision) for one in (state, saddle)]
        if not all(bool(one.reached[0]) for one in on) or float(on[1].states.curvature[0]) >= 0:
            raise InvalidInput(f"saddle: ends before {place:.6g}; begin between that and the spinodal")
        near, state, saddle = place, on[0].states, on[1].states
        states.append(state)
        saddles.append(saddle)
    return _columns(path, places, Stationary.joined(states[::-1]), Stationary.joined(saddles[::-1]), spinodal)


def _saddle_next_to(path: Path, place: float, state: Stationary) -> Stationary:
    """The saddle that a minimum is about to meet: opposite along its soft direction, as curved."""
    away = torch.cat([_AWAY, -_AWAY]).to(state.visible)
    v = state.visible + away.reshape(-1, *[1] * (state.visible.ndim - 1)) * state.soft_visible
    h = state.hidden + away[:, None] * state.soft_hidden
    found = stationary_near(path.at(place), v, h, strict=False)
    unlike = (found.curvature + state.curvature).abs() / state.curvature
    unlike = torch.where(found.found & (found.index == 1), unlike, torch.inf)
    best = int(torch.argmin(unlike))
    if not float(unlike[best]) <= _ALIKE:
        raise InvalidInput(f"state: disappears at about {place:.6g}, but not together with a saddle")
    return found[best : best + 1]


def _columns(
    path: Path, places: list[float], states: Stationary, saddles: Stationary, spinodal: float
) -> BarrierAlong:
    barrier = []
    for row, place in enumerate(places):
        plefka, one = path.at(place), slice(row, row + 1)
        top = plefka.free_energy(saddles.visible[one], saddles.hidden[one])
        barrier.append(top - plefka.free_energy(states.visible[one], states.hidden[one]))
    return BarrierAlong(
        place=torch.tensor(places, dtype=torch.float64),
        barrier=torch.cat(barrier),
        curvature=states.curvature,
        saddle_curvature=saddles.curvature,
        visible=states.visible,
        hidden=states.hidden,
        saddle_visible=saddles.visible,
        saddle_hidden=saddles.hidden,
        spinodal=spinodal,
    )
