"""Parameters of a machine in the layout that products of many configurations want."""

from __future__ import annotations

import torch
from torch import Tensor

from carving.rbm import RBM


class FlatMachine:
    """Parameters of an :class:`~carving.RBM` at β = 1, to be changed in place.

    The states of a Potts site are columns of their own here, so that v is a matrix
    (rows, N_v·q) and W a matrix (N_v·q, N_h) for every visible unit.

    Attributes
    ----------
    weights, visible_bias, hidden_bias
        βW (N_v·q, N_h), βa (N_v·q,), βb (N_h,).
    visible, hidden
        The units.
    """

    def __init__(self, machine: RBM) -> None:
        self.visible, self.hidden = machine.visible, machine.hidden
        self._shape = tuple(machine.weights.shape)
        self.weights = (machine.beta * machine.weights).reshape(-1, machine.hidden_size).clone()
        self.visible_bias = (machine.beta * machine.visible_bias).reshape(-1).clone()
        self.hidden_bias = (machine.beta * machine.hidden_bias).clone()

    def as_rbm(self) -> RBM:
        """The machine as it is now, with β = 1."""
        return RBM(
            self.weights.reshape(self._shape),
            self.visible_bias.reshape(self._shape[:-1]),
            self.hidden_bias,
            visible=self.visible,
            hidden=self.hidden,
        )

    @property
    def sites(self) -> int:
        """N_v."""
        return self._shape[0]

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
