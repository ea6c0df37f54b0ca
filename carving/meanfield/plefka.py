"""Plefka's expansion of the Gibbs free energy at fixed magnetisations, to third order, for every unit.

With κ_r(i→μ) the r-th cumulant of the field w_iμ·σ_i that visible site i sends to hidden unit μ, and
κ_r(μ) that of the hidden unit itself, the expansion (3)–(5), (7) is one sum:

    Γ_k = −S_v − S_h − a·m_v − b·m_h − Σ_{r ≤ k} (1/r!) Σ_iμ κ_r(i→μ) κ_r(μ)

and ∂Γ/∂m = 0 are the self-consistent (TAP) equations (6), (8):

    m_h = mean_h( b + Σ_r (1/r!) κ_r′(m_h) ∘ Σ_i κ_r(i→·) )
    m_v = mean_v( a + Σ_r (1/r!) ∂/∂m_v Σ_iμ κ_r(i→μ) κ_r(μ) )

Order 1 is naive mean field, order 2 is TAP. Sources: Plefka, J. Phys. A 15, 1971 (1982); Gabrié, Tramel
& Krzakala, NeurIPS 2015; Decelle, Rosset & Seoane, PRE 108, 014110 (2023).
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.units import ScalarUnit, State

ORDERS = (1, 2, 3)


class Plefka:
    """The expansion of one machine to one order; states are (m_v, m_h), batches of rows.

    Parameters
    ----------
    rbm
        The machine; its β multiplies a, b and W (1).
    order
        1, 2 or 3.
    dtype
        In which everything is computed.

    Raises
    ------
    InvalidInput
        For any other order.
    """

    def __init__(self, rbm: RBM, order: int = 2, dtype: torch.dtype = torch.float64) -> None:
        if order not in ORDERS:
            raise InvalidInput(f"order {order!r} of the expansion is not known; choose 1, 2 or 3")
        self.order = order
        self.visible = rbm.visible
        self.hidden = cast(ScalarUnit, rbm.hidden)
        weights = rbm.beta * rbm.weights.to(dtype)
        self.powers = tuple(weights**r for r in range(1, order + 1))
        self.visible_bias = rbm.beta * rbm.visible_bias.to(dtype)
        self.hidden_bias = rbm.beta * rbm.hidden_bias.to(dtype)
        self.dtype = dtype
        self._name = repr(rbm)

    def __repr__(self) -> str:
        return f"{self._name} at order {self.order}"

    @cached_property
    def powers_by_hidden(self) -> tuple[Tensor, ...]:
        """The same as ``powers``, with all that belongs to a hidden unit side by side in memory."""
        return tuple(power.movedim(-1, 0).contiguous().movedim(0, -1) for power in self.powers)

    def _copied(self) -> Plefka:
        other = copy(self)
        other.__dict__.pop("powers_by_hidden", None)
        return other

    def to(self, dtype: torch.dtype) -> Plefka:
        """The same expansion computed in another precision."""
        other = self._copied()
        other.powers = tuple(power.to(dtype) for power in self.powers)
        other.visible_bias, other.hidden_bias = self.visible_bias.to(dtype), self.hidden_bias.to(dtype)
        other.dtype = dtype
        return other

    def with_parameters(
        self,
        *,
        weights: Tensor | None = None,
        visible_bias: Tensor | None = None,
        hidden_bias: Tensor | None = None,
    ) -> Plefka:
        """The same expansion with other values of βW, βa or βb, of the same shapes; unchecked."""
        other = self._copied()
        if weights is not None:
            other.powers = tuple(weights**r for r in range(1, self.order + 1))
        other.visible_bias = self.visible_bias if visible_bias is None else visible_bias
        other.hidden_bias = self.hidden_bias if hidden_bias is None else hidden_bias
        return other

    def start(self, v: Tensor) -> State:
        """Where the iteration begins from samples: m_v = v, m_h = mean_h(b + vᵀW) (mathematics §4)."""
        coupled = v.flatten(1) @ self.powers[0].flatten(0, -2)
        return v, self.hidden.mean(self.hidden_bias + coupled)

    def free_energy(self, m_v: Tensor, m_h: Tensor) -> Tensor:
        """Γ of (3)–(5), (7) for every row, in units of kT. (n,)"""
        entropy = self.visible.entropy(m_v).sum(1) + self.hidden.entropy(m_h).sum(1)
        biased = m_v.flatten(1) @ self.visible_bias.flatten() + m_h @ self.hidden_bias
        return -entropy - biased - self.interaction(m_v, m_h)

    def interaction(self, m_v: Tensor, m_h: Tensor) -> Tensor:
        """Σ_r (1/r!) Σ_iμ κ_r(i→μ) κ_r(μ). (n,)"""
        factor, total = 1.0, torch.zeros(len(m_v), dtype=m_v.dtype, device=m_v.device)
        cumulants = self.hidden.cumulants(m_h, self.order)
        for r, influence in enumerate(self.visible.influences(m_v, self.powers), start=1):
            factor /= r
            total = total + factor * (influence * cumulants[r - 1]).sum(1)
        return total

    def hidden_field(self, m_v: Tensor, m_h: Tensor) -> Tensor:
        """The argument of mean_h in (6). (n, N_h)"""
        return self.hidden_bias + self.hidden.field(m_h, self.visible.influences(m_v, self.powers))

    def visible_field(self, m_v: Tensor, m_h: Tensor) -> Tensor:
        """The argument of mean_v in (6), (8). Like m_v"""
        conjugates = self.hidden.cumulants(m_h, self.order)
        return self.visible_bias + self.visible.reaction(m_v, self.powers, conjugates)

    def sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        """One plain sweep: m_h from (6), then m_v with the new m_h (mathematics §4).

        Cost a row, order k: 2k products of 2 N_v N_h flops each, and elementwise work.
        """
        m_h = self.hidden.mean(self.hidden_field(m_v, m_h))
        return self.visible.mean(self.visible_field(m_v, m_h)), m_h

    def layer_exact_sweep(self, m_v: Tensor, m_h: Tensor) -> State:
        """One sweep with each half of (6) solved for its own layer, Onsager term included.

        To second order each half minimises Γ over its layer, so that Γ can only fall.
        The same products as :meth:`sweep` and some Newton steps of elementwise work.
        """
        influences = self.visible.influences(m_v, self.powers)
        m_h = self.hidden.settle_messages(m_h, self.hidden_bias, influences)
        conjugates = self.hidden.cumulants(m_h, self.order)
        return self.visible.settle(m_v, self.visible_bias, self.powers, conjugates), m_h

    def residual(self, m_v: Tensor, m_h: Tensor) -> State:
        """mean(θ(m)) − m for both layers at once: zero at a fixed point and nowhere else."""
        return (
            self.visible.mean(self.visible_field(m_v, m_h)) - m_v,
            self.hidden.mean(self.hidden_field(m_v, m_h)) - m_h,
        )

    def gradient(self, m_v: Tensor, m_h: Tensor) -> State:
        """∂Γ/∂m of both layers; infinite at saturated units. Potts: on the tangent space of each site."""
        visible = self.visible.natural(m_v) - self.visible_field(m_v, m_h)
        if self.visible.site_shape:
            visible = visible - visible.mean(-1, keepdim=True)
        return visible, self.hidden.natural(m_h) - self.hidden_field(m_v, m_h)

    def size(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """Max-norm over both layers of a difference of states, as errors are stated (mathematics §5). (n,)"""
        return torch.maximum(
            visible.abs().amax(_sites(visible)) * self.visible.distance_scale,
            hidden.abs().amax(1) * self.hidden.distance_scale,
        )

    def length(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """Euclidean norm over both layers, with the scales of :meth:`size`. (n,)"""
        v = torch.linalg.vector_norm(visible, dim=_sites(visible)) * self.visible.distance_scale
        return torch.hypot(v, torch.linalg.vector_norm(hidden, dim=1) * self.hidden.distance_scale)

    def together(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """Both layers side by side, scaled so that :meth:`size` is a max-norm. (n, d)"""
        scaled = (visible.flatten(1) * self.visible.distance_scale, hidden * self.hidden.distance_scale)
        return torch.cat(scaled, 1)


def _sites(x: Tensor) -> tuple[int, ...]:
    """All axes but that of the rows: to flatten them would copy rows that lie side by side."""
    return tuple(range(1, x.ndim))
