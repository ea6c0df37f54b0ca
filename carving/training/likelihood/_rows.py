"""What is asked of samples: their unnormalised log-probabilities, and the frequencies of their sites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.training._configurations import Configurations


def log_weights_of(machine: RBM, samples: Any) -> Tensor:
    """−F(v) of (2) for every row, (n,) float64 on the machine's device."""
    machine = machine.to(dtype=torch.float64)
    return torch.cat([-machine.free_energy(v) for v in _statistics(machine, samples)])


def site_bias(machine: RBM, samples: Any) -> Tensor:
    """Biases of independent sites that have the samples' frequencies, with one uniform sample added to them.

    What to give as ``reference`` where samples are at hand: from there to a trained machine it is less far
    than from uniform sites.

    Parameters
    ----------
    machine
        Gives the visible unit.
    samples
        :class:`carving.Samples`, or a table (n, N_v) or one-hot (n, N_v, q).

    Returns
    -------
    Tensor
        (N_v,) or (N_v, q), float64.

    Raises
    ------
    InvalidInput
        If the samples are none of the machine's visible layer.
    """
    total = torch.zeros_like(machine.visible_bias, dtype=torch.float64)
    # without the added sample, a site that never changes would have an infinite bias
    total, count = machine.visible.mean(total), 1
    for v in _statistics(machine, samples):
        total, count = total + v.sum(0), count + len(v)
    return machine.visible.natural(total / count)


def _statistics(machine: RBM, samples: Any) -> Iterator[Tensor]:
    """v of the energy (1), some rows at a time, float64 on the machine's device."""
    rows = Configurations(samples, machine.visible, "samples")
    if rows.sites != machine.visible_size:
        raise InvalidInput(f"samples: have {rows.sites} sites; give a table (rows, {machine.visible_size})")
    for chunk in rows.slices(beside=machine.hidden_size):
        yield rows.read(chunk, torch.float64).to(machine.device).view(-1, *machine.visible_bias.shape)
