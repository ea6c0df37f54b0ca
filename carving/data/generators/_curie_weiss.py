"""Curie–Weiss data: one pattern, both signs (mathematics §7)."""

from dataclasses import dataclass

import numpy as np
import torch

from carving.data.generators._magnetisation import (
    pair_correlation,
    random_signs,
    sample_exactly,
    solve_magnetisation,
)
from carving.data.generators._settings import not_negative, sign_pattern, whole_at_least


@dataclass(frozen=True, eq=False)
class CurieWeissData:
    """Samples of p(s) ∝ exp((β/N) Σ_{i<j} ξ_i ξ_j s_i s_j), and what is known of them.

    Attributes
    ----------
    samples
        (n, N) int8 of ±1.
    pattern
        ξ, (N,) int8 of ±1.
    beta
        β.
    magnetisation
        The solution m ≥ 0 of m = tanh(βm): ξ·s/N is ±m in the limit of many sites.
    correlation
        ξ_i ξ_j ⟨s_i s_j⟩ for i ≠ j, exactly, at this number of sites; m² in the limit.
    """

    samples: np.ndarray
    pattern: np.ndarray
    beta: float
    magnetisation: float
    correlation: float


def curie_weiss(
    *,
    sites: int = 500,
    samples: int = 1000,
    beta: float = 1.5,
    pattern: np.ndarray | None = None,
    generator: torch.Generator,
) -> CurieWeissData:
    """Draw independent samples of the Curie–Weiss model, exactly.

    The machine of this distribution has one Gaussian hidden unit of precision N and weights √β ξ.

    Parameters
    ----------
    sites
        N, at least 2.
    samples
        How many to draw.
    beta
        Inverse temperature β; the transition is at 1.
    pattern
        ξ, ±1 on every site; random by default.
    generator
        Source of all randomness.
    """
    whole_at_least(2, sites=sites)
    whole_at_least(1, samples=samples)
    not_negative(beta=beta)
    if pattern is None:
        signs = random_signs((sites,), generator).cpu().numpy()
    else:
        signs = sign_pattern(pattern, sites)
    # (β/N) Σ_{i<j} is ½ (β/N) M² up to a constant, M = ξ·s
    coupling = beta / sites
    return CurieWeissData(
        samples=sample_exactly(sites, coupling, samples, generator) * signs,
        pattern=signs,
        beta=beta,
        magnetisation=solve_magnetisation(beta),
        correlation=pair_correlation(sites, coupling),
    )
