"""The machine of couplings (β/N) Σ_μ ξ^μ ξ^μᵀ, which all models of patterns share."""

from __future__ import annotations

import math

import numpy as np
import torch

from carving.data.generators._settings import whole_at_least
from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.units import Gaussian, Unit

_ENCODINGS = {"spin": 1.0, "bernoulli": 2.0}


def pattern_machine(patterns: np.ndarray, beta: float, *, visible: str, hidden: str, copies: int = 1) -> RBM:
    """The machine of patterns (P, N) of ±1 at inverse temperature β, float64 and without fields.

    Gaussian hidden units have precision N and weights √β ξ (§2): their visible distribution is exactly
    exp((β/2N) Σ_μ (ξ^μ·s)²). ±1 hidden units, ``copies`` a pattern, have weights √(β/(N copies)) ξ: the same
    to second order in W, see :meth:`carving.physics.models.Hopfield.quartic_coefficient`.
    """
    whole_at_least(1, copies=copies)
    encoding_scale(visible)
    signs = torch.from_numpy(patterns.T.astype(np.float64))
    sites = len(signs)
    if hidden == "gaussian":
        if copies != 1:
            raise InvalidInput(
                f"copies: {copies} of a gaussian hidden unit are no other machine than one; leave it at 1"
            )
        weights, unit = math.sqrt(beta) * signs, Gaussian(precision=sites)
    else:
        encoding_scale(hidden)
        weights, unit = math.sqrt(beta / (sites * copies)) * signs.repeat_interleave(copies, 1), "spin"
    return encoded(weights, unit, visible=visible, hidden=hidden)


def encoded(weights: torch.Tensor, unit: str | Unit, *, visible: str, hidden: str) -> RBM:
    """The machine of these weights between ±1 units, without fields, written in the units asked for."""
    zero = weights.new_zeros(weights.shape[0]), weights.new_zeros(weights.shape[1])
    rbm = RBM(weights, *zero, "spin", unit)
    return rbm.convert(visible=visible, hidden=None if hidden == "gaussian" else hidden)


def encoding_scale(unit: str) -> float:
    """By how much a field or a weight on such units is larger than on ±1 ones, for the same distribution.

    v = (1 + s)/2, so that κ s is 2κ v; fluctuations along a direction are smaller by the square.

    Raises
    ------
    InvalidInput
        For other units than ``"spin"`` and ``"bernoulli"``.
    """
    if unit not in _ENCODINGS:
        raise InvalidInput(
            f"unit {unit!r}: this model is written in 'spin' or 'bernoulli' units, or 'gaussian' hidden ones"
        )
    return _ENCODINGS[unit]
