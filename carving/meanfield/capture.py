"""Points that are already known, and when a row belongs to one of them before it has arrived.

Most sweeps would be spent creeping towards a point that an earlier row has found. Write F for a sweep, J
for its Jacobian at a known point m*, e = m − m* for the distance of a row, and N = F(m) − m* − Je for
what is nonlinear in one sweep of it. A row is *captured* when it is near m* and

    ‖(1 − J)⁻¹ N‖ < t ‖F(m) − m*‖,   t < 1:

then Newton's step from m, with the linearisation of m* itself, lands nearer to m* than t times what a sweep
leaves of e. (Against e itself, what contracts fast and is gone with the next sweep would count as room for
what contracts slowly.) A mode of J that contracts slowly must have so little of N that the next point along
it, where N would take back all that the mode contracts, is further away than the row is; modes that
contract fast may have more.

Neither J nor its inverse is formed. Of the slowest mode the amount is known (from the hidden layer, at once
and a sweep later: what is nonlinear in the visible layer gets there only then), and 1 − J is at least the
first gap for it and at least the second gap for all else. And of a sweep from halfway, F(m* + e/2), the
nonlinear part is about a quarter as large as that of F(m), so that 2 (F(m) − m*) − 4 (F(m* + e/2) − m*)
measures N, for every unit, order and kind of sweep. It would measure nothing between two points with a
saddle halfway, where m is as much at rest as m*; so both sweeps must also shrink their errors by what the
rule leaves of the slowest mode's contraction.

What is not quadratic escapes a look at one point of the way. So nothing further away than `NEAR` is
captured, and a row whose left side is beyond half of what the rule allows must pass at two looks in
succession, some sweeps apart.

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
SURELY = 0.5
# Euclidean distance in the visible layer, with the scale of its units
NEAR = 0.5
# a row is at a point that is nearer than this times by how much sweeps contract there
_AT_POINT = 1e-3
# a refused row is asked again when it has come nearer by this factor, between
_AGAIN = (0.25, 0.9)


@dataclass
class KnownPoints:
    """Fixed points that rows can be captured by; one entry a point.

    ``gap`` and ``slowest`` are those of :class:`carving.meanfield.stability.Linearisation`: by how much each
    kind of sweep contracts, with and without the slowest mode, zero where a point is not known to attract it,
    (n, kinds, 2), and what tells the amount of that mode, (n, N_h). ``after_visible`` and ``after_hidden``
    are its ``slowest_after``: what tells that amount a sweep later.
    """

    visible: Tensor
    hidden: Tensor
    error: Tensor
    stable: Tensor
    gap: Tensor
    slowest: Tensor
    after_visible: Tensor
    after_hidden: Tensor

    @classmethod
    def none(cls, v: Tensor, h: Tensor) -> KnownPoints:
        """No points yet, for states like these."""
        number = torch.zeros(0, dtype=torch.float64, device=v.device)
        v, h = v[:0].double(), h[:0].double()
        return cls(v, h, number, number.bool(), number.new_zeros(0, 3, 2), h, v, h)

    def __getitem__(self, rows: Tensor | slice) -> KnownPoints:
        return KnownPoints(*(getattr(self, field.name)[rows] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.visible)

    def add(self, other: KnownPoints) -> None:
        """More points, after these."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        self._replace(KnownPoints(*map(torch.cat, pairs)))

    def add_new(self, plefka: Plefka, points: KnownPoints) -> Tensor:
        """Those of these points that are not known yet: further from all others than both errors.

        Returns which of those that are known now each of them is. (n,)
        """
        begin = len(self)
        self.add(points)
        kept = torch.ones_like(self.stable)
        which = torch.arange(begin, len(self), device=kept.device)
        for index in range(begin, len(self)):
            within = self.error[:index] + self.error[index]
            # by their hidden layers, which are smaller, hardly any point is as near
            apart = (self.hidden[:index] - self.hidden[index]).abs().amax(1) * plefka.hidden.distance_scale
            near = torch.nonzero(kept[:index] & (apart <= within))[:, 0]
            if not len(near):
                continue
            away = plefka.size(
                self.visible[near] - self.visible[index], self.hidden[near] - self.hidden[index]
            )
            nearest = away.where(away <= within[near], torch.inf).argmin()
            if away[nearest] <= within[near[nearest]]:
                kept[index] = False
                which[index - begin] = near[nearest]
        if not bool(kept.all()):
            which = (torch.cumsum(kept, 0) - 1)[which]
            self._replace(self[kept])
        return which

    def _replace(self, other: KnownPoints) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(other, field.name))
        self._in_dtype.clear()

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

    def beyond(self, plefka: Plefka, v: Tensor, which: Tensor) -> Tensor:
        """Distance in the visible layer from a point for each row, in units of `NEAR`. (n,)"""
        offset = v - self.state(v.dtype)[0][which]
        return plefka.length(offset, offset.new_zeros(len(v), 1)) / NEAR

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

        NaN where the sweeps did not come nearer, or the point is not known to attract. One sweep.
        """
        point = tuple(x[which] for x in self.state(before[0].dtype))
        offset = tuple(x - m for x, m in zip(before, point, strict=True))
        halfway = sweep(*(m + e / 2 for m, e in zip(point, offset, strict=True)))
        moved = tuple(x - m for x, m in zip(after, point, strict=True))
        half_moved = tuple(y - m for y, m in zip(halfway, point, strict=True))
        curved = tuple(2 * x - 4 * y for x, y in zip(moved, half_moved, strict=True))
        dtype = moved[1].dtype
        length, left = plefka.length(*offset), plefka.length(*moved)
        slow_gap, gap = self.gap[which, kind].to(dtype).clamp(min=torch.finfo(dtype).tiny).unbind(1)
        # a sweep tells the hidden layer first, and what is nonlinear in the visible one only with the next
        at_once = _amount(self.slowest[which], curved[1])
        later = _amount(self.after_visible[which], curved[0]) + _amount(self.after_hidden[which], curved[1])
        of_slowest = torch.maximum(at_once.abs(), later.abs()) / slow_gap
        displaced = torch.hypot(of_slowest, plefka.length(*curved) / gap)
        farthest = torch.maximum(left, 2 * plefka.length(*half_moved))
        contracts = farthest <= (1 - (1 - _STRICTNESS) * slow_gap) * length
        ratio = displaced / (_STRICTNESS * left)
        # so near that rounding may be most of what is measured, and what is not linear next to nothing
        ratio = torch.where(length <= _AT_POINT * slow_gap, 0, ratio)
        contracts |= ratio == 0
        # where not even the sweeps come nearer, nothing is known of how far the rule is from coming true
        return torch.where(contracts & (self.gap[which, kind, 0] > 0), ratio, torch.nan)


def _amount(functional: Tensor, difference: Tensor) -> Tensor:
    return (functional.to(difference.dtype) * difference).flatten(1).sum(1)


def ask_again_below(distance: Tensor, ratio: Tensor) -> Tensor:
    """Distance at which the rule may come true for a refused row: the nonlinear part is quadratic."""
    return distance * (1 / ratio).nan_to_num(_AGAIN[1]).clamp(*_AGAIN)
