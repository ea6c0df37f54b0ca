"""Exact sampling of ±1 sites whose probability depends on their total magnetisation alone."""

import math

import numpy as np
import torch
from torch import Tensor

_BLOCK_CELLS = 2**22


def random_signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Independent ±1, each with probability ½; int8."""
    return torch.randint(0, 2, shape, generator=generator, device=generator.device).to(torch.int8) * 2 - 1


def log_weights(sites: int, coupling: float) -> tuple[Tensor, Tensor]:
    """The total magnetisations M = Σ s_i of p(s) ∝ exp(½ coupling M²), and their log weights.

    M = 2k − N with k sites up is reached by N!/k!(N − k)! arrangements. Both (N + 1,), float64, the
    log weights without normalisation.
    """
    up = torch.arange(sites + 1, dtype=torch.float64)
    total = 2 * up - sites
    arrangements = (
        math.lgamma(sites + 1) - torch.special.gammaln(up + 1) - torch.special.gammaln(sites - up + 1)
    )
    return total, arrangements + 0.5 * coupling * total**2


def pair_correlation(sites: int, coupling: float) -> float:
    """⟨s_i s_j⟩, i ≠ j, of p(s) ∝ exp(½ coupling M²), exactly: (⟨M²⟩ − N) / N(N − 1)."""
    total, weights = log_weights(sites, coupling)
    second_moment = float((torch.softmax(weights, 0) * total**2).sum())
    return (second_moment - sites) / (sites * (sites - 1))


def sample_exactly(sites: int, coupling: float, samples: int, generator: torch.Generator) -> np.ndarray:
    """Independent samples (samples, sites) of p(s) ∝ exp(½ coupling M²), int8 of ±1.

    M is drawn from its exact distribution; given M all arrangements are equally probable.
    """
    device = generator.device
    _, weights = log_weights(sites, coupling)
    cumulative = torch.softmax(weights, 0).cumsum(0)
    uniform = torch.rand(samples, dtype=torch.float64, generator=generator, device=device).cpu()
    # × the last entry, which rounding leaves a little beside 1
    up = torch.searchsorted(cumulative, uniform * cumulative[-1], right=True).clamp_(max=sites)
    result = np.empty((samples, sites), dtype=np.int8)
    block = max(1, _BLOCK_CELLS // sites)
    for begin in range(0, samples, block):
        some = up[begin : begin + block]
        keys = torch.rand(len(some), sites, dtype=torch.float64, generator=generator, device=device)
        order = keys.argsort(1).cpu()
        signs = torch.where(torch.arange(sites) < some[:, None], 1, -1).to(torch.int8)
        result[begin : begin + block] = torch.empty_like(signs).scatter_(1, order, signs).numpy()
    return result


def solve_magnetisation(coupling: float) -> float:
    """The largest solution of m = tanh(coupling · m); 0 up to a coupling of 1."""
    if coupling <= 1:
        return 0.0
    # tanh(coupling m) > m below the solution and < m above it
    low, high = 0.0, 1.0
    while (middle := 0.5 * (low + high)) not in (low, high):
        if math.tanh(coupling * middle) > middle:
            low = middle
        else:
            high = middle
    return high
