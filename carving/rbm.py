"""The Restricted Boltzmann Machine, as an immutable value (mathematics §2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.units import Bernoulli, Spin, Unit, resolve_unit

_LARGEST_ENUMERATION = 2**22
_CHUNK = 2**14

Array = Tensor | np.ndarray


@dataclass(frozen=True)
class Enumeration:
    """What a sum over all configurations of one layer gives, in float64.

    Attributes
    ----------
    log_partition
        log Z of (1).
    visible_mean, hidden_mean
        ⟨v⟩, shape (N_v,) or (N_v, q), and ⟨h⟩, shape (N_h,).
    correlations
        ⟨v hᵀ⟩, shape (N_v, N_h) or (N_v, q, N_h).
    """

    log_partition: float
    visible_mean: Tensor
    hidden_mean: Tensor
    correlations: Tensor


class RBM:
    """A machine with energy E(v, h) = −a·v − b·h − vᵀWh and p(v, h) ∝ ρ₀(v) ρ₀(h) e^{−βE}. (1)

    Samples v and h are given to its methods as the units' statistics in the machine's dtype: 0/1,
    ±1, real numbers, or one-hot (n, N_v, q) for Potts; ``rbm.visible.encode`` makes them from raw data.

    Parameters
    ----------
    weights
        W, shape (N_v, N_h), or (N_v, q, N_h) for Potts visible units; float32 or float64. Copied.
    visible_bias
        a, shape (N_v,) or (N_v, q).
    hidden_bias
        b, shape (N_h,).
    visible
        Visible units: ``"bernoulli"``, ``"spin"``, ``"potts"`` or a :class:`carving.Unit`.
    hidden
        Hidden units: ``"bernoulli"``, ``"spin"``, ``"gaussian"`` or a :class:`carving.Unit`.
    beta
        Inverse temperature β; multiplies a, b and W.

    Raises
    ------
    InvalidInput
        If shapes or dtypes disagree, a parameter is NaN or infinite, or a unit is not known or not
        allowed in its layer.
    """

    __slots__ = ("_beta", "_hidden", "_hidden_bias", "_visible", "_visible_bias", "_weights")

    def __init__(
        self,
        weights: Array,
        visible_bias: Array,
        hidden_bias: Array,
        visible: str | Unit = "bernoulli",
        hidden: str | Unit = "bernoulli",
        beta: float = 1.0,
    ) -> None:
        self._weights = _parameter(weights, "weights")
        self._visible_bias = _parameter(visible_bias, "visible_bias")
        self._hidden_bias = _parameter(hidden_bias, "hidden_bias")
        states = self._weights.shape[1] if self._weights.ndim == 3 else None
        self._visible = resolve_unit(visible, states=states)
        self._hidden = resolve_unit(hidden)
        self._beta = float(beta)
        self._check()

    def _check(self) -> None:
        if not (math.isfinite(self.beta) and self.beta >= 0):
            raise InvalidInput(f"parameters: beta is {self.beta}; it must be a finite number, not negative")
        if not self.visible.in_visible:
            raise InvalidInput(
                f"parameters: visible layers cannot be {self.visible.name}; choose other units"
            )
        if not self.hidden.in_hidden:
            raise InvalidInput(f"parameters: hidden layers cannot be {self.hidden.name}; choose other units")
        site = self.visible.site_shape
        if self.weights.ndim != 2 + len(site) or tuple(self.weights.shape[1:-1]) != site:
            expected = ", ".join(["N_v", *map(str, site), "N_h"])
            raise InvalidInput(
                f"parameters: weights have shape {tuple(self.weights.shape)}, which is not ({expected}) as "
                f"{self.visible.name} visible units need; check the visible units or transpose"
            )
        if 0 in self.weights.shape:
            raise InvalidInput(
                f"parameters: weights have shape {tuple(self.weights.shape)}; no layer may be empty"
            )
        for name, bias, shape in (
            ("visible_bias", self.visible_bias, self.weights.shape[:-1]),
            ("hidden_bias", self.hidden_bias, self.weights.shape[-1:]),
        ):
            if bias.shape != shape:
                raise InvalidInput(
                    f"parameters: {name} has shape {tuple(bias.shape)}, but weights of shape "
                    f"{tuple(self.weights.shape)} need {tuple(shape)}"
                )
            if bias.dtype != self.dtype or bias.device != self.device:
                raise InvalidInput(
                    f"parameters: {name} is {bias.dtype} on {bias.device}, weights are {self.dtype} on "
                    f"{self.device}; give all three alike"
                )

    # ---- what it is made of

    @property
    def weights(self) -> Tensor:
        """W, (N_v, N_h) or (N_v, q, N_h). Not to be written to."""
        return self._weights

    @property
    def visible_bias(self) -> Tensor:
        """a, (N_v,) or (N_v, q). Not to be written to."""
        return self._visible_bias

    @property
    def hidden_bias(self) -> Tensor:
        """b, (N_h,). Not to be written to."""
        return self._hidden_bias

    @property
    def visible(self) -> Unit:
        """The visible unit."""
        return self._visible

    @property
    def hidden(self) -> Unit:
        """The hidden unit."""
        return self._hidden

    @property
    def beta(self) -> float:
        """The inverse temperature β."""
        return self._beta

    @property
    def visible_size(self) -> int:
        """N_v, the number of visible sites."""
        return self.weights.shape[0]

    @property
    def hidden_size(self) -> int:
        """N_h, the number of hidden units."""
        return self.weights.shape[-1]

    @property
    def states(self) -> int | None:
        """q of a Potts visible layer, otherwise None."""
        return self.visible.site_shape[0] if self.visible.site_shape else None

    @property
    def dtype(self) -> torch.dtype:
        """float32 or float64."""
        return self.weights.dtype

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.weights.device

    def __repr__(self) -> str:
        shape = " × ".join(map(str, self.weights.shape))
        beta = "" if self.beta == 1 else f", beta={self.beta:g}"
        kind = str(self.dtype).removeprefix("torch.")
        return f"RBM({shape}, {self.visible!r} – {self.hidden!r}{beta}, {kind}, {self.device})"

    def _with(self, weights: Tensor, visible_bias: Tensor, hidden_bias: Tensor, **changes: object) -> RBM:
        options: dict = {"visible": self.visible, "hidden": self.hidden, "beta": self.beta, **changes}
        return RBM(weights, visible_bias, hidden_bias, **options)

    def __reduce__(self) -> tuple[Any, ...]:
        # as numbers: torch would have another process share the memory of its tensors
        numbers = [x.cpu().numpy() for x in (self.weights, self.visible_bias, self.hidden_bias)]
        return _from_numbers, (numbers, self.visible, self.hidden, self.beta, str(self.device))

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> RBM:
        """The same machine in another dtype or on another device; itself where nothing changes."""
        parameters = self.weights, self.visible_bias, self.hidden_bias
        moved = [x.to(device=device, dtype=dtype) for x in parameters]
        if all(x is before for x, before in zip(moved, parameters, strict=True)):
            return self
        return self._with(*moved)

    # ---- energies and conditionals, for batches of samples

    def _flat(self, v: Tensor) -> Tensor:
        return v.flatten(1) if self.visible.site_shape else v

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """E(v, h) of (1), without β. (n,)"""
        coupled = ((self._flat(v) @ self._weights.reshape(-1, self.hidden_size)) * h).sum(1)
        return -self._flat(v) @ self.visible_bias.reshape(-1) - h @ self.hidden_bias - coupled

    def hidden_field(self, v: Tensor) -> Tensor:
        """θ_h = β (b + vᵀW). (n, N_h)"""
        coupled = self._flat(v) @ self._weights.reshape(-1, self.hidden_size)
        return self.beta * (self.hidden_bias + coupled)

    def visible_field(self, h: Tensor) -> Tensor:
        """θ_v = β (a + Wh). (n, N_v) or (n, N_v, q)"""
        coupled = h @ self._weights.reshape(-1, self.hidden_size).T
        return self.beta * (self.visible_bias + coupled.reshape(len(h), *self.visible_bias.shape))

    def hidden_mean(self, v: Tensor) -> Tensor:
        """⟨h⟩ given v. (n, N_h)"""
        return self.hidden.mean(self.hidden_field(v))

    def visible_mean(self, h: Tensor) -> Tensor:
        """⟨v⟩ given h. (n, N_v) or (n, N_v, q)"""
        return self.visible.mean(self.visible_field(h))

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) of (2) with p(v) ∝ e^{−F(v)}: −β a·v − Σ_μ A_h(θ_h,μ). (n,), in units of kT"""
        bias_part = self.beta * (self._flat(v) @ self.visible_bias.reshape(-1))
        return -bias_part - self.hidden.log_partition(self.hidden_field(v)).sum(1)

    def sample_hidden(self, v: Tensor, generator: torch.Generator) -> Tensor:
        """h drawn from p(h | v)."""
        return self.hidden.sample(self.hidden_field(v), generator)

    def sample_visible(self, h: Tensor, generator: torch.Generator) -> Tensor:
        """v drawn from p(v | h)."""
        return self.visible.sample(self.visible_field(h), generator)

    def gibbs_step(self, v: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One block Gibbs step: h from p(h | v), then v from p(v | h). Returns (v, h)."""
        h = self.sample_hidden(v, generator)
        return self.sample_visible(h, generator), h

    # ---- the same machine, written otherwise

    def at_inverse_temperature(self, beta: float) -> RBM:
        """The same energy at another β."""
        return self._with(self.weights, self.visible_bias, self.hidden_bias, beta=beta)

    def convert(self, *, visible: str | None = None, hidden: str | None = None) -> RBM:
        """The machine of the same distribution with {0, 1} units written as ±1, or the reverse.

        v = (1 + s)/2 and h = (1 + τ)/2 (mathematics §2); energies change by a constant. Sums are
        taken in float64 and the machine's dtype is kept.

        Parameters
        ----------
        visible, hidden
            ``"bernoulli"`` or ``"spin"``; None leaves a layer as it is.

        Raises
        ------
        InvalidInput
            If a layer of other units is asked to change.
        """
        weights, a, b = (x.double() for x in (self.weights, self.visible_bias, self.hidden_bias))
        slope, shift = _encoding_change(self.visible, visible)
        if shift:
            b = b + shift * weights.sum(0)
        a, weights = a * slope, weights * slope
        slope, shift = _encoding_change(self.hidden, hidden)
        a, b, weights = a + shift * weights.sum(-1), b * slope, weights * slope
        return self._with(
            weights.to(self.dtype),
            a.to(self.dtype),
            b.to(self.dtype),
            visible=self.visible if visible is None else visible,
            hidden=self.hidden if hidden is None else hidden,
        )

    def zero_sum_gauge(self) -> RBM:
        """The Potts machine of the same distribution with Σ_q a_iq = 0 and Σ_q W_iqμ = 0 (mathematics §2).

        Raises
        ------
        InvalidInput
            If the visible units have no such freedom.
        """
        if self.states is None:
            raise InvalidInput(f"{self.visible.name} machines have no gauge freedom; only Potts machines do")
        excess = self.weights.double().mean(1, keepdim=True)
        weights = (self.weights - excess).to(self.dtype)
        hidden_bias = (self.hidden_bias + excess.sum((0, 1))).to(self.dtype)
        return self._with(weights, self.visible_bias - self.visible_bias.mean(1, keepdim=True), hidden_bias)

    # ---- exact answers for small machines

    def enumerate(self) -> Enumeration:
        """log Z, means and correlations by a sum over all configurations of one layer.

        Raises
        ------
        InvalidInput
            If neither layer has at most 2²² configurations.
        """
        machine = self.to(dtype=torch.float64)
        visible_count = float(self.states or 2) ** self.visible_size
        hidden_count = 2.0**self.hidden_size if self.hidden.in_visible else math.inf
        if min(visible_count, hidden_count) > _LARGEST_ENUMERATION:
            raise InvalidInput(
                f"{self!r}: too large to enumerate ({min(visible_count, hidden_count):.0e} configurations); "
                "use sampling instead"
            )
        if visible_count <= hidden_count:
            v = self.visible.configurations(self.visible_size, torch.float64).to(self.device)
            log_weight = -torch.cat([machine.free_energy(x) for x in v.split(_CHUNK)])
            h = torch.cat([machine.hidden_mean(x) for x in v.split(_CHUNK)])
        else:
            h = self.hidden.configurations(self.hidden_size, torch.float64).to(self.device)
            log_weight = torch.cat([machine._hidden_log_weight(x) for x in h.split(_CHUNK)])
            v = torch.cat([machine.visible_mean(x) for x in h.split(_CHUNK)])
        log_partition = torch.logsumexp(log_weight, 0)
        weight = torch.exp(log_weight - log_partition)
        shape = self.visible_bias.shape
        flat = v.flatten(1)
        return Enumeration(
            log_partition=float(log_partition),
            visible_mean=(weight @ flat).reshape(shape),
            hidden_mean=weight @ h,
            correlations=(flat.T @ (weight[:, None] * h)).reshape(*shape, self.hidden_size),
        )

    def _hidden_log_weight(self, h: Tensor) -> Tensor:
        visible = self.visible.log_partition(self.visible_field(h)).flatten(1).sum(1)
        return self.beta * (h @ self.hidden_bias) + visible


def _from_numbers(numbers: list[np.ndarray], visible: Unit, hidden: Unit, beta: float, device: str) -> RBM:
    """What is pickled, as a machine."""
    weights, visible_bias, hidden_bias = (torch.tensor(x, device=device) for x in numbers)
    return RBM(weights, visible_bias, hidden_bias, visible, hidden, beta)


def _parameter(values: Array, name: str) -> Tensor:
    tensor = torch.as_tensor(values).detach().clone()
    if tensor.dtype not in (torch.float32, torch.float64):
        raise InvalidInput(f"parameters: {name} is {tensor.dtype}; give float32 or float64")
    finite = torch.isfinite(tensor)
    if not bool(finite.all()):
        bad = torch.nonzero(~finite)
        place = tuple(int(x) for x in bad[0])
        kind = "NaN" if bool(torch.isnan(tensor[place])) else "an infinite value"
        raise InvalidInput(
            f"parameters: {name} holds {kind} at {place} ({len(bad)} in all); "
            "the training diverged, leave this machine out"
        )
    return tensor


def _encoding_change(unit: Unit, wanted: str | None) -> tuple[float, float]:
    """(slope, shift) with old state = shift + slope · new state."""
    if wanted is None or wanted == unit.name:
        return 1.0, 0.0
    if isinstance(unit, Bernoulli) and wanted == "spin":
        return 0.5, 0.5
    if isinstance(unit, Spin) and wanted == "bernoulli":
        return 2.0, -1.0
    raise InvalidInput(f"{unit.name} units cannot be written as {wanted}; only bernoulli and spin convert")
