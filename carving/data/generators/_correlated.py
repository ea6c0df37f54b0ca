"""Data of two correlated patterns (mathematics §7)."""

from dataclasses import dataclass

import numpy as np
import torch

from carving.data.generators._magnetisation import random_signs, sample_exactly, solve_magnetisation
from carving.data.generators._settings import not_negative, whole_at_least, within
from carving.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class CorrelatedPatternsData:
    """Samples of p(s) ∝ exp((β/2N) Σ_a (ξᵃ·s)²), a = 1, 2, and what is known of them.

    Attributes
    ----------
    samples
        (n, N) int8 of ±1.
    patterns
        ξ¹ = η¹ + η² and ξ² = η¹ − η², (2, N) int8 of ±1; their overlap ξ¹·ξ²/N is κ.
    directions
        η¹ and η², (2, N) int8: ±1 on the first N(1 + κ)/2 sites and on the rest, 0 elsewhere.
    beta
        β.
    kappa
        κ, as the whole number of sites in each block makes it.
    magnetisation
        (m⁺, m⁻): the solution m₁ ≥ m₂ ≥ 0 of m₁ ± m₂ = (1 ± κ) tanh β(m₁ ± m₂), m_a = ξᵃ·s/N. The
        others differ from it by signs and the exchange of both.
    """

    samples: np.ndarray
    patterns: np.ndarray
    directions: np.ndarray
    beta: float
    kappa: float
    magnetisation: tuple[float, float]


def correlated_patterns(
    *,
    sites: int = 1000,
    samples: int = 1000,
    beta: float = 2.5,
    kappa: float = 0.4,
    generator: torch.Generator,
) -> CorrelatedPatternsData:
    """Draw independent samples of the model of two correlated patterns, exactly.

    Σ_a (ξᵃ·s)² = 2 (η¹·s)² + 2 (η²·s)², so the two blocks of sites are independent of each other, and
    each is a Curie–Weiss model whose total magnetisation has a distribution known exactly.
    Transitions are at the temperatures 1/β = 1 + κ (m₁ = m₂ ≠ 0 below) and 1 − κ (m₁ ≠ m₂ below).

    Parameters
    ----------
    sites
        N, at least 2.
    samples
        How many to draw.
    beta
        Inverse temperature β.
    kappa
        Correlation κ of the two patterns, 0 … 1; rounded to a whole number of sites N(1 + κ)/2.
    generator
        Source of all randomness.
    """
    whole_at_least(2, sites=sites)
    whole_at_least(1, samples=samples)
    not_negative(beta=beta)
    within(0, 1, kappa=kappa)
    first = round(sites * (1 + kappa) / 2)
    if first == sites:
        raise InvalidInput(
            f"kappa: {kappa:g} leaves no site of {sites} on which the patterns differ; take less"
        )
    signs = random_signs((sites,), generator).cpu().numpy()
    directions = np.zeros((2, sites), dtype=np.int8)
    directions[0, :first], directions[1, first:] = signs[:first], signs[first:]
    # the weight of a block is exp((β/N) X²), X its magnetisation along η
    blocks = [sample_exactly(size, 2 * beta / sites, samples, generator) for size in (first, sites - first)]
    kappa = (2 * first - sites) / sites
    sum_of_both = (1 + kappa) * solve_magnetisation(beta * (1 + kappa))
    difference = (1 - kappa) * solve_magnetisation(beta * (1 - kappa))
    return CorrelatedPatternsData(
        samples=np.concatenate(blocks, axis=1) * signs,
        patterns=np.stack([directions[0] + directions[1], directions[0] - directions[1]]),
        directions=directions,
        beta=beta,
        kappa=kappa,
        magnetisation=((sum_of_both + difference) / 2, (sum_of_both - difference) / 2),
    )
