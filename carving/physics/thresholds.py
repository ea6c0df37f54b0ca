"""Where the paramagnetic state loses stability: J has an eigenvalue +1 there (mathematics §4, §6)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from torch import Tensor

from carving._progress import Progress, ProgressCallback
from carving.checkpoints import CheckpointSequence
from carving.errors import InvalidInput
from carving.meanfield.plefka import Plefka
from carving.physics._stationary import Stationary, field_direction, stationary_near
from carving.physics.continuation import PRECISION, follow
from carving.physics.paths import Couplings, between_ages, log_age, symmetric_form
from carving.rbm import RBM

# at a fold the eigenvalue goes as the root of the distance
_CLOSELY, _BEYOND = 1e-13, 1e-9


@dataclass(frozen=True)
class CriticalCoupling:
    """Where on the way from no couplings to its own the state of a machine loses stability.

    Attributes
    ----------
    coupling
        The factor on W, between ±1 units (Potts: in the zero-sum gauge) with the fields that they have;
        infinite if stability is kept up to the largest factor tried.
    visible, hidden
        The state there, of that machine's units: (N_v,) or (N_v, q), and (N_h,).
    soft_visible, soft_hidden
        The direction in which it is lost, of unit length over both layers.
    goes_on
        Whether the state is still there beyond, as a saddle. If not, it has met one.
    """

    coupling: float
    visible: Tensor
    hidden: Tensor
    soft_visible: Tensor
    soft_hidden: Tensor
    goes_on: bool


def critical_coupling(rbm: RBM, *, order: int = 2, most: float = 8.0) -> CriticalCoupling:
    """By what factor a machine's couplings can be multiplied before its paramagnetic state is no minimum.

    The paramagnetic state is the one connected to zero coupling, in the machine's own local fields. A
    factor above 1 means a machine before its first transition. Without fields, at order 1, it is the
    threshold of mathematics §6 divided by the largest singular value.

    Parameters
    ----------
    rbm
        The machine.
    order
        Order of the expansion.
    most
        The largest factor tried.

    Raises
    ------
    InvalidInput
        If ``most`` is not positive.
    """
    if not (math.isfinite(most) and most > 0):
        raise InvalidInput(f"most: {most!r} is not a positive number; 8 is usual")
    path = Couplings(rbm, order)
    start = _without_couplings(path.at(0.0))
    followed = follow(path, start, 0.0, most, precision=_CLOSELY)
    state, place = followed.states, float(followed.place[0])
    beyond = stationary_near(path.at(place + _BEYOND), state.visible, state.hidden)
    return CriticalCoupling(
        coupling=math.inf if bool(followed.reached[0]) else place,
        visible=state.visible[0],
        hidden=state.hidden[0],
        soft_visible=state.soft_visible[0],
        soft_hidden=state.soft_hidden[0],
        goes_on=bool(beyond.found[0]),
    )


def _without_couplings(plefka: Plefka) -> Stationary:
    """The one state of free units in their fields."""
    v = plefka.visible.mean(plefka.visible_bias)[None]
    h = plefka.hidden.mean(plefka.hidden_bias)[None]
    return stationary_near(plefka, v, h, strict=False)


def paramagnetic_state(rbm: RBM, *, order: int = 2) -> Stationary | None:
    """The state connected to zero coupling; None where it is no longer a minimum.

    One row, in the units of :func:`carving.physics.symmetric_form`.
    """
    path = Couplings(rbm, order)
    followed = follow(path, _without_couplings(path.at(0.0)), 0.0, 1.0)
    return followed.states if bool(followed.reached[0]) else None


@dataclass(frozen=True, eq=False)
class ParamagneticState:
    """The paramagnetic state through a training, from the youngest checkpoint on.

    Attributes
    ----------
    ages
        Updates, (T,) int64, ascending.
    curvature
        Smallest eigenvalue of its Hessian's symmetric form, (T,) float64: 1 for free units, 0 where J has an
        eigenvalue +1; negative for a saddle, NaN where the state is no more.
    lost_age
        The age at which it first is no minimum, between checkpoints; NaN if it always is one.
    direction
        In which it is lost there, as a field on the visible units, of unit length, (N_v,) or (N_v, q).
    goes_on
        Whether it is still there beyond, as a saddle.
    """

    ages: np.ndarray
    curvature: np.ndarray
    lost_age: float
    direction: np.ndarray | None
    goes_on: bool

    @property
    def softest(self) -> int:
        """Which of the ages is the one at which its smallest eigenvalue is least."""
        return int(np.where(np.isnan(self.curvature), np.inf, self.curvature).argmin())

    def __repr__(self) -> str:
        fate = "a minimum throughout" if math.isnan(self.lost_age) else f"lost at age {self.lost_age:.4g}"
        return f"ParamagneticState({len(self.ages)} ages; {fate})"


def paramagnetic_state_along_learning(
    run: CheckpointSequence,
    *,
    order: int = 2,
    precision: float = PRECISION,
    progress: ProgressCallback | None = None,
) -> ParamagneticState:
    """Follow the paramagnetic state from the youngest checkpoint to the oldest (mathematics §6).

    Between checkpoints parameters are interpolated, by the spline through the six nearest, against
    log(1 + age).

    Parameters
    ----------
    run
        The checkpoints.
    order
        Order of the expansion.
    precision
        Of ``lost_age``, in log(1 + age).
    progress
        Called for every age.
    """
    ages = np.asarray(run.ages)
    curvature = np.full(len(ages), np.nan)
    lost_age, direction, goes_on = math.nan, None, False

    @cache
    def machine(age: int) -> RBM:
        return symmetric_form(run.at_age(age))

    state = paramagnetic_state(run[0], order=order)
    if state is None:
        return ParamagneticState(ages, curvature, lost_age, direction, goes_on)
    curvature[0] = float(state.curvature[0])
    for index in range(1, len(ages)):
        if progress:
            progress(Progress("paramagnetic state", index + 1, len(ages), f"age {ages[index]}"))
        path = between_ages(ages.tolist(), index - 1, machine, order)
        width = log_age(ages[index]) - log_age(ages[index - 1])
        place, reached = 0.0, False
        if math.isnan(lost_age):
            ahead = follow(path, state, 0.0, 1.0, precision=precision / width)
            state, place, reached = ahead.states, float(ahead.place[0]), bool(ahead.reached[0])
            if not reached:
                lost_age = math.expm1(log_age(ages[index - 1]) + place * width)
                direction = field_direction(path.at(place), state.soft_hidden)[0].numpy()
        if not reached:
            ahead = follow(path, state, place, 1.0, precision=precision / width, minima=False)
            state, goes_on = ahead.states, bool(ahead.reached[0])
            if not goes_on:
                break
        curvature[index] = float(state.curvature[0])
    return ParamagneticState(ages, curvature, lost_age, direction, goes_on)
