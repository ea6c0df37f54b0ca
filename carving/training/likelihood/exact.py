"""Exact log Z and log-likelihoods of machines with a small layer, by a sum over its configurations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.training.likelihood._rows import log_weights_of
from carving.units import Unit

# 22 units of two values
LARGEST_COUNT = 2**22
# numbers in both layers of the configurations that are summed at once: 4 MiB in float64, and a few times
# that for what is made of them
_CHUNK_NUMBERS = 2**19


def is_enumerable(machine: RBM) -> bool:
    """Whether one layer has at most 2²² configurations, 22 units of two values: as many as are summed."""
    layers = (machine.visible, machine.visible_size), (machine.hidden, machine.hidden_size)
    return min(_count(unit, sites) for unit, sites in layers) <= LARGEST_COUNT


def exact_log_partition(machine: RBM) -> float:
    """log Z of (1), by a sum over all configurations of one layer; the other is summed in closed form.

    The layer is the one with the fewer configurations, 2^N for two values and q^N for Potts units. Gaussian
    hidden units have none that could be listed and are integrated, relative to the normalised N(0, 1/γ).

    Parameters
    ----------
    machine
        Of any units and dtype; sums are taken in float64, on its device, in less than 100 MB.

    Raises
    ------
    InvalidInput
        If neither layer has at most 2²² configurations.

    Notes
    -----
    2 · N_v · q · N_h flops and as many A(θ) as the other layer has units, for each configuration: ten seconds
    for 2²² of them and 100 units.
    """
    machine = machine.to(dtype=torch.float64)
    visible = _count(machine.visible, machine.visible_size)
    hidden = _count(machine.hidden, machine.hidden_size)
    if not is_enumerable(machine):
        raise InvalidInput(
            f"{machine!r}: too large to enumerate ({min(visible, hidden):.0e} configurations, "
            f"at most {LARGEST_COUNT}); use annealed_importance_sampling"
        )
    # numbers, not tensors: small tensors between large ones that are given back keep the heap from shrinking
    rows = max(1, _CHUNK_NUMBERS // (machine.visible_bias.numel() + machine.hidden_size))
    if visible <= hidden:
        every = _configurations(machine.visible, machine.visible_size, rows, machine.device)
        parts = [float(torch.logsumexp(-machine.free_energy(v), 0)) for v in every]
    else:
        every = _configurations(machine.hidden, machine.hidden_size, rows, machine.device)
        parts = [float(torch.logsumexp(_hidden_log_weight(machine, h), 0)) for h in every]
    return float(torch.logsumexp(torch.tensor(parts, dtype=torch.float64), 0))


def exact_log_likelihood(machine: RBM, samples: Any) -> Tensor:
    """log p(v) of every sample, with :func:`exact_log_partition`.

    Parameters
    ----------
    machine
        With a layer of at most 2²² configurations.
    samples
        :class:`carving.Samples`, or a table (n, N_v) or one-hot (n, N_v, q) of any kind; read in blocks of
        rows.

    Returns
    -------
    Tensor
        (n,), float64, in nats.

    Raises
    ------
    InvalidInput
        If the machine is too large, or the samples are none of its visible layer.
    """
    log_weights = log_weights_of(machine, samples)
    return log_weights - exact_log_partition(machine)


def _count(unit: Unit, sites: int) -> float:
    """Configurations of a layer; a unit that cannot be visible has no list of states."""
    if not unit.in_visible:
        return math.inf
    states = len(unit.configurations(1, torch.float64))
    # as a float, a large layer would overflow
    return states**sites if sites * math.log2(states) < 1000 else math.inf


def _configurations(unit: Unit, sites: int, rows: int, device: torch.device) -> Iterator[Tensor]:
    """All configurations of a layer, (rows, N) or (rows, N, q) at a time: numbers written in base q."""
    states = unit.configurations(1, torch.float64).squeeze(1).to(device)
    place = len(states) ** torch.arange(sites, device=device)
    count = len(states) ** sites
    for first in range(0, count, rows):
        number = torch.arange(first, min(first + rows, count), device=device)
        yield states[number[:, None] // place % len(states)]


def _hidden_log_weight(machine: RBM, h: Tensor) -> Tensor:
    """log Σ_v e^{−βE(v, h)}, (rows,)."""
    over_visible = machine.visible.log_partition(machine.visible_field(h)).flatten(1).sum(1)
    return machine.beta * (h @ machine.hidden_bias) + over_visible
