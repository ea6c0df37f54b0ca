"""{0, 1} units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from carving.units._compiled_sweep import ClosedForm
from carving.units._scalar import ScalarUnit, all_rows, checked_values


@dataclass(frozen=True)
class Bernoulli(ScalarUnit):
    """{0, 1} units: A = log(1 + e^θ), m = sigm θ."""

    name: ClassVar[str] = "bernoulli"

    @property
    def closed_form(self) -> ClosedForm:
        return ClosedForm(gain=1, scale=1, second=(0, 1, -1, 0), third=(0, 1, -3, 2))

    def log_partition(self, field: Tensor) -> Tensor:
        return torch.nn.functional.softplus(field, threshold=1e9)

    def mean(self, field: Tensor) -> Tensor:
        return torch.sigmoid(field)

    def mean_(self, field: Tensor) -> Tensor:
        return field.sigmoid_()

    def natural(self, m: Tensor) -> Tensor:
        return torch.logit(m)

    def entropy(self, m: Tensor) -> Tensor:
        return torch.special.entr(m) + torch.special.entr(1 - m)

    def sample(self, field: Tensor, generator: torch.Generator) -> Tensor:
        uniform = torch.rand(field.shape, generator=generator, dtype=field.dtype, device=field.device)
        return (uniform < torch.sigmoid(field)).to(field.dtype)

    def draw(self, field: Tensor, room: Tensor, generator: torch.Generator) -> Tensor:
        room.uniform_(generator=generator)
        return torch.lt(room, field.sigmoid_(), out=field)

    def encode(
        self, samples: object, dtype: torch.dtype, *, source: str = "samples", first_row: int = 0
    ) -> Tensor:
        hint = "for ±1 data use spin units, for anything else binarise first"
        return checked_values(samples, {0: "0", 1: "1"}, "bernoulli", hint, source, first_row).to(dtype)

    def configurations(self, sites: int, dtype: torch.dtype) -> Tensor:
        return all_rows((0, 1), sites, dtype)

    def cumulant(self, r: int, m: Tensor) -> Tensor:
        if r == 1:
            return m
        variance = m * (1 - m)
        return variance if r == 2 else variance * (1 - 2 * m)

    def cumulant_slope(self, r: int, m: Tensor) -> Tensor | float:
        if r == 1:
            return 1.0
        return 1 - 2 * m if r == 2 else 1 - 6 * m + 6 * m * m

    def cumulant_into(self, r: int, m: Tensor, out: Tensor) -> Tensor:
        if r == 2:
            return torch.addcmul(m, m, m, value=-1, out=out)
        return super().cumulant_into(r, m, out)

    def add_reaction_(self, field: Tensor, r: int, m: Tensor, message: Tensor) -> Tensor:
        if r == 2:
            return field.add_(message, alpha=0.5).addcmul_(m, message, value=-1)
        return super().add_reaction_(field, r, m, message)

    def cumulant_bend(self, r: int, m: Tensor) -> Tensor | float:
        return 12 * m - 6 if r == 3 else (0.0, -2.0)[r - 1]

    def _largest_slope(self, r: int) -> float:
        return 1.0
