"""Units whose state is one number: their part in Plefka's expansion through κ₂, κ₃ and derivatives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.units._compiled_sweep import ClosedForm, compiled_sweep
from carving.units._scalar_sweep import ScalarSweep
from carving.units._sweeps import Sweeps
from carving.units._unit import FACTORIAL, NEWTON_STEPS, Unit


class ScalarUnit(Unit):
    """A unit whose state is one number, so that κ_r(w·σ) = w^r κ_r(m)."""

    @property
    def closed_form(self) -> ClosedForm | None:
        """Its mean and its cumulants in numbers, for compiled code; None where they have no such form."""
        return None

    @abstractmethod
    def cumulant(self, r: int, m: Tensor) -> Tensor:
        """κ_r(m), r = 1, 2, 3; κ₁ = m."""

    @abstractmethod
    def cumulant_slope(self, r: int, m: Tensor) -> Tensor | float:
        """κ_r′(m)."""

    @abstractmethod
    def cumulant_bend(self, r: int, m: Tensor) -> Tensor | float:
        """κ_r″(m)."""

    def cumulant_into(self, r: int, m: Tensor, out: Tensor) -> Tensor:
        """κ_r(m), written into ``out``."""
        return out.copy_(self.cumulant(r, m))

    def add_reaction_(self, field: Tensor, r: int, m: Tensor, message: Tensor) -> Tensor:
        """(1/r!) κ_r′(m) ∘ message, added to ``field``; ``message`` may be used up."""
        return field.add_(message.mul_(self.cumulant_slope(r, m)), alpha=1 / FACTORIAL[r - 1])

    def has_slope(self, r: int) -> bool:
        """Whether κ_r′ is anything but zero, so that the message of that order matters."""
        return self._largest_slope(r) > 0

    def cumulants(self, m: Tensor, order: int) -> tuple[Tensor, ...]:
        """(κ₁, …, κ_order)."""
        return tuple(self.cumulant(r, m) for r in range(1, order + 1))

    def slopes(self, m: Tensor, order: int) -> tuple[Tensor, ...]:
        """(κ₁′, …, κ_order′), each like m."""
        return tuple(torch.zeros_like(m) + self.cumulant_slope(r, m) for r in range(1, order + 1))

    def field(self, m: Tensor, messages: Sequence[Tensor]) -> Tensor:
        """Σ_r (1/r!) κ_r′(m) ∘ message_r: the sum in (6)."""
        total = messages[0]
        for r, message in enumerate(messages[1:], start=2):
            total = total + self.cumulant_slope(r, m) * message / FACTORIAL[r - 1]
        return total

    def field_slope(self, m: Tensor, messages: Sequence[Tensor]) -> Tensor:
        """∂/∂m of :meth:`field`."""
        total = torch.zeros_like(m)
        for r, message in enumerate(messages[1:], start=2):
            total = total + self.cumulant_bend(r, m) * message / FACTORIAL[r - 1]
        return total

    def settle_messages(self, m: Tensor, bias: Tensor, messages: Sequence[Tensor]) -> Tensor:
        """m = mean(bias + field(m)) for given messages, by Newton's method kept inside a bracket.

        To second order this is the minimum of a strictly convex function of each unit; to third the
        equation may have several roots, and the one found is a continuous choice, not always a minimum.
        """
        constant = bias + messages[0]
        if len(messages) == 1:
            return self.mean(constant)
        bends = [torch.zeros_like(messages[0]), *messages[1:]]
        theta = constant + self.field(m, bends)
        reach = sum(
            (self._largest_slope(r) / FACTORIAL[r - 1]) * message.abs()
            for r, message in enumerate(messages[1:], start=2)
        )
        low, high = constant - reach, constant + reach
        rounding = 8 * torch.finfo(m.dtype).eps * (1 + constant.abs() + reach)
        for _ in range(NEWTON_STEPS):
            m = self.mean(theta)
            excess = theta - constant - self.field(m, bends)
            if not bool((excess.abs() > rounding).any()):
                break
            low = torch.where(excess < 0, theta, low)
            high = torch.where(excess > 0, theta, high)
            slope = 1 - self.field_slope(m, bends) * self.cumulant(2, m)
            newton = theta - excess / slope
            # a last step that rounds to an end of the bracket is the answer, not a reason to bisect
            inside = ((newton > low) & (newton < high)) | ((newton - theta).abs() <= rounding)
            inside &= slope > 0
            update = torch.where(inside, newton, (low + high) / 2)
            if bool((update == theta).all()):
                break
            theta = torch.where(excess == 0, theta, update)
        return self.mean(theta)

    @abstractmethod
    def _largest_slope(self, r: int) -> float:
        """max |κ_r′| over the range of m."""

    def influences(self, m: Tensor, powers: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(self.cumulant(r, m) @ power for r, power in enumerate(powers, start=1))

    def influence_changes(self, m: Tensor, powers: Sequence[Tensor], change: Tensor) -> tuple[Tensor, ...]:
        slopes = (self.cumulant_slope(r, m) for r in range(1, len(powers) + 1))
        return tuple((slope * change) @ power for slope, power in zip(slopes, powers, strict=True))

    def _messages(self, powers: Sequence[Tensor], conjugates: Sequence[Tensor]) -> list[Tensor]:
        return [conjugate @ power.T for conjugate, power in zip(conjugates, powers, strict=True)]

    def reaction(self, m: Tensor, powers: Sequence[Tensor], conjugates: Sequence[Tensor]) -> Tensor:
        return self.field(m, self._messages(powers, conjugates))

    def cross_curvature(self, m: Tensor, powers: Sequence[Tensor], slopes: Sequence[Tensor]) -> Tensor:
        total = powers[0].expand(len(m), *powers[0].shape)
        for r, power in enumerate(powers[1:], start=2):
            slope = (torch.zeros_like(m) + self.cumulant_slope(r, m)) / FACTORIAL[r - 1]
            # in the memory of one array: a new one of this size costs as much as what fills it
            term = slope[:, :, None] * power
            total = torch.addcmul(total, term, slopes[r - 1][:, None, :], out=term)
        return total

    def curvature(self, m: Tensor, powers: Sequence[Tensor], conjugates: Sequence[Tensor]) -> Tensor:
        return -self.field_slope(m, self._messages(powers, conjugates))

    def answer(self, m: Tensor, curvature: Tensor, x: Tensor) -> Tensor:
        variance = self.cumulant(2, m)
        return (variance / (1 + variance * curvature))[..., None] * x

    def screen(self, m: Tensor, curvature: Tensor, x: Tensor) -> Tensor:
        return x / (1 + self.cumulant(2, m) * curvature)[..., None]

    def self_action(self, m: Tensor, curvature: Tensor) -> Tensor:
        return self.cumulant(2, m) * curvature

    def settle(
        self, m: Tensor, bias: Tensor, powers: Sequence[Tensor], conjugates: Sequence[Tensor]
    ) -> Tensor:
        return self.settle_messages(m, bias, self._messages(powers, conjugates))

    def sweep_in_buffers(
        self,
        bias: Tensor,
        powers: Sequence[Tensor],
        hidden: ScalarUnit,
        hidden_bias: Tensor,
        rows: int,
    ) -> Sweeps:
        compiled = compiled_sweep(self.closed_form, bias, powers, hidden.closed_form, hidden_bias, rows)
        return compiled or ScalarSweep(self, bias, powers, hidden, hidden_bias, rows)


def checked_values(
    samples: object, allowed: dict[float, str], unit: str, hint: str, source: str, first_row: int
) -> Tensor:
    """``samples`` as a tensor (n, N), every value among ``allowed``."""
    values = samples if isinstance(samples, Tensor) else torch.from_numpy(np.array(samples))
    if values.ndim != 2:
        raise InvalidInput(
            f"{source}: has {values.ndim} dimensions; {unit} samples are a table (samples, sites)"
        )
    good = torch.zeros(values.shape, dtype=torch.bool, device=values.device)
    for value in allowed:
        # torch would wrap a negative number, and find 255 equal to it
        if value >= 0 or values.dtype.is_signed:
            good |= values == value
    if not bool(good.all()):
        row, column = (int(x) for x in torch.nonzero(~good)[0])
        found = values[row, column].item()
        raise InvalidInput(
            f"{source}: row {row + first_row}, column {column}: {found:g} is not a value of {unit} units "
            f"({' or '.join(allowed.values())}); {hint}"
        )
    return values


def all_rows(values: Sequence[float], sites: int, dtype: torch.dtype) -> Tensor:
    grid = torch.cartesian_prod(*[torch.arange(len(values))] * sites).reshape(-1, sites)
    return torch.tensor(values, dtype=dtype)[grid]
