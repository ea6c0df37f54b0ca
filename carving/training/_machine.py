"""A machine while it learns: parameters that are written to."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from carving.rbm import RBM
from carving.sampling._flat import FlatMachine
from carving.units import ScalarUnit, Unit

# no machine that has learned anything has a parameter of this size
_LARGEST_PARAMETER = 1e4


class LearningMachine(FlatMachine):
    """Parameters to be changed in place.

    Attributes
    ----------
    visible_pace, hidden_pace
        How much faster than Bernoulli units the two layers would learn; see :func:`pace`.
    """

    def __init__(self, machine: RBM) -> None:
        super().__init__(machine)
        self.visible_pace, self.hidden_pace = pace(self.visible), pace(self.hidden)
        self._beta = machine.beta

    def to_save(self) -> RBM:
        """The machine as it is now, at the inverse temperature that it began with."""
        machine, beta = self.as_rbm(), self._beta
        if beta == 1:
            return machine
        return RBM(
            machine.weights / beta,
            machine.visible_bias / beta,
            machine.hidden_bias / beta,
            visible=machine.visible,
            hidden=machine.hidden,
            beta=beta,
        )

    def fix_gauge(self) -> None:
        """Keep Σ_q a_iq = 0 and Σ_q W_iqμ = 0 (mathematics §2), where the unit leaves that open."""
        for_sites = self.by_site(self.visible_bias[None])[0]
        if for_sites.ndim == 1:
            return
        weights = self.weights.view(*for_sites.shape, -1)
        excess = weights.mean(1, keepdim=True)
        weights.sub_(excess)
        self.hidden_bias.add_(excess.sum((0, 1)))
        for_sites.sub_(for_sites.mean(1, keepdim=True))

    def state(self) -> dict[str, Tensor]:
        """What a saved machine does not hold to the last bit."""
        return {} if self._beta == 1 else parameters_of(self)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave."""
        for name, value in state.items():
            getattr(self, name).copy_(value)

    def has_diverged(self) -> bool:
        """Whether a parameter is not a number, or absurdly large. Synchronises with the device."""
        largest = max(float(x.abs().max()) for x in (self.weights, self.visible_bias, self.hidden_bias))
        return not largest <= _LARGEST_PARAMETER  # so that NaN counts


def parameters_of(machine: RBM | FlatMachine) -> dict[str, Tensor]:
    """W, a and b by their names, to be kept."""
    return {name: getattr(machine, name) for name in ("weights", "visible_bias", "hidden_bias")}


def machine_of(parameters: Mapping[str, Tensor], like: RBM) -> RBM:
    """The machine of what :func:`parameters_of` gave, of the units, β and device of another one."""
    machine = RBM(**parameters, visible=like.visible, hidden=like.hidden, beta=like.beta)
    return machine.to(device=like.device)


def pace(unit: Unit) -> float:
    """Half over the standard deviation of the unit without field: 1 for {0, 1}, ½ for ±1, ½√γ for Gaussian.

    Weights between units of wider spread are smaller by this factor for each layer, and learn faster by
    its square. Step sizes and first weights in proportion to it make a {0, 1} machine and its ±1
    twin (mathematics §2) go the same way. A Potts state is 0 or 1 and counts as Bernoulli.
    """
    if not isinstance(unit, ScalarUnit):
        return 1.0
    no_field = unit.mean(torch.zeros((), dtype=torch.float64))
    return 0.5 / math.sqrt(float(unit.cumulant(2, no_field)))
