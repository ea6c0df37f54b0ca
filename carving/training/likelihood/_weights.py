"""Importance weights, kept as logarithms: means, effective numbers and resampling."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def log_mean(log_weights: Tensor) -> Tensor:
    """log of the mean of the weights along the last dimension."""
    return torch.logsumexp(log_weights, -1) - math.log(log_weights.shape[-1])


def effective_count(log_weights: Tensor) -> Tensor:
    """(Σw)²/Σw² along the last dimension: how many equal weights would be as good (Kong 1992)."""
    return torch.exp(2 * torch.logsumexp(log_weights, -1) - torch.logsumexp(2 * log_weights, -1))


def systematic_resampling(log_weights: Tensor, generator: torch.Generator) -> Tensor:
    """Indices (groups, n) of chains drawn within each group in proportion to their weights (groups, n).

    One uniform number u a group, and the chains that the ladder of weights has at (u + k)/n: chain i is
    drawn n·w_i times on average, with the least spread around it.
    """
    groups, count = log_weights.shape
    ladder = torch.softmax(log_weights, -1).cumsum(-1)
    uniform = torch.rand(groups, 1, generator=generator, dtype=ladder.dtype, device=ladder.device)
    places = (torch.arange(count, device=ladder.device) + uniform) / count
    # rounding may leave the top of the ladder below the last place
    return torch.searchsorted(ladder, places, right=True).clamp_(max=count - 1)
