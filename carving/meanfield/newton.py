"""Newton's method on the linearised equations: where exactly a point is, and how well that is known."""

from __future__ import annotations

import torch
from torch import Tensor

from carving.meanfield.capture import KnownPoints
from carving.meanfield.plefka import Plefka
from carving.meanfield.spent import Spent
from carving.meanfield.stability import Linearisation, rows_at_once

_LINEARISATIONS = 4
_CORRECTIONS = 6
# a single-precision linearisation is trusted where sweeps contract by more than this
_COARSE_GAP = 5e-3
# a linearisation this near to a point is the point's own; at least, and at most
_LINEAR_WITHIN = (1e-4, 0.01)


class Newton:
    """Finds the points that rows are near to.

    Parameters
    ----------
    plefka
        The expansion, in float64: residuals and points are.
    coarse
        The same in float32, for linearisations.
    tolerance
        Largest estimated error of a point.
    """

    def __init__(self, plefka: Plefka, coarse: Plefka, tolerance: float) -> None:
        self.plefka = plefka
        self.coarse = coarse
        self.tolerance = tolerance

    def points(self, v: Tensor, h: Tensor, rests: Tensor, spent: Spent) -> list[KnownPoints]:
        """Points found from float64 states; none for rows that lead to none. ``spent`` counts linearisations.

        Only minima are looked for; and saddles where a row ``rests``. Points that hardly attract, or where
        single precision makes no minimum, are sought in double precision.
        """
        found = []
        size = rows_at_once(self.coarse)
        for part in zip(*(x.split(size) for x in (v, h, rests)), strict=True):
            points, hard = self._with(self.coarse, spent, *part)
            found += points
            if len(hard):
                found += self._with(self.plefka, spent, *(x[hard] for x in part))[0]
        return found

    def _with(
        self, linearised: Plefka, spent: Spent, v: Tensor, h: Tensor, rests: Tensor
    ) -> tuple[list[KnownPoints], Tensor]:
        """What linearisations so precise find, and the rows for which they do not suffice."""
        rows = torch.arange(len(v), device=v.device)
        found, hard = [], [rows[:0]]
        for _ in range(_LINEARISATIONS):
            linear = Linearisation(linearised, v.to(linearised.dtype), h.to(linearised.dtype))
            spent.linearisations += len(v)
            fits = linear.stable | rests
            if linearised is self.coarse:
                fits = linear.stable & (linear.smallest >= _COARSE_GAP)
            if not bool(fits.all()):
                hard.append(rows[~fits])
                rows, v, h, rests = (x[fits] for x in (rows, v, h, rests))
                linear = linear[fits]
            if not len(rows):
                break
            v, h, travelled, left, gain = self._correct(linear, v, h)
            # the linearisation must be that of the point, for its gap and for its gain
            own = travelled <= (linear.smallest / 4).clamp(*_LINEAR_WITHIN)
            ready = own & (left <= self._rounding(gain))
            if bool(ready.any()):
                found.append(self._checked(linear, v, h, left, gain, ready))
            rows, v, h, rests = (x[~ready] for x in (rows, v, h, rests))
            if not len(rows):
                break
        return found, torch.cat(hard)

    def _checked(
        self, linear: Linearisation, v: Tensor, h: Tensor, left: Tensor, gain: Tensor, ready: Tensor
    ) -> KnownPoints:
        """Of states that are ready those that a sweep leaves within the tolerance of a point."""
        v, h, left, gain = (x[ready] for x in (v, h, left, gain))
        swept = self.plefka.sweep(v, h)
        moved = self.plefka.size(swept[0] - v, swept[1] - h)
        error = torch.maximum(left, self._rounding(gain)) + moved * (1 + gain)
        of_point = (x[ready].double() for x in (linear.gap, linear.slowest, *linear.slowest_after))
        return KnownPoints(*swept, error, linear.stable[ready], *of_point)[error <= self.tolerance]

    def _correct(self, linear: Linearisation, v: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        """Chord steps with one linearisation, a single one where that is far from the point.

        Returns the state, the way that it went, the distance left (chord steps shrink by a factor; a later
        sweep checks it), and by how much the linear system amplified residuals at most.
        """
        size = torch.full((len(v),), torch.inf, dtype=v.dtype, device=v.device)
        left, gain, travelled = size.clone(), torch.zeros_like(size), torch.zeros_like(size)
        v, h = v.clone(), h.clone()
        rows, going = torch.arange(len(v), device=v.device), torch.ones_like(size, dtype=torch.bool)
        for _ in range(_CORRECTIONS):
            if int(going.sum()) <= len(rows) / 2:
                # the last few alone: to pick out their systems costs as much as to solve them once
                linear, rows, going = linear[going], rows[going], going[going]
            residual = self.plefka.residual(v[rows], h[rows])
            delta = linear.correction(residual)
            last, step = size[rows], self.plefka.size(*delta)
            shrinks = step <= last / 2
            rest = torch.where(torch.isfinite(last) & shrinks, 2 * step * step / last, step)
            gained = torch.maximum(gain[rows], step / self.plefka.size(*residual).clamp(min=1e-300))
            moved = rows[going]
            v[moved] += delta[0][going]
            h[moved] += delta[1][going]
            size[moved], left[moved], gain[moved] = step[going], rest[going], gained[going]
            travelled[moved] += step[going]
            going &= (rest > self._rounding(gained)) & shrinks & (travelled[rows] <= _LINEAR_WITHIN[1])
            if not bool(going.any()):
                break
        far = size > _LINEAR_WITHIN[0]
        if bool(far.any()):
            # back into the range of magnetisations
            v[far], h[far] = self.plefka.sweep(v[far].nan_to_num(0.5), h[far].nan_to_num(0.5))
        return v, h, travelled, left, gain

    def _rounding(self, gain: Tensor) -> Tensor:
        """What float64 alone may cost at a point that amplifies residuals by ``gain``; never less than
        a thousandth of the tolerance is claimed."""
        return (4 * torch.finfo(gain.dtype).eps * (1 + gain)).clamp(min=1e-3 * self.tolerance)
