"""Ages of a training that are as far apart as parallel tempering along it can bear."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch

from carving.checkpoints import CheckpointSequence
from carving.errors import InvalidInput
from carving.sampling._flat import FlatMachine
from carving.sampling._rungs import choose_positions
from carving.sampling.steps import fastest_steps

_SEED = 0


def select_ages_by_acceptance(
    run: CheckpointSequence, ages: str | Sequence[int], *, generator: torch.Generator | None = None
) -> np.ndarray:
    """Some of the ages of a sequence: those that :func:`carving.checkpoints.select_ages` knows, and
    ``"acceptance:X"``.

    That is as few as leave the chains of neighbours swapping with probability X at least, where the sequence
    itself is dense enough (Béreux, Decelle, Furtlehner, Rosset & Seoane 2025): many around transitions, few
    elsewhere. The first and the last are always kept.

    Parameters
    ----------
    run
        The checkpoints.
    ages
        Which.
    generator
        Draws the chains, five Gibbs steps of 256 of them for each checkpoint; by default one of a fixed seed.

    Returns
    -------
    numpy.ndarray
        int64, increasing.

    Raises
    ------
    InvalidInput
        If ``ages`` are none, or X is no number between 0 and 1.
    """
    rule = re.fullmatch(r"acceptance:(.*)", ages) if isinstance(ages, str) else None
    if rule is None:
        return run.select(ages)
    try:
        swaps = float(rule[1])
    except ValueError:
        swaps = 0.0
    if not 0 < swaps < 1:
        raise InvalidInput(f"ages: {ages!r} needs a probability between 0 and 1; give acceptance:0.3")
    if len(run) < 3:
        return run.ages.copy()
    generator = torch.Generator().manual_seed(_SEED) if generator is None else generator
    steps = fastest_steps(FlatMachine(run[-1]))
    return run.ages[[number for number, _ in choose_positions(iter(run), swaps, generator, steps=steps)]]
