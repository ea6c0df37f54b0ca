"""Machines that change along one number: between checkpoints, with the couplings, with a field.

A path is anything that has ``at(place)``; one kind is one class here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from carving.errors import InvalidInput
from carving.meanfield.plefka import Plefka
from carving.rbm import RBM
from carving.units import Spin


class Path(Protocol):
    """A family of machines of the same units and sizes."""

    def at(self, place: float) -> Plefka:
        """The expansion of the machine at that place, in float64."""
        ...


class BetweenCheckpoints:
    """From a younger machine, at 0, to an older one, at 1: W, a and b are interpolated.

    Linearly between the two; with machines beyond them by the natural cubic spline through all, of all curves
    the smoothest, which misses a checkpoint left out by four fifths of what a straight line does; the rest
    is the noise of the training.

    Parameters
    ----------
    younger, older
        The machines.
    order
        Of the expansion.
    beyond
        Further machines, and their places below 0 and above 1.
    """

    def __init__(
        self, younger: RBM, older: RBM, order: int = 2, *, beyond: Mapping[float, RBM] | None = None
    ) -> None:
        machines = {0.0: younger, 1.0: older, **(beyond or {})}
        places = sorted(machines)
        self._plefkas = [Plefka(machines[place], order) for place in places]
        self._shares = CubicSpline(places, np.eye(len(places)), bc_type="natural")

    def at(self, place: float) -> Plefka:
        """The expansion of the machine in between."""
        # a spline is linear in what it goes through: the same shares for every parameter
        shares = self._shares(place).tolist()

        def mixed(parameters: list[Tensor]) -> Tensor:
            total = shares[0] * parameters[0]
            for share, parameter in zip(shares[1:], parameters[1:], strict=True):
                total.add_(parameter, alpha=share)
            return total

        return self._plefkas[0].with_parameters(
            weights=mixed([plefka.powers[0] for plefka in self._plefkas]),
            visible_bias=mixed([plefka.visible_bias for plefka in self._plefkas]),
            hidden_bias=mixed([plefka.hidden_bias for plefka in self._plefkas]),
        )


def log_age(age: float) -> float:
    """log(1 + age), in which checkpoints are spread and places between them are measured."""
    return math.log1p(age)


def between_ages(
    ages: Sequence[int], index: int, machine: Callable[[int], RBM], order: int
) -> BetweenCheckpoints:
    """The path from ``ages[index]`` to the next, through two before and two after them.

    Parameters
    ----------
    ages
        Ascending.
    index
        Of the younger age.
    machine
        Gives the machine of an age.
    order
        Of the expansion.
    """
    low, high = (log_age(age) for age in ages[index : index + 2])
    near = [*ages[max(index - 2, 0) : index], *ages[index + 2 : index + 4]]
    beyond = {(log_age(age) - low) / (high - low): machine(age) for age in near}
    return BetweenCheckpoints(machine(ages[index]), machine(ages[index + 1]), order, beyond=beyond)


class Couplings:
    """From the machine without couplings, at 0, to itself, at 1, with the fields that it has.

    Couplings are those between ±1 units, and between Potts states in the zero-sum gauge: only there do they
    leave fields alone (mathematics §2). The machine is therefore written so: :attr:`machine`.

    Parameters
    ----------
    rbm
        The machine.
    order
        Of the expansion.
    """

    def __init__(self, rbm: RBM, order: int = 2) -> None:
        self.machine = symmetric_form(rbm)
        self._plefka = Plefka(self.machine, order)

    def at(self, place: float) -> Plefka:
        """The expansion of the machine with W multiplied by ``place``."""
        return self._plefka.with_parameters(weights=place * self._plefka.powers[0])


class Field:
    """A machine in a field κ u on its visible layer; the place is κ.

    Parameters
    ----------
    rbm
        The machine.
    direction
        u, (N_v,) or (N_v, q).
    order
        Of the expansion.

    Raises
    ------
    InvalidInput
        If the direction has another shape than the visible layer.
    """

    def __init__(self, rbm: RBM, direction: Tensor, order: int = 2) -> None:
        self._plefka = Plefka(rbm, order)
        self._direction = direction.to(self._plefka.visible_bias)
        if self._direction.shape != self._plefka.visible_bias.shape:
            raise InvalidInput(
                f"direction: has shape {tuple(direction.shape)}, but the visible layer "
                f"{tuple(self._plefka.visible_bias.shape)}; give one number for each of its states"
            )

    def at(self, place: float) -> Plefka:
        """The expansion in the field κ = ``place``."""
        return self._plefka.with_parameters(visible_bias=self._plefka.visible_bias + place * self._direction)


def symmetric_form(rbm: RBM) -> RBM:
    """The machine of the same distribution with ±1 units and zero-sum Potts gauge, float64."""
    machine = rbm.to(torch.float64)
    if machine.states is not None:
        machine = machine.zero_sum_gauge()
    return machine.convert(
        **{
            layer: Spin.name
            for layer, unit in (("visible", machine.visible), ("hidden", machine.hidden))
            if unit.name == "bernoulli"
        }
    )
