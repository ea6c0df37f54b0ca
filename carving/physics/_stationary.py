"""States at which the gradient of Γ vanishes, minima or not: Newton's method from nearby."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from carving.meanfield.plefka import Plefka, State
from carving.meanfield.stability import Linearisation, rows_at_once

_STEPS = 30
# the first corrections must shrink at least by this, or the state found may be another one's continuation
# (the test of Deuflhard, Fiedler & Kunkel, SIAM J. Numer. Anal. 24, 912 (1987))
_SHRINKS = 0.5
# corrections with one linearisation, as long as each is so much smaller than the one before; at most so many
_CHORD_SHRINKS, _CHORDS = 0.25, 8
# a correction so large leads nowhere by itself
_FAR = 0.5
# what is left of a state after its last correction, max-norm
TOLERANCE = 1e-11


@dataclass(frozen=True)
class Stationary:
    """States of one machine, one a row.

    Attributes
    ----------
    visible, hidden
        m_v, m_h, float64.
    found
        Whether Newton's method converged, from its first step on, (n,) bool.
    curvature
        Smallest eigenvalue of the Hessian's symmetric form, with its sign, (n,); NaN where not found.
    index
        In how many directions Γ falls: 0 for a minimum, 1 for a saddle between two, (n,) int64.
    soft_visible, soft_hidden
        The direction of that eigenvalue, of unit length over both layers.
    """

    visible: Tensor
    hidden: Tensor
    found: Tensor
    curvature: Tensor
    index: Tensor
    soft_visible: Tensor
    soft_hidden: Tensor

    @property
    def stable(self) -> Tensor:
        """Which are minima of Γ. (n,) bool"""
        return self.found & (self.curvature > 0)

    def __len__(self) -> int:
        return len(self.visible)

    def __getitem__(self, rows: Tensor | slice) -> Stationary:
        return Stationary(**{name: value[rows] for name, value in vars(self).items()})

    def with_rows(self, rows: Tensor, part: Stationary) -> Stationary:
        """The same with some rows replaced."""

        def put(values: Tensor, new: Tensor) -> Tensor:
            values = values.clone()
            values[rows] = new
            return values

        return Stationary(**{name: put(value, getattr(part, name)) for name, value in vars(self).items()})

    @classmethod
    def joined(cls, parts: list[Stationary]) -> Stationary:
        """Several batches as one."""
        return cls(**{name: torch.cat([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def field_direction(plefka: Plefka, soft_hidden: Tensor) -> Tensor:
    """W δ_h of unit length: the change of the visible units' fields that goes with a change of state.

    It is a combination of the singular vectors u^α of W alone, so that its components along them say how much
    each has to do with it. (n, N_v) or (n, N_v, q); NaN where δ_h is.
    """
    weights = plefka.powers[0]
    if weights.ndim == 3:
        weights = weights - weights.mean(1, keepdim=True)
    field = soft_hidden @ weights.flatten(0, -2).T
    field = field / torch.linalg.vector_norm(field, dim=1, keepdim=True)
    return field.reshape(len(soft_hidden), *weights.shape[:-1])


def stationary_near(plefka: Plefka, v: Tensor, h: Tensor, *, strict: bool = True) -> Stationary:
    """The stationary states of Γ, equations (6) and (8), next to given ones.

    Parameters
    ----------
    plefka
        The expansion, in float64.
    v, h
        m_v and m_h to start from, one a row.
    strict
        Only accept what the first step already converges to: the state that continues the given one,
        when the machine has changed a little. Otherwise whatever Newton's method leads to.

    Notes
    -----
    A :class:`~carving.meanfield.stability.Linearisation` a step and row, some four steps from nearby.
    """
    size = rows_at_once(plefka)
    parts = zip(v.split(size), h.split(size), strict=True)
    return Stationary.joined([_newton(plefka, *part, strict) for part in parts])


def _newton(plefka: Plefka, v: Tensor, h: Tensor, strict: bool) -> Stationary:
    v, h = v.clone(), h.clone()
    going = torch.ones(len(v), dtype=torch.bool, device=v.device)
    found = torch.zeros_like(going)
    last = torch.full((len(v),), torch.inf, dtype=v.dtype, device=v.device)
    for step in range(_STEPS):
        rows = torch.nonzero(going)[:, 0]
        if not len(rows):
            break
        linear = Linearisation(plefka, v[rows], h[rows])
        active, lost = torch.ones_like(rows, dtype=torch.bool), torch.zeros_like(rows, dtype=torch.bool)
        for chord in range(_CHORDS):
            residual = plefka.residual(v[rows], h[rows])
            delta = linear.correction(residual)
            size, floor = plefka.size(*delta), _rounding(plefka, delta, residual)
            bound = last[rows] * (_SHRINKS if chord == 0 else _CHORD_SHRINKS)
            good = active & torch.isfinite(size) & ((size <= bound) | (size <= floor))
            if chord == 0:
                lost = ~(good if strict else torch.isfinite(size))
                good = ~lost
            elif chord == 1 and step == 0 and strict:
                lost |= active & ~good
            taken = rows[good]
            v[taken], h[taken] = v[taken] + delta[0][good], h[taken] + delta[1][good]
            last[taken], found[taken] = size[good], (size <= floor)[good]
            far = taken[size[good] > _FAR]
            if len(far):
                # back into the range of magnetisations
                v[far], h[far] = plefka.sweep(v[far], h[far])
            active = good & ~found[rows]
            if not bool(active.any()):
                break
        going[rows] = ~lost & ~found[rows]
    return _described(plefka, v, h, found)


def _rounding(plefka: Plefka, delta: State, residual: State) -> Tensor:
    """How small a correction can be, where the linear system amplifies residuals so much."""
    eps = torch.finfo(residual[0].dtype).eps
    gain = plefka.size(*delta) / plefka.size(*residual).clamp(min=torch.finfo(residual[0].dtype).tiny)
    return (8 * eps * (1 + gain)).nan_to_num(0.0, 0.0, 0.0).clamp(TOLERANCE, 1e4 * TOLERANCE)


def _described(plefka: Plefka, v: Tensor, h: Tensor, found: Tensor) -> Stationary:
    """How Γ curves there."""
    rows = torch.nonzero(found)[:, 0]
    curvature = torch.full((len(v),), torch.nan, dtype=v.dtype, device=v.device)
    index = torch.full((len(v),), -1, dtype=torch.int64, device=v.device)
    soft_v, soft_h = torch.full_like(v, torch.nan), torch.full_like(h, torch.nan)
    if len(rows):
        modes = Linearisation(plefka, v[rows], h[rows]).lowest_mode()
        curvature[rows], index[rows], soft_v[rows], soft_h[rows] = modes
    return Stationary(v, h, found, curvature, index, soft_v, soft_h)
