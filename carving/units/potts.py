"""One-hot units with q states, for visible layers: letters of an alphabet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.units._potts_sweep import PottsSweep
from carving.units._scalar import all_rows
from carving.units._unit import FACTORIAL, NEWTON_STEPS, Unit

if TYPE_CHECKING:
    from carving.units._scalar import ScalarUnit

_HALVINGS = 30


@dataclass(frozen=True)
class Potts(Unit):
    """Units with q states, one-hot: A = logsumexp θ, m = softmax θ.

    Fields and curvatures of a site are defined up to what vanishes on Σ_q δm_q = 0.

    Parameters
    ----------
    states
        Their number q, at least 2.
    """

    name: ClassVar[str] = "potts"
    in_hidden: ClassVar[bool] = False
    states: int

    @classmethod
    def from_options(cls, *, states: int | None, precision: float | None) -> Potts:
        if states is None:
            raise InvalidInput("potts units need their number of states; give carving.Potts(states=…)")
        return cls(states)

    def __post_init__(self) -> None:
        if self.states < 2:
            raise InvalidInput(f"potts units: {self.states} states; at least 2 are needed")

    @property
    def site_shape(self) -> tuple[int, ...]:
        return (self.states,)

    def log_partition(self, field: Tensor) -> Tensor:
        return torch.logsumexp(field, -1)

    def mean(self, field: Tensor) -> Tensor:
        return torch.softmax(field, -1)

    def natural(self, m: Tensor) -> Tensor:
        return torch.log(m)

    def entropy(self, m: Tensor) -> Tensor:
        return torch.special.entr(m).sum(-1)

    def sample(self, field: Tensor, generator: torch.Generator) -> Tensor:
        ladder = torch.softmax(field, -1).cumsum(-1)
        uniform = torch.rand(field.shape[:-1], generator=generator, dtype=field.dtype, device=field.device)
        # rounding may leave the top of the ladder below 1
        code = (uniform[..., None] >= ladder).sum(-1).clamp_(max=self.states - 1)
        return torch.nn.functional.one_hot(code, self.states).to(field.dtype)

    def encode(
        self, samples: object, dtype: torch.dtype, *, source: str = "samples", first_row: int = 0
    ) -> Tensor:
        values = samples if isinstance(samples, Tensor) else torch.from_numpy(np.array(samples))
        if values.ndim == 3:
            wrong = ((values != 0) & (values != 1)).any(-1) | (values.sum(-1) != 1)
            if values.shape[-1] != self.states or bool(wrong.any()):
                place = ""
                if bool(wrong.any()):
                    row, column = (int(x) for x in torch.nonzero(wrong)[0])
                    place = f"row {row + first_row}, column {column}: "
                raise InvalidInput(
                    f"{source}: {place}not one-hot in {self.states} states; give integer codes "
                    f"0 … {self.states - 1}"
                )
            return values.to(dtype)
        if values.ndim != 2:
            raise InvalidInput(
                f"{source}: has {values.ndim} dimensions; potts samples are a table (samples, sites)"
            )
        # torch would wrap a number of states that a byte does not hold
        wide = values.short() if values.element_size() == 1 else values
        wrong = (values != torch.floor(values)) | (wide < 0) | (wide >= self.states)
        if bool(wrong.any()):
            row, column = (int(x) for x in torch.nonzero(wrong)[0])
            raise InvalidInput(
                f"{source}: row {row + first_row}, column {column}: {values[row, column].item():g} is not a "
                f"code of potts units (0 … {self.states - 1}); check the alphabet, and that the machine fits "
                "the data"
            )
        return torch.nn.functional.one_hot(values.long(), self.states).to(dtype)

    def configurations(self, sites: int, dtype: torch.dtype) -> Tensor:
        codes = all_rows(range(self.states), sites, torch.float64).long()
        return torch.nn.functional.one_hot(codes, self.states).to(dtype)

    @staticmethod
    def _moments(m: Tensor, powers: Sequence[Tensor]) -> list[Tensor]:
        """⟨w^r⟩ of every site, (N, n, other): one small product a site."""
        by_site = m.transpose(0, 1)
        return [torch.bmm(by_site, power) for power in powers]

    def influences(self, m: Tensor, powers: Sequence[Tensor]) -> tuple[Tensor, ...]:
        # (7): the cumulants of w under m
        first, *higher = self._moments(m, powers)
        result = [first]
        if higher:
            result.append(higher[0] - first**2)
        if len(higher) > 1:
            result.append(higher[1] - 3 * higher[0] * first + 2 * first**3)
        return tuple(x.sum(0) for x in result)

    def influence_changes(self, m: Tensor, powers: Sequence[Tensor], change: Tensor) -> tuple[Tensor, ...]:
        changes = self._moments(change, powers)
        means = self._moments(m, powers[: len(powers) - 1])
        result = changes[:1]
        if len(powers) > 1:
            result.append(changes[1] - 2 * means[0] * changes[0])
        if len(powers) > 2:
            bend = 6 * means[0] ** 2 - 3 * means[1]
            result.append(changes[2] - 3 * means[0] * changes[1] + bend * changes[0])
        return tuple(x.sum(0) for x in result)

    def reaction(self, m: Tensor, powers: Sequence[Tensor], conjugates: Sequence[Tensor]) -> Tensor:
        # (8): the parts without ⟨w⟩ are plain products, the others one small product a site
        total = sum(
            (conjugate / factorial) @ power.flatten(0, 1).T
            for conjugate, power, factorial in zip(conjugates, powers, FACTORIAL, strict=False)
        )
        total = torch.as_tensor(total).reshape(m.shape)
        if len(powers) == 1:
            return total
        first, *higher = self._moments(m, powers[: len(powers) - 1])
        in_first = -conjugates[1] * first
        if higher:
            in_first = in_first + conjugates[2] * (first**2 - higher[0] / 2)
            in_second = -0.5 * conjugates[2] * first
            total = total + torch.bmm(in_second, powers[1].transpose(1, 2)).transpose(0, 1)
        return total + torch.bmm(in_first, powers[0].transpose(1, 2)).transpose(0, 1)

    def cross_curvature(self, m: Tensor, powers: Sequence[Tensor], slopes: Sequence[Tensor]) -> Tensor:
        weights = powers[0]
        total = weights.expand(len(m), *weights.shape)
        if len(powers) == 1:
            return total
        moments = [x.transpose(0, 1)[:, :, None, :] for x in self._moments(m, powers[: len(powers) - 1])]
        first = moments[0]
        total = total + slopes[1][:, None, None, :] * (powers[1] / 2 - weights * first)
        if len(powers) > 2:
            bracket = powers[2] - 3 * powers[1] * first - 3 * weights * moments[1] + 6 * weights * first**2
            total = total + slopes[2][:, None, None, :] * bracket / 6
        return total

    def curvature(self, m: Tensor, powers: Sequence[Tensor], conjugates: Sequence[Tensor]) -> Tensor:
        n, sites, q = m.shape
        if len(powers) == 1:
            return m.new_zeros(n, sites, q, q)
        weights = powers[0]
        inner = conjugates[1][:, None, :].expand(n, sites, -1)
        if len(powers) > 2:
            first = self._moments(m, powers[:1])[0].transpose(0, 1)
            inner = inner - 2 * conjugates[2][:, None, :] * first
        total = torch.einsum("iqm,nim,ipm->niqp", weights, inner, weights)
        if len(powers) > 2:
            mixed = torch.einsum("iqm,nm,ipm->niqp", powers[1], conjugates[2] / 2, weights)
            total = total + mixed + mixed.transpose(2, 3)
        return total

    def _covariance(self, m: Tensor) -> Tensor:
        return torch.diag_embed(m) - m[..., :, None] * m[..., None, :]

    def answer(self, m: Tensor, curvature: Tensor, x: Tensor) -> Tensor:
        weighted = m[..., None] * x
        return self.screen(m, curvature, weighted - m[..., None] * weighted.sum(-2, keepdim=True))

    def screen(self, m: Tensor, curvature: Tensor, x: Tensor) -> Tensor:
        matrix = torch.eye(self.states, dtype=m.dtype, device=m.device) + self._covariance(m) @ curvature
        return torch.linalg.solve(matrix, x)

    def self_action(self, m: Tensor, curvature: Tensor) -> Tensor:
        # C⁻¹ + Q > 0 on the tangent space ⇔ 1 + √C Q √C > 0, and √C needs no inverse
        values, vectors = torch.linalg.eigh(self._covariance(m))
        root = vectors * values.clamp(min=0).sqrt()[..., None, :]
        inner = root.mT @ curvature @ root
        return torch.linalg.eigvalsh(inner).flatten(1)

    def settle(
        self, m: Tensor, bias: Tensor, powers: Sequence[Tensor], conjugates: Sequence[Tensor]
    ) -> Tensor:
        if len(powers) == 1:
            return self.mean(bias + self.reaction(m, powers, conjugates))
        theta = bias + self.reaction(m, powers, conjugates)

        def excess_of(theta: Tensor) -> Tensor:
            excess = theta - bias - self.reaction(self.mean(theta), powers, conjugates)
            return excess - excess.mean(-1, keepdim=True)

        excess = excess_of(theta)
        for _ in range(NEWTON_STEPS):
            size = excess.abs().amax(-1, keepdim=True)
            if not bool((size > 1e-13 * (1 + theta.abs().amax(-1, keepdim=True))).any()):
                break
            m = self.mean(theta)
            matrix = self.curvature(m, powers, conjugates) @ self._covariance(m)
            matrix = matrix + torch.eye(self.states, dtype=m.dtype, device=m.device)
            step = torch.linalg.solve(matrix, excess[..., None])[..., 0]
            length = torch.ones_like(size)
            tried = excess_of(theta - step)
            for _ in range(_HALVINGS):
                worse = tried.abs().amax(-1, keepdim=True) >= size
                if not bool(worse.any()):
                    break
                length = torch.where(worse, length / 2, length)
                tried = excess_of(theta - length * step)
            better = tried.abs().amax(-1, keepdim=True) < size
            if not bool(better.any()):
                break
            theta = torch.where(better, theta - length * step, theta)
            excess = torch.where(better, tried, excess)
        return self.mean(theta)

    def sweep_in_buffers(
        self,
        bias: Tensor,
        powers: Sequence[Tensor],
        hidden: ScalarUnit,
        hidden_bias: Tensor,
        rows: int,
    ) -> PottsSweep | None:
        return PottsSweep(bias, powers, hidden, hidden_bias, rows) if len(powers) <= 2 else None
