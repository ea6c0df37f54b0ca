"""Real-valued units, for hidden layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.units._compiled_sweep import ClosedForm
from carving.units._scalar import ScalarUnit


@dataclass(frozen=True)
class Gaussian(ScalarUnit):
    """Real units under N(0, 1/γ): A = θ²/2γ, m = θ/γ.

    Parameters
    ----------
    precision
        γ > 0.
    """

    name: ClassVar[str] = "gaussian"
    in_visible: ClassVar[bool] = False
    precision: float = 1.0

    @classmethod
    def from_options(cls, *, states: int | None, precision: float | None) -> Gaussian:
        return cls() if precision is None else cls(precision)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.precision) and self.precision > 0):
            raise InvalidInput(f"gaussian units: precision {self.precision} is not a positive number")

    @property
    def closed_form(self) -> ClosedForm:
        return ClosedForm(gain=1 / self.precision, second=(1 / self.precision, 0, 0, 0))

    def log_partition(self, field: Tensor) -> Tensor:
        return field * field / (2 * self.precision)

    def mean(self, field: Tensor) -> Tensor:
        return field / self.precision

    def mean_(self, field: Tensor) -> Tensor:
        return field.div_(self.precision)

    def natural(self, m: Tensor) -> Tensor:
        return self.precision * m

    def entropy(self, m: Tensor) -> Tensor:
        return -0.5 * self.precision * m * m

    def sample(self, field: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(field.shape, generator=generator, dtype=field.dtype, device=field.device)
        return field / self.precision + noise / math.sqrt(self.precision)

    def draw(self, field: Tensor, room: Tensor, generator: torch.Generator) -> Tensor:
        room.normal_(generator=generator).div_(math.sqrt(self.precision))
        return field.div_(self.precision).add_(room)

    def encode(
        self, samples: object, dtype: torch.dtype, *, source: str = "samples", first_row: int = 0
    ) -> Tensor:
        raise InvalidInput(
            f"{source}: gaussian units are for hidden layers; samples need another visible unit"
        )

    def configurations(self, sites: int, dtype: torch.dtype) -> Tensor:
        raise InvalidInput("gaussian units have no list of configurations; enumerate the other layer")

    def cumulant(self, r: int, m: Tensor) -> Tensor:
        return (m, torch.full_like(m, 1 / self.precision), torch.zeros_like(m))[r - 1]

    def cumulant_slope(self, r: int, m: Tensor) -> Tensor | float:
        return (1.0, 0.0, 0.0)[r - 1]

    def cumulant_bend(self, r: int, m: Tensor) -> Tensor | float:
        return 0.0

    def _largest_slope(self, r: int) -> float:
        return 0.0
