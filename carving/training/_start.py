"""The machine before its first update."""

from __future__ import annotations

import torch
from torch import Tensor

from carving.rbm import RBM
from carving.training._machine import pace
from carving.training._settings import Settings
from carving.units import Unit


def first_machine(
    frequencies: Tensor,
    count: int,
    visible: Unit,
    hidden: Unit,
    settings: Settings,
    generator: torch.Generator,
) -> RBM:
    """Independent sites with the frequencies of the data, and small random weights.

    The frequencies count one sample more than there are, spread evenly over all states, so that a state
    never seen has a finite bias. Biases are those of centred layers: at the mean of the data a hidden
    unit feels no field, and starts out in the middle of its range, where it learns fastest; at that
    mean of the hidden layer the sites have their frequencies. So a {0, 1} machine and its ±1 twin
    begin as the same machine.

    Parameters
    ----------
    frequencies
        Means of the statistics, (N_v,) or (N_v, q), and of how many samples: ``count``.
    """
    device = generator.device
    no_field = visible.mean(torch.zeros(frequencies.shape, dtype=torch.float64))
    smoothed = ((frequencies * count + no_field) / (count + 1)).float().to(device)
    weights = torch.randn((*frequencies.shape, settings.hidden), generator=generator, device=device)
    weights *= settings.weight_scale * pace(visible) * pace(hidden)
    hidden_bias = -(smoothed.flatten() @ weights.flatten(0, -2))
    visible_bias = visible.natural(smoothed) - weights @ hidden.mean(torch.zeros_like(hidden_bias))
    beta = settings.beta
    return RBM(
        weights / beta, visible_bias / beta, hidden_bias / beta, visible=visible, hidden=hidden, beta=beta
    )
