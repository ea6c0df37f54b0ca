"""Block Gibbs sampling of the Curie–Weiss machine, exactly, as a chain of its total magnetisation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from carving.data.generators._magnetisation import log_weights

# what quadrature leaves out, relative to a probability of 1, is e^−37 = 1e-16
_DIGITS = 37.0
_REACH = 9.0


@dataclass(frozen=True, eq=False)
class MagnetisationChain:
    """The spectrum of the chain of M = ξ·s under block Gibbs sampling; time in sweeps.

    A sweep draws h from N(√β M/N, 1/N) and then each ξ_i s_i = ±1 with mean tanh √β h: the next M depends
    on M alone. Whatever else a sweep does is forgotten within that sweep, so the eigenvalues of this chain,
    with zeros, are those of the chain of all 2^N configurations.

    Attributes
    ----------
    sites
        N.
    eigenvalues
        λ₁ = 1 ≥ λ₂ ≥ … ≥ 0, those above rounding (absolute error some 1e-15), float64 (K,).
    weights
        c_k: the autocorrelation of M after t ≥ 1 sweeps is Σ_k c_k λ_k^t, float64 (K,). c₁ = 0.
    """

    sites: int
    eigenvalues: np.ndarray
    weights: np.ndarray

    def __repr__(self) -> str:
        return f"MagnetisationChain({self.sites} sites, relaxation time {self.relaxation_time:.6g} sweeps)"

    @property
    def gap(self) -> float:
        """1 − λ₂. Below some 1e-12 it is rounding."""
        return 1.0 - float(self.eigenvalues[1])

    @property
    def relaxation_time(self) -> float:
        """τ = −1/log λ₂: the exponential autocorrelation time."""
        second = float(self.eigenvalues[1])
        if second <= 0:
            return 0.0
        return -1 / math.log(second) if second < 1 else math.inf

    @property
    def integrated_time(self) -> float:
        """½ + Σ_{t≥1} ρ(t) of M, as :func:`carving.training.quality.autocorrelation_time` measures it."""
        rest = slice(1, None)
        ratio = self.eigenvalues[rest] / (1 - self.eigenvalues[rest])
        return 0.5 + float(self.weights[rest] @ ratio)

    def autocorrelation(self, lags: np.ndarray) -> np.ndarray:
        """ρ(t) of M at whole lags t ≥ 0, float64 (lags,)."""
        lags = np.asarray(lags)
        rho = (self.eigenvalues ** lags[:, None]) @ self.weights
        return np.where(lags == 0, 1.0, rho)


def magnetisation_chain(sites: int, beta: float) -> MagnetisationChain:
    """The chain's spectrum from R(M, h) = p(M, h)/√(p(M) p(h)), whose squared singular values are the λ.

    (The transition matrix is Σ_h p(h | M) p(M′ | h), similar to R Rᵀ.) h is on a grid of about √N points, so
    the eigenproblem is that of RᵀR: N K flops to fill R, K values of h, and 2 N K² + 9 K³ to solve it.
    """
    total, log_p, field, step = _grids(sites, beta)
    given_total, given_field = _conditionals(total, field, sites, beta)
    # √(p(h | M) p(M | h)), neither of which can underflow where the other matters
    root = np.exp(0.5 * (given_total + given_field)) * math.sqrt(step)
    values, vectors = np.linalg.eigh(root.T @ root)
    values, vectors = values[::-1].clip(0, 1), vectors[:, ::-1]
    kept = values > 1e-14
    kept[:2] = True
    p = np.exp(log_p)
    along = (root.T @ (np.sqrt(p) * total)) @ vectors[:, kept]
    second_moment = float(p @ total**2)
    amounts = along**2 / second_moment / np.where(values[kept] > 0, values[kept], 1)
    # M is odd and the stationary distribution even
    amounts[0] = 0.0
    return MagnetisationChain(sites=sites, eigenvalues=values[kept], weights=amounts)


def transition_matrix(sites: int, beta: float) -> np.ndarray:
    """P(M → M′) of one sweep, float64 (N + 1, N + 1), M = −N, −N + 2, …, N; to some 1e-15."""
    total, _, field, step = _grids(sites, beta)
    given_total, given_field = _conditionals(total, field, sites, beta)
    return (np.exp(given_total) * step) @ np.exp(given_field).T


def _grids(sites: int, beta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """M, log p(M), h and the distance between two values of it."""
    total, weights = log_weights(sites, beta / sites)
    step = _widest_step(sites, beta)
    points = math.ceil((math.sqrt(beta) + _REACH / math.sqrt(sites)) / step)
    log_p = weights - torch.logsumexp(weights, 0)
    return total.numpy(), log_p.numpy(), step * np.arange(-points, points + 1), step


def _widest_step(sites: int, beta: float) -> float:
    """The step at which the trapezoidal rule over h is exact to rounding.

    The integrand e^{√β (M + M′) h − N h²/2} / (2cosh √β h)^N is analytic up to the pole at iπ/2√β. Moved up
    by d it grows by at most e^{N d²/2}/cos(√β d)^N, and the rule's error is that times e^{−2πd/step}.
    """
    shift = np.linspace(0, min(1.5 / math.sqrt(beta) if beta else math.inf, 20 / math.sqrt(sites)), 501)[1:]
    growth = sites * (shift**2 / 2 - np.log(np.cos(math.sqrt(beta) * shift)))
    return float((2 * math.pi * shift / (_DIGITS + growth)).max())


def _conditionals(
    total: np.ndarray, field: np.ndarray, sites: int, beta: float
) -> tuple[np.ndarray, np.ndarray]:
    """log p(h | M) and log p(M | h), both (N + 1, K)."""
    strength = math.sqrt(beta)
    given_total = -0.5 * sites * (field - strength * total[:, None] / sites) ** 2
    given_total += 0.5 * math.log(sites / (2 * math.pi))
    arrangements = log_weights(sites, 0.0)[1].numpy()
    up = strength * field
    log_normal = sites * np.logaddexp(up, -up)
    return given_total, arrangements[:, None] + total[:, None] * up - log_normal
