"""Points that are already known, and when a row belongs to one of them before it has arrived.

Most sweeps would be spent creeping towards a point that an earlier row has found. A row m at
e = m − m* from a known point m* is *captured* when one sweep F of it is a contraction that its
nonlinear part cannot undo:

    ‖F(m) − m* − Je‖ < t (1 − ρ) ‖e‖,

ρ the spectral radius of the sweep's Jacobian J at m*, t < 1: around m* sweeps shrink an error by
1 − ρ at least, and the nonlinear part, which shrinks with the square of the error, takes back less than
that. The boundary of a basin is where it takes back all. J is never formed: of a sweep from
halfway, F(m* + e/2), the nonlinear part is about a quarter as large as that of F(m), so that
2 (F(m) − m*) − 4 (F(m* + e/2) − m*) measures it, for every unit, order and kind of sweep. It would
measure nothing between two points with a saddle halfway, where m is as much at rest as m*; so both
sweeps must also shrink their errors by what the rule leaves of 1 − ρ, that is (1 − t) (1 − ρ).
What is not quadratic escapes a look at one point of the way: a row whose nonlinear part is beyond a
quarter of what the rule allows must pass at two looks in succession, some sweeps apart.

The look-up is by hidden magnetisations: at a fixed point they determine the visible ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from carving.meanfield.plefka import Plefka, State

# t of the rule
_STRICTNESS = 0.5
# share of what the rule allows below which one look is enough
SURELY = 0.25
# a refused row is asked again when it has come nearer by this factor, between
_AGAIN = (0.25, 0.9)


@dataclass
class KnownPoints:
    """Fixed points that rows can be captured by; one entry a point.

    ``gap`` is 1 − ρ for each kind of sweep, zero where a point is not known to attract it, (n, kinds).
    """

    visible: Tensor
    hidden: Tensor
    error: Tensor
    stable: Tensor
    gap: Tensor

    @classmethod
    def none(cls, v: Tensor, h: Tensor) -> KnownPoints:
        """No points yet, for states like these."""
        number = torch.zeros(0, dtype=torch.float64, device=v.device)
        v, h = v[:0].double(), h[:0].double()
        return cls(v, h, number, number.bool(), number.new_zeros(0, 3))

    def __getitem__(self, rows: Tensor | slice) -> KnownPoints:
        return KnownPoints(*(getattr(self, field.name)[rows] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.visible)

    def add(self, other: KnownPoints) -> None:
        """More points, after these."""
        for field in fields(self):
            setattr(self, field.name, torch.cat([getattr(self, field.name), getattr(other, field.name)]))
        self._in_dtype.clear()

    def add_new(self, plefka: Plefka, points: KnownPoints) -> None:
        """Those of these points that are not known yet: further from all others than both errors."""
        for index in range(len(points)):
            point = points[torch.tensor([index], device=points.error.device)]
            away = plefka.size(self.visible - point.visible, self.hidden - point.hidden)
            if not bool((away <= self.error + point.error).any()):
                self.add(point)

    def __post_init__(self) -> None:
        self._in_dtype: dict[torch.dtype, State] = {}

    def state(self, dtype: torch.dtype) -> State:
        """All points in a dtype."""
        if dtype not in self._in_dtype:
            self._in_dtype[dtype] = self.visible.to(dtype), self.hidden.to(dtype)
        return self._in_dtype[dtype]

    def nearest(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Euclidean distance in the hidden layer to the nearest point, and which that is."""
        if not len(self):
            return torch.full_like(h[:, 0], torch.inf), torch.zeros(
                len(h), dtype=torch.int64, device=h.device
            )
        distance, which = torch.cdist(h, self.state(h.dtype)[1]).min(1)
        return distance, which

    def nonlinearity(
        self,
        plefka: Plefka,
        sweep: Callable[..., State],
        kind: int,
        before: State,
        after: State,
        which: Tensor,
    ) -> Tensor:
        """Left over right side of the rule for rows and a point each, which holds below 1. (n,)

        Infinite where the sweep did not come nearer, or the point is not known to attract. One sweep.
        """
        point = tuple(x[which] for x in self.state(before[0].dtype))
        offset = tuple(x - m for x, m in zip(before, point, strict=True))
        halfway = sweep(*(m + e / 2 for m, e in zip(point, offset, strict=True)))
        moved = tuple(x - m for x, m in zip(after, point, strict=True))
        half_moved = tuple(y - m for y, m in zip(halfway, point, strict=True))
        curved = tuple(2 * x - 4 * y for x, y in zip(moved, half_moved, strict=True))
        length, gap = plefka.length(*offset), self.gap[which, kind].to(moved[1].dtype)
        allowed = _STRICTNESS * gap * length
        ratio = plefka.length(*curved) / allowed.clamp(min=torch.finfo(length.dtype).tiny)
        farthest = torch.maximum(plefka.length(*moved), 2 * plefka.length(*half_moved))
        contracts = farthest <= (1 - (1 - _STRICTNESS) * gap) * length
        return torch.where(contracts & (allowed > 0), ratio, torch.inf)


def ask_again_below(distance: Tensor, ratio: Tensor) -> Tensor:
    """Distance at which the rule may come true for a refused row: the nonlinear part is quadratic."""
    return distance * (1 / ratio).clamp(*_AGAIN)
