"""The machine before its first update."""

from __future__ import annotations

import torch
from torch import Tensor

from carving.rbm import RBM
from carving.training._machine import pace
from carving.training._settings import Settings
from carving.units import Unit


def first_machine(
    statistics: Tensor, visible: Unit, hidden: Unit, settings: Settings, generator: torch.Generator
) -> RBM:
    """Independent sites with the frequencies of the data, and small random weights.

    The frequencies count one sample more than there are, spread evenly over all states, so that a state
    never seen has a finite bias. Biases are those of centred layers: at the mean of the data a hidden
    unit feels no field, and starts out in the middle of its range, where it learns fastest; at that
    mean of the hidden layer the sites have their frequencies. So a {0, 1} machine and its ±1 twin
    begin as the same machine.
    """
    count = len(statistics)
    no_field = visible.mean(torch.zeros(statistics.shape[1:], dtype=torch.float32))
    frequencies = (statistics.sum(0) + no_field.to(statistics.device)) / (count + 1)
    weights = torch.randn(
        (*statistics.shape[1:], settings.hidden), generator=generator, device=statistics.device
    )
    weights *= settings.weight_scale * pace(visible) * pace(hidden)
    hidden_bias = -(frequencies.flatten() @ weights.flatten(0, -2))
    visible_bias = visible.natural(frequencies) - weights @ hidden.mean(torch.zeros_like(hidden_bias))
    return RBM(weights, visible_bias, hidden_bias, visible=visible, hidden=hidden)
