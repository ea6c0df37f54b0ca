"""A walk past some machines in a row, with an estimate of log Z at each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from carving.checkpoints import CheckpointSequence
from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.sampling._flat import FlatMachine
from carving.sampling.steps import find_steps
from carving.training.likelihood._placement import place_stops
from carving.training.likelihood._walkers import Walkers
from carving.training.likelihood.estimate import Estimate, estimate_from

# enough to know their variance to a sixth, and few enough to leave each of them many chains
POPULATIONS = 20


def follow(
    machines: CheckpointSequence | Sequence[RBM],
    *,
    generator: torch.Generator,
    chains: int,
    temperatures: int,
    reference: Tensor | None,
    steps: str,
) -> list[Estimate]:
    """Walk from independent sites past all machines; see :func:`trajectory_annealed_importance_sampling`."""
    if chains < POPULATIONS:
        raise InvalidInput(f"chains: are {chains}; give at least {POPULATIONS}")
    if temperatures < 1:
        raise InvalidInput(f"temperatures: are {temperatures}; give at least 1")
    if not len(machines):
        raise InvalidInput("checkpoints: hold no machine; give at least 1")
    first = machines[0]
    if not find_steps(steps).serves(FlatMachine(first)):
        raise InvalidInput(f"steps: {steps!r} do not serve {first!r}; give 'plain'")
    start = _independent(first, reference)
    stops = place_stops(start, _alike(machines), len(machines), temperatures, chains, generator, steps=steps)
    walkers = Walkers(start, POPULATIONS, -(-chains // POPULATIONS), generator, steps=steps)
    estimates = []
    for machine, times in zip(_alike(machines), stops, strict=True):
        walkers.walk(machine, times)
        estimates.append(estimate_from(walkers.log_weights))
    return estimates


def _independent(machine: RBM, reference: Tensor | None) -> RBM:
    """A machine of independent sites at the start of the way, by default uniform ones.

    Without any parameters at the start, the way to a machine lowers the temperature, and is the same for a
    {0, 1} machine, whose biases hold half its weights, as for its ±1 twin. A start from the machine's own
    biases would put the chains into one of its states, if it has several.
    """
    bias = torch.zeros_like(machine.visible_bias)
    if reference is not None:
        if reference.shape != bias.shape:
            raise InvalidInput(
                f"reference: has shape {tuple(reference.shape)}, but the visible bias {tuple(bias.shape)}; "
                "give one number for each of its"
            )
        bias = reference.to(bias)
    weights, hidden_bias = torch.zeros_like(machine.weights), torch.zeros_like(machine.hidden_bias)
    return RBM(weights, bias, hidden_bias, visible=machine.visible, hidden=machine.hidden)


def _alike(machines: CheckpointSequence | Sequence[RBM]) -> Iterator[RBM]:
    """Each in turn, read when it is its turn."""
    first = None
    for index in range(len(machines)):
        machine = machines[index]
        first = machine if first is None else first
        if _kind(machine) != _kind(first):
            raise InvalidInput(f"checkpoints: {machine!r} follows {first!r}; give machines of one training")
        yield machine


def _kind(machine: RBM) -> tuple[object, ...]:
    return machine.visible, machine.hidden, machine.weights.shape, machine.dtype, machine.device
