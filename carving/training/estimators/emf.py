"""Deterministic training with extended mean fields (Gabrié, Tramel & Krzakala, NeurIPS 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.meanfield.plefka import ORDERS, Plefka
from carving.meanfield.sweeping import plain_sweeps
from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training._minibatches import Minibatch
from carving.training.estimators._estimator import Estimator

if TYPE_CHECKING:
    from carving.training._settings import Settings


@dataclass(frozen=True)
class Options:
    """Settings of EMF training.

    Attributes
    ----------
    order
        Of Plefka's expansion: 1, 2 or 3.
    persistent
        Magnetisations last from update to update; otherwise they begin from the minibatch.
    """

    order: int = 2
    persistent: bool = True

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise InvalidInput(f"method: emf: order={self.order}: give 1, 2 or 3")


class ExtendedMeanField(Estimator):
    """Minus log Z is replaced by Γ of (3)–(5), (7) at magnetisations that k sweeps of (6), (8) bring near to
    its fixed points, and the machine's moments by the derivatives of −Γ there:

        ⟨v_i h_μ⟩ ≈ m_i m_μ + w_iμ κ₂(m_i) κ₂(m_μ) + ½ w_iμ² κ₃(m_i) κ₃(m_μ)

    to third order; for Potts units what the derivative of (7) comes to. No random numbers after the start,
    and a smooth gradient. But states count as often as rows have come to them, not as their Γ says.
    """

    Options = Options

    def __init__(
        self,
        machine: LearningMachine,
        settings: Settings,
        options: Options,
        rows: int,
        generator: torch.Generator,
    ) -> None:
        self._order, self._persistent, self._sweeps = options.order, options.persistent, settings.k
        self._moments = Moments(machine)
        count = settings.chains if options.persistent else rows
        hidden = machine.hidden.mean(machine.rows(count)[1].zero_())
        field = machine.by_site(machine.visible_field(hidden, out=machine.rows(count)[0]))
        self._state = machine.visible.sample(field, generator), hidden

    def moments(self, machine: LearningMachine, batch: Minibatch, generator: torch.Generator) -> Moments:
        """Sweep, and differentiate Γ where that leads."""
        plefka = Plefka(machine.as_rbm(), self._order, dtype=machine.weights.dtype)
        state = self._state if self._persistent else plefka.start(machine.by_site(batch.rows))
        sweep = plain_sweeps(plefka, len(state[0])).sweep
        for _ in range(self._sweeps):
            state = sweep(*state)
        # results of sweeps lie in memory that goes with them
        v, h = (x.contiguous() for x in state)
        if self._persistent:
            self._state = v, h
        # magnetisations that began from weighted samples count as these do
        weights = None if self._persistent else batch.weights
        share = h.new_full((len(h),), 1 / len(h)) if weights is None else weights / weights.sum()
        torch.mv(v.flatten(1).T, share, out=self._moments.visible)
        torch.mv(h.T, share, out=self._moments.hidden)
        self._moments.product.copy_(_coupling(plefka, v, h, share).flatten(0, -2))
        return self._moments

    def state(self) -> dict[str, Tensor]:
        return dict(zip(("visible", "hidden"), self._state, strict=True)) if self._persistent else {}

    def restore(self, state: dict[str, Tensor]) -> None:
        if self._persistent:
            self._state = tuple(
                state[name].to(x) for name, x in zip(("visible", "hidden"), self._state, strict=True)
            )


def _coupling(plefka: Plefka, m_v: Tensor, m_h: Tensor, share: Tensor) -> Tensor:
    """∂/∂W of the interaction Σ_r (1/r!) Σ κ_r(i→μ) κ_r(μ), averaged over rows by their share; like W."""
    with torch.enable_grad():
        weights = plefka.powers[0].detach().requires_grad_()
        influences = plefka.visible.influences(m_v, [weights**r for r in range(1, plefka.order + 1)])
        conjugates = plefka.hidden.cumulants(m_h, plefka.order)
        total, factor = weights.new_zeros(()), 1.0
        for r, (influence, conjugate) in enumerate(zip(influences, conjugates, strict=True), start=1):
            factor /= r
            total = total + factor * (share @ (influence * conjugate).sum(1))
        return torch.autograd.grad(total, weights)[0]


METHOD = ExtendedMeanField
