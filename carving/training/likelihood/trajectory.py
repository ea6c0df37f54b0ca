"""Annealed importance sampling along the course of a training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from carving.checkpoints import CheckpointSequence
from carving.rbm import RBM
from carving.training.likelihood._course import follow
from carving.training.likelihood.estimate import Estimate


def trajectory_annealed_importance_sampling(
    checkpoints: CheckpointSequence | Sequence[RBM],
    *,
    generator: torch.Generator,
    chains: int = 1000,
    temperatures: int = 1000,
    reference: Tensor | None = None,
    steps: str = "plain",
) -> list[Estimate]:
    """log Z of every machine of a training, each from the one before (Béreux et al. 2025).

    Chains walk from independent sites to the youngest machine, from there to the next, and so on to the
    oldest. The training went through its transitions one after the other, and a walk that follows it meets
    states as they arise; one by temperature may have to find all of them at once. One walk serves all ages.

    Parameters
    ----------
    checkpoints
        Machines of increasing age, of the same units, sizes and dtype. Read twice, two at a time.
    generator
        On the device of the machines.
    chains
        In all, rounded up to a multiple of 20.
    temperatures
        Stops on the whole way, one at each machine at least; the others lie between those machines that
        differ most.
    reference
        Biases of the independent sites at the start, like a visible bias; by default all zero.
    steps
        How Gibbs steps are made, ``"plain"`` or ``"integer"``.

    Returns
    -------
    list of Estimate
        One for each machine, in their order. They come from one walk, so that their errors are alike:
        differences between near ages are known better than either.

    Raises
    ------
    InvalidInput
        If there is no machine, or they are not of the same kind, and for what
        :func:`annealed_importance_sampling` refuses.

    Notes
    -----
    A stop takes 8 · chains · N_v · q · N_h flops. Where effective samples fall from one age to the next, a
    state has gained weight that chains do not come to from there. Then store more ages, or ask
    :func:`annealed_importance_sampling`, whose chains come from above, for that machine.
    """
    return follow(
        checkpoints,
        generator=generator,
        chains=chains,
        temperatures=temperatures,
        reference=reference,
        steps=steps,
    )
