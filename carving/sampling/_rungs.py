"""Which of many machines a ladder needs, so that neighbours swap often enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from carving.checkpoints import CheckpointSequence
from carving.rbm import RBM
from carving.sampling._clamp import Clamp
from carving.sampling._ladder import Rung, acceptance

# chains that swaps are estimated with: to within some 3 %
_CHAINS = 256
# Gibbs steps for which these chains follow from machine to machine
_FOLLOWING = 5
# inverse temperatures to choose from; strong machines of a thousand sites need some forty rungs
_TEMPERATURES = 128


def temperatures(machine: RBM) -> Iterator[RBM]:
    """The machine at many inverse temperatures, from 0, where all sites are independent, to its own."""
    for step in range(_TEMPERATURES):
        yield machine.at_inverse_temperature(machine.beta * step / _TEMPERATURES)
    yield machine


def trajectory(run: CheckpointSequence | None, machine: RBM, age: int) -> Iterator[RBM]:
    """The machines of a training, from the youngest to the one of that age."""
    assert run is not None
    for earlier in run.ages[: int(np.searchsorted(run.ages, age))].tolist():
        yield run.at_age(earlier).to(dtype=machine.dtype, device=machine.device)
    yield machine


def choose_rungs(
    candidates: Iterator[RBM],
    swaps: float,
    generator: torch.Generator,
    *,
    steps: str,
    clamp: Clamp | None = None,
) -> list[RBM]:
    """The machines of :func:`choose_positions`."""
    chosen = choose_positions(candidates, swaps, generator, steps=steps, clamp=clamp)
    return [machine for _, machine in chosen]


def choose_positions(
    candidates: Iterator[RBM],
    swaps: float,
    generator: torch.Generator,
    *,
    steps: str,
    clamp: Clamp | None = None,
) -> list[tuple[int, RBM]]:
    """As few of the machines, in their order, as leave neighbours swapping with probability ``swaps``, each
    with its number.

    Chains follow from machine to machine. One is kept when the next would no longer swap often enough with
    the last that was kept; so neighbours swap less often only where the candidates themselves lie too far
    apart. The first and the last are always kept.

    Costs five Gibbs steps of 256 chains for each candidate.
    """
    kept = [(0, next(candidates))]
    walker = Rung(kept[0][1], _CHAINS, generator, steps=steps)
    walker.start(generator)
    if clamp is not None:
        walker.hold(*clamp.rows(torch.arange(_CHAINS, device=clamp.held.device) % len(clamp.held)))
    walker.advance(_FOLLOWING, generator)
    before, of_kept = None, walker.statistics().clone()
    for number, machine in enumerate(candidates, start=1):
        walker.take(machine)
        walker.advance(_FOLLOWING, generator)
        here = walker.statistics().clone()
        if before is not None and acceptance(kept[-1][1], machine, of_kept, here) < swaps:
            kept.append(before[0])
            of_kept = before[1]
        before = (number, machine), here
    return [*kept, *([] if before is None else [before[0]])]


def numbers_a_chain(rungs: Sequence[RBM]) -> int:
    """How many numbers one chain of a ladder of these takes, in one of its buffers."""
    return sum(rung.visible_bias.numel() + rung.hidden_size for rung in rungs)
