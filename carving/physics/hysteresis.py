"""Hysteresis: a state dragged up and down by a field, and the fields at which it jumps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.meanfield.plefka import State
from carving.meanfield.solver import starting_points
from carving.physics._observables import flat_directions
from carving.physics._stationary import Stationary
from carving.physics.continuation import fall, follow, same_state
from carving.physics.paths import Field
from carving.physics.spectrum import spectrum
from carving.rbm import RBM

PRECISION = 1e-6
# how much one state may differ from itself, max-norm
_SAME = 1e-6
# polarised starting points: in a field so much larger than that of a unit that decides
_POLARISING = 20.0
# the default range goes so much beyond the last jump
_BEYOND = 1.25
_DOUBLINGS = 12
# a state that is no more is moved so far along its soft direction before it falls
_PUSH = 1e-4
# a state that bends off continuously is away by the root of what the field has passed since, times this
_CONTINUOUS = 5.0
# it falls in a field that many precisions beyond
_SLOW = 10
_NOWHERE = "field {:.6g}: sweeps lead to no minimum there; choose another order or another start"


@dataclass(frozen=True, eq=False, repr=False)
class Branch:
    """One way through the fields, in the order in which they are passed; float64.

    Attributes
    ----------
    fields
        κ, (k,).
    projection
        u·(m_v − m̄) of the followed state, (k,).
    free_energy
        Γ in that field, in units of kT, (k,).
    jumps
        Fields at which the followed state is no more, (j,); often empty.
    jumps_from, jumps_to
        The projection before and after each, (j,).
    drops
        By how much Γ falls at each, (j,).
    """

    fields: Tensor
    projection: Tensor
    free_energy: Tensor
    jumps: Tensor
    jumps_from: Tensor
    jumps_to: Tensor
    drops: Tensor

    def __repr__(self) -> str:
        where = ", ".join(f"{field:.4g}" for field in self.jumps.tolist())
        return f"Branch({len(self.fields)} fields; jumps at {where or 'none'})"


@dataclass(frozen=True, eq=False, repr=False)
class Hysteresis:
    """A loop in a field.

    Attributes
    ----------
    up, down
        From the most negative field to the largest, and back.
    direction
        u, of unit length, shaped as the visible bias.
    reference
        m̄: the visible layer of a machine without fields and couplings. 0 for spins, 1/2, 1/q.
    area
        ∮ m dκ, by how much the projection on the way down exceeds that on the way up, integrated over κ.
    closed
        Whether the way down ends in the state in which the way up began.
    """

    up: Branch
    down: Branch
    direction: Tensor
    reference: Tensor
    area: float
    closed: bool

    def __repr__(self) -> str:
        return (
            f"Hysteresis(area {self.area:.4g}{'' if self.closed else ', not closed'}; {self.up}, {self.down})"
        )


def hysteresis(
    rbm: RBM,
    direction: Tensor,
    *,
    order: int = 2,
    largest: float | None = None,
    number: int = 101,
    start: State | None = None,
    precision: float = PRECISION,
) -> Hysteresis:
    """Sweep a field κ u on the visible layer up and down, following a fixed point (mathematics §6).

    The state is followed by continuity; where it is no more, at a spinodal, it falls to the minimum that
    sweeps lead to, and that is followed. κ u adds to βa.

    Parameters
    ----------
    rbm
        The machine.
    direction
        u, (N_v,) or (N_v, q), of any length but zero; made of unit length.
    order
        Of the expansion.
    largest
        The field at both ends, κ_max. Without it: a quarter beyond the last jump of a sweep whose ends have
        one state, whichever way its units are polarised to begin with.
    number
        How many fields a branch is given at, evenly spread.
    start
        m_v, (N_v,) or (N_v, q), and m_h, (N_h,), of a state without field, which is followed to −κ_max
        first. Otherwise the way begins in the state of units that are polarised against u.
    precision
        How closely jumps are located, as a part of κ_max.

    Raises
    ------
    InvalidInput
        If direction or start do not fit the machine, or for settings out of range.

    Notes
    -----
    Since dΓ/dκ = −u·m_v along a branch, the area of a closed loop is the sum of all :attr:`Branch.drops`:
    what the loop dissipates. It needs no quadrature. Some five linearisations (2 N_v N_h² + N_h³/3 flops)
    a field.
    """
    if largest is not None and not 0 < largest < math.inf:
        raise InvalidInput(f"largest: {largest!r} is not a positive number; leave it out to have it found")
    if number < 2 or not 0 < precision < 1:
        raise InvalidInput(
            f"number {number!r}, precision {precision!r}: give at least 2 fields and a precision in (0, 1)"
        )
    unit = _unit_direction(rbm, direction)
    path = Field(rbm, unit, order)
    if largest is None:
        place, state, jumps = _outermost(path, unit, precision)
        largest = max([_BEYOND * abs(jump) for jump in jumps] or [_decisive(unit)])
    else:
        place, state = -largest, _polarised(path, -unit, -largest)
    if start is not None:
        given = starting_points(path.at(0.0), rbm, start[0][None], start[1][None])
        place, state = 0.0, _settled(path, 0.0, *given)
    walk = _Walk(path, unit, largest, precision)
    first = walk.to(state, place, [-largest])[0][0]
    fields = torch.linspace(-largest, largest, number, dtype=torch.float64).tolist()
    top, up = walk.branch(first, fields)
    last, down = walk.branch(top, fields[::-1])
    drops = float(up.drops.sum() + down.drops.sum())
    return Hysteresis(
        up=up,
        down=down,
        direction=unit,
        reference=walk.reference,
        # along the way Γ changes by −∫ m dκ, and by what the jumps take off
        area=drops + float(down.free_energy[-1] - up.free_energy[0]),
        closed=_near(path, first, last, _SAME),
    )


def direction_of_singular_vector(rbm: RBM, index: int) -> Tensor:
    """u of the singular value of βW that is ``index`` places below the largest, shaped as the visible bias.

    Potts: of W in the zero-sum gauge. Its largest component is positive.

    Raises
    ------
    InvalidInput
        If there are not so many.
    """
    vectors = spectrum(rbm).visible
    if not 0 <= index < len(vectors):
        raise InvalidInput(f"index: {index} is not one of the {len(vectors)} singular values, from 0 on")
    u = vectors[index]
    return u * torch.sign(u.flatten()[u.abs().argmax()])


def direction_between(visible: Tensor, other: Tensor) -> Tensor:
    """From one state's m_v to another's, of unit length.

    Raises
    ------
    InvalidInput
        If they are equal.
    """
    difference = other.double() - visible.double()
    length = torch.linalg.vector_norm(difference)
    if not bool(length > 0):
        raise InvalidInput("states: are equal, which gives no direction; give two different ones")
    return difference / length


class _Walk:
    """Follows one state along fields, jumps located to ``precision`` of ``largest``."""

    def __init__(self, path: Field, unit: Tensor, largest: float, precision: float) -> None:
        self.path, self.unit = path, unit
        self.largest, self.precision = largest, precision * largest
        self.reference = path.at(0.0).visible.mean(torch.zeros_like(unit))

    def branch(self, begin: Stationary, fields: list[float]) -> tuple[Stationary, Branch]:
        """From the state at the first of the fields to that at the last of them."""
        states, jumps = self.to(begin, fields[0], fields)
        energies = [self.energy(state, field) for state, field in zip(states, fields, strict=True)]
        table = torch.tensor(jumps, dtype=torch.float64).reshape(-1, 4)
        return states[-1], Branch(
            fields=torch.tensor(fields, dtype=torch.float64),
            projection=torch.tensor([self.projection(state) for state in states], dtype=torch.float64),
            free_energy=torch.tensor(energies, dtype=torch.float64),
            jumps=table[:, 0],
            jumps_from=table[:, 1],
            jumps_to=table[:, 2],
            drops=table[:, 3],
        )

    def to(
        self, state: Stationary, place: float, fields: list[float]
    ) -> tuple[list[Stationary], list[list[float]]]:
        """The followed state at each of the fields; its jumps: field, projections before and after, drop."""
        states, jumps = [], []
        for field in fields:
            state = self._next(state, place, field, jumps)
            place = field
            states.append(state)
        return states, jumps

    def _next(self, state: Stationary, begin: float, end: float, jumps: list[list[float]]) -> Stationary:
        while True:
            ahead = follow(self.path, state, begin, end, precision=self.precision)
            if bool(ahead.reached[0]):
                return ahead.states
            last, before = float(ahead.place[0]), ahead.states
            state, begin = self._fallen(before, last, end)
            passed = abs(begin - last) / self.largest
            if not _near(self.path, before, state, _CONTINUOUS * math.sqrt(passed)):
                # between the last field and this one Γ changes by so little
                drop = self.energy(before, begin) - self.energy(state, begin)
                jumps.append([last, self.projection(before), self.projection(state), drop])
            if begin == end:
                return state

    def _fallen(self, state: Stationary, last: float, end: float) -> tuple[Stationary, float]:
        """Where the state falls that is no more behind ``last``, and at which field.

        It is pushed a little as the field pushes: one that has become a saddle, as symmetry may have it,
        would rest there. Next to where it was sweeps pass slowly or stick; a little further on they do not.
        """
        step = math.copysign(_SLOW * self.precision, end - last)
        towards = float((self.unit * state.soft_visible[0]).sum()) * step
        push = -_PUSH if towards < 0 else _PUSH
        v, h = state.visible + push * state.soft_visible, state.hidden + push * state.soft_hidden
        while True:
            place = last + step if abs(end - last) > abs(step) else end
            found = fall(self.path.at(place), v, h)
            if bool(found.stable[0]):
                return found, place
            if place == end:
                raise InvalidInput(_NOWHERE.format(place))
            step *= 8

    def energy(self, state: Stationary, field: float) -> float:
        """Γ in that field."""
        return float(self.path.at(field).free_energy(state.visible, state.hidden)[0])

    def projection(self, state: Stationary) -> float:
        """u·(m_v − m̄)."""
        return float((self.unit * (state.visible[0] - self.reference)).sum())


def _outermost(path: Field, unit: Tensor, precision: float) -> tuple[float, Stationary, list[float]]:
    """A negative field with one state there and at its opposite, that state, and all jumps in between."""
    field = (4 + 2 * float(path.at(0.0).visible_bias.abs().max())) * _decisive(unit)
    walk = _Walk(path, unit, field, precision)
    for _ in range(_DOUBLINGS):
        ends = [[_polarised(path, way, place) for way in (-unit, unit)] for place in (-field, field)]
        if all(_near(path, low, high, _SAME) for low, high in ends):
            break
        field *= 2
        walk = _Walk(path, unit, field, precision)
    begin = _polarised(path, -unit, -field)
    up, jumps_up = walk.to(begin, -field, [field])
    _, jumps_down = walk.to(up[-1], field, [-field])
    return -field, begin, [jump[0] for jump in jumps_up + jumps_down]


def _decisive(unit: Tensor) -> float:
    """κ at which the field is 1 at the site where u is largest."""
    return 1 / float(unit.abs().max())


def _polarised(path: Field, way: Tensor, place: float) -> Stationary:
    """The state at a place that sweeps reach from units polarised along a direction."""
    plefka = path.at(place)
    v = plefka.visible.mean(_POLARISING * _decisive(way) * way)[None]
    return _settled(path, place, *plefka.start(v))


def _settled(path: Field, place: float, v: Tensor, h: Tensor) -> Stationary:
    found = fall(path.at(place), v, h)
    if not bool(found.stable[0]):
        raise InvalidInput(_NOWHERE.format(place))
    return found


def _near(path: Field, one: Stationary, other: Stationary, distance: float) -> bool:
    """Whether two states are nearer than that, max-norm."""
    return bool(same_state(path.at(0.0), Stationary.joined([one, other]), distance)[0, 1])


def _unit_direction(rbm: RBM, direction: Tensor) -> Tensor:
    u = flat_directions(rbm, direction[..., None]).reshape(rbm.visible_bias.shape)
    if not bool(u.any()):
        raise InvalidInput("direction: is zero everywhere; give one that is not")
    return u / torch.linalg.vector_norm(u)
