"""Machines that change along one number: between checkpoints, with the couplings, with a field.

A path is anything that has ``at(place)``; one kind is one class here.
"""

from __future__ import annotations

from typing import Protocol

import torch
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
    """From a younger machine, at 0, to an older one, at 1: W, a and b are interpolated linearly.

    Whoever sees the place as an age takes it as linear in log(1 + age) (:func:`age_at`).

    Parameters
    ----------
    younger, older
        The machines.
    order
        Of the expansion.
    """

    def __init__(self, younger: RBM, older: RBM, order: int = 2) -> None:
        self._younger, self._older = Plefka(younger, order), Plefka(older, order)

    def at(self, place: float) -> Plefka:
        """The expansion of the machine in between."""
        younger, older = self._younger, self._older
        return older.with_parameters(
            weights=torch.lerp(younger.powers[0], older.powers[0], place),
            visible_bias=torch.lerp(younger.visible_bias, older.visible_bias, place),
            hidden_bias=torch.lerp(younger.hidden_bias, older.hidden_bias, place),
        )


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
