"""Susceptibility along a direction: how soft a state is, by linear response and by sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.meanfield import Plefka
from carving.meanfield.stability import Linearisation
from carving.physics._observables import (
    flat_directions,
    independent_parts,
    jackknife_error,
    leave_one_out,
)
from carving.rbm import RBM
from carving.training.quality import autocorrelation_time
from carving.training.quality.autocorrelation import by_observable


@dataclass(frozen=True)
class LinearResponse:
    """How the visible magnetisations of a fixed point follow a small field.

    Attributes
    ----------
    susceptibility
        χ_α = u^αᵀ (∂m_v/∂a) u^α, (k,) float64.
    response
        (∂m_v/∂a) u^α, shaped as the directions, float64.
    stable
        Whether the point is a minimum of Γ. Where it is not, χ is no variance and may be negative.
    """

    susceptibility: Tensor
    response: Tensor
    stable: bool


def linear_response(
    rbm: RBM, visible: Tensor, hidden: Tensor, directions: Tensor, *, order: int = 2
) -> LinearResponse:
    """χ_α = u^αᵀ [(∂²Γ/∂m²)⁻¹]_vv u^α at a fixed point (mathematics §6, "Susceptibility").

    The inverse Hessian is never made: the response to a field f on the visible layer solves the linearised
    equations (6) with the residual C_v f there and none on the hidden layer, C_v the covariance of each site.
    For Potts, along the tangent space Σ_q δm_q = 0. Units that are saturated do not respond.
    2 N_v·q N_h² + N_h³/3 flops once, and 2 N_v·q N_h for each direction.

    Parameters
    ----------
    rbm
        The machine. A field here adds to βa.
    visible, hidden
        Magnetisations of the fixed point, (N_v,) or (N_v, q), and (N_h,).
    directions
        u, one a column: (N_v, k) or (N_v, q, k). χ scales as their squared length.
    order
        Order of the expansion at which this is a fixed point.

    Raises
    ------
    InvalidInput
        If a shape is not of this machine, or for an unknown order.

    Notes
    -----
    To leading order in the couplings χ_α is the variance ⟨s_α²⟩ − ⟨s_α⟩²; order 1 alone misses terms of
    W² in the single-site variances. It diverges at the transition with the mean-field exponent γ = 1.
    """
    plefka = Plefka(rbm, order)
    columns = flat_directions(rbm, directions)
    if visible.shape != rbm.visible_bias.shape or hidden.shape != rbm.hidden_bias.shape:
        raise InvalidInput(
            f"fixed point: has shapes {tuple(visible.shape)} and {tuple(hidden.shape)}; the machine has "
            f"{tuple(rbm.visible_bias.shape)} and {tuple(rbm.hidden_bias.shape)}"
        )
    m_v = visible[None].detach().to(rbm.device, torch.float64)
    m_h = hidden[None].detach().to(rbm.device, torch.float64)
    linearised = Linearisation(plefka, m_v, m_h)
    curvature = plefka.visible.curvature(m_v, plefka.powers, plefka.hidden.cumulants(m_h, order))
    # without curvature a layer's answer to a field is its covariance times it
    driven = plefka.visible.answer(m_v, torch.zeros_like(curvature), columns.reshape(*m_v.shape, -1))
    # one direction at a time: rows of a linearisation each hold N_v·q·N_h numbers
    responses = [
        linearised.correction((driven[..., alpha], torch.zeros_like(m_h)))[0].flatten()
        for alpha in range(columns.shape[1])
    ]
    response = torch.stack(responses, 1)
    return LinearResponse(
        susceptibility=(columns * response).sum(0),
        response=response.reshape(directions.shape),
        stable=bool(linearised.stable[0]),
    )


@dataclass(frozen=True)
class SampledSusceptibility:
    """Moments of s_α along chains; one value for each observable, float64.

    Attributes
    ----------
    susceptibility, susceptibility_error
        χ = ⟨s²⟩ − ⟨s⟩² and its standard error.
    absolute, absolute_error
        ⟨s²⟩ − ⟨|s|⟩²: (1 − 2/π) χ before the transition, and finite after it.
    binder, binder_error
        Binder's cumulant 1 − ⟨s⁴⟩/(3⟨s²⟩²): 0 for one normal state, 2/3 for two sharp ones at ±s.
    too_short
        Whether chains are too short, together, for their moments to be known to be those of equilibrium:
        below 200 of their integrated autocorrelation times. bool
    """

    susceptibility: Tensor
    susceptibility_error: Tensor
    absolute: Tensor
    absolute_error: Tensor
    binder: Tensor
    binder_error: Tensor
    too_short: Tensor


def sampled_susceptibility(series: Tensor | np.ndarray) -> SampledSusceptibility:
    """Both forms of the susceptibility (mathematics §6), and Binder's cumulant, with errors.

    Errors are those of a jackknife over whole chains, which are independent however slow they are; fewer
    than twenty chains are cut into twenty parts or more, and parts should then be many autocorrelation
    times long. Binder, Z. Phys. B 43, 119 (1981).

    Parameters
    ----------
    series
        s_α = u^α·(v − m_v), as :func:`project_chains` gives it: (times, chains, observables), or
        (chains, times) of one; in equilibrium from the first time on.

    Raises
    ------
    InvalidInput
        If the series has another number of dimensions, fewer than 4 times, or a value that is not finite.

    Notes
    -----
    The form with absolute values and Binder's cumulant depend on where s is zero: at the followed state
    that the others are symmetric about.
    """
    values, shape = by_observable(series)
    found = np.array([_moments(x) for x in values])
    columns = [torch.from_numpy(column.copy()).reshape(shape) for column in found.T]
    too_short = autocorrelation_time(series).lower_bound
    return SampledSusceptibility(*columns, too_short=too_short)


def _moments(values: np.ndarray) -> list[float]:
    """χ, its form with absolute values, and Binder's cumulant, each with its error; (chains, times)."""
    parts = independent_parts(values)
    # |s| and s⁴ are of s itself, but χ is taken about a near point: moments of a far one cancel
    near = parts.mean()
    moments = np.stack(
        [
            (parts - near).mean(1),
            np.square(parts - near).mean(1),
            np.abs(parts).mean(1),
            np.square(parts).mean(1),
            (parts**4).mean(1),
        ],
        axis=1,
    )
    whole, without = _combined(moments.mean(0)[None])[0], _combined(leave_one_out(moments))
    return [x for pair in zip(whole, jackknife_error(without), strict=True) for x in pair]


def _combined(moments: np.ndarray) -> np.ndarray:
    """From (n, 5) moments, (n, 3)."""
    first, second, size, square, fourth = moments.T
    with np.errstate(invalid="ignore"):
        binder = 1 - fourth / (3 * square**2)
    return np.stack([second - first**2, square - size**2, binder], axis=1)
