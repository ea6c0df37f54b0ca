"""Curie–Weiss machines exactly: one Gaussian hidden unit sees the spins only through M = Σ_i ξ_i s_i.

Block Gibbs sampling is then a chain h → M → h of two numbers, h | M ~ N(√x M/N, 1/N) and M a sum of spins in
the field √x h, whose transition operator is diagonalised on a grid of h.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import gammaln
from torch import Tensor

from carving import RBM, Gaussian


def curie_weiss(sites: int, x: float, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> RBM:
    """Weights √x ξ, precision N."""
    return RBM(
        x**0.5 * pattern(sites, seed=seed).to(dtype)[:, None],
        torch.zeros(sites, dtype=dtype),
        torch.zeros(1, dtype=dtype),
        "spin",
        Gaussian(precision=sites),
    )


def pattern(sites: int, *, seed: int = 0) -> Tensor:
    """ξ, a random ±1 pattern, float64."""
    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.randint(2, (sites,), generator=generator).double() - 1


def direction(sites: int, *, seed: int = 0) -> Tensor:
    """u = ξ/√N as a column. (N, 1)"""
    return pattern(sites, seed=seed)[:, None] / sites**0.5


def magnetisations(sites: int, x: float) -> tuple[np.ndarray, np.ndarray]:
    """All values of M and their probabilities ∝ binomial(N, (N + M)/2) e^{x M²/2N}."""
    up = np.arange(sites + 1)
    total = 2.0 * up - sites
    log_p = -gammaln(up + 1) - gammaln(sites - up + 1) + x * total**2 / (2 * sites)
    p = np.exp(log_p - log_p.max())
    return total, p / p.sum()


def exact_susceptibility(sites: int, x: float) -> tuple[float, float, float]:
    """⟨s²⟩, ⟨s²⟩ − ⟨|s|⟩² and Binder's cumulant of s = M/√N."""
    total, p = magnetisations(sites, x)
    s = total / sites**0.5
    second = float(p @ s**2)
    return second, second - float(p @ np.abs(s)) ** 2, 1 - float(p @ s**4) / (3 * second**2)


def exact_relaxation(sites: int, x: float) -> float:
    """−1/log λ₂ in sweeps: the largest eigenvalue below 1, that of an odd function of M."""
    total, p = magnetisations(sites, x)
    total, p = total[p > 1e-20], p[p > 1e-20]
    width = sites**-0.5
    edge = x**0.5 * total.max() / sites + 8 * width
    hidden, step = np.linspace(-edge, edge, int(6 * edge / width) + 1, retstep=True)
    away = (hidden[:, None] - x**0.5 * total / sites) / width
    joint = np.exp(-(away**2) / 2) * p
    # q(h, M)/√(q(h) q(M)), whose singular values squared are the eigenvalues of two half steps
    symmetric = joint / np.sqrt(joint.sum(1)[:, None] * joint.sum(0))
    assert step < width / 2
    return -1 / np.log(np.linalg.eigvalsh(symmetric @ symmetric.T)[-2])
