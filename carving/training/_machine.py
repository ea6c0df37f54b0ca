"""A machine while it learns: parameters that are written to, in the layout that products want."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from carving.rbm import RBM
from carving.units import ScalarUnit, Unit

# no machine that has learned anything has a parameter of this size
_LARGEST_PARAMETER = 1e4


class LearningMachine:
    """Parameters of an :class:`~carving.RBM` at β = 1, to be changed in place.

    The states of a Potts site are columns of their own here, so that v is a matrix
    (rows, N_v·q) and W a matrix (N_v·q, N_h) for every visible unit.

    Attributes
    ----------
    weights, visible_bias, hidden_bias
        W (N_v·q, N_h), a (N_v·q,), b (N_h,).
    visible, hidden
        The units.
    visible_pace, hidden_pace
        How much faster than Bernoulli units the two layers would learn; see :func:`pace`.
    """

    def __init__(self, machine: RBM) -> None:
        self.visible, self.hidden = machine.visible, machine.hidden
        self._shape = tuple(machine.weights.shape)
        self.weights = machine.weights.reshape(-1, machine.hidden_size).clone()
        self.visible_bias = machine.visible_bias.reshape(-1).clone()
        self.hidden_bias = machine.hidden_bias.clone()
        self.visible_pace, self.hidden_pace = pace(self.visible), pace(self.hidden)

    def as_rbm(self) -> RBM:
        """The machine as it is now."""
        return RBM(
            self.weights.reshape(self._shape),
            self.visible_bias.reshape(self._shape[:-1]),
            self.hidden_bias,
            visible=self.visible,
            hidden=self.hidden,
        )

    def rows(self, count: int) -> tuple[Tensor, Tensor]:
        """Room for ``count`` rows of the visible and of the hidden layer."""
        return self.visible_bias.new_empty(count, len(self.visible_bias)), self.hidden_bias.new_empty(
            count, len(self.hidden_bias)
        )

    def by_site(self, v: Tensor) -> Tensor:
        """The same memory as the visible unit wants it: (rows, N_v) or (rows, N_v, q)."""
        return v.view(len(v), *self._shape[:-1])

    def hidden_field(self, v: Tensor, out: Tensor) -> Tensor:
        """θ_h = b + vᵀW, written to ``out``. 2 · rows · N_v · q · N_h flops."""
        return torch.addmm(self.hidden_bias, v, self.weights, out=out)

    def visible_field(self, h: Tensor, out: Tensor) -> Tensor:
        """θ_v = a + Wh, written to ``out``. 2 · rows · N_v · q · N_h flops."""
        return torch.addmm(self.visible_bias, h, self.weights.T, out=out)

    def has_diverged(self) -> bool:
        """Whether a parameter is not a number, or absurdly large. Synchronises with the device."""
        largest = max(float(x.abs().max()) for x in (self.weights, self.visible_bias, self.hidden_bias))
        return not largest <= _LARGEST_PARAMETER  # so that NaN counts


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
