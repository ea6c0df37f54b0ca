"""Annealed importance sampling: from independent sites to a machine, by making its weights grow."""

from __future__ import annotations

import torch
from torch import Tensor

from carving.rbm import RBM
from carving.training.likelihood._course import follow
from carving.training.likelihood.estimate import Estimate


def annealed_importance_sampling(
    machine: RBM,
    *,
    generator: torch.Generator,
    chains: int = 1000,
    temperatures: int = 1000,
    reference: Tensor | None = None,
    steps: str = "plain",
) -> Estimate:
    """log Z of a machine that is too large for an exact sum.

    Annealed importance sampling (Neal 2001; with hidden units summed in closed form, Salakhutdinov & Murray
    2008). Chains begin at independent sites, whose Z is known, and walk to the machine along
    (1 − t)·reference + t·machine; the mean of the weights they collect is an unbiased estimate of Z. In two
    things this differs from the published method: a few chains that walk ahead say where temperatures are
    needed; and in each of 20 independent populations chains are drawn anew when their weights have become
    uneven (Del Moral, Doucet & Jasra 2006), which leaves the estimate unbiased. How populations differ gives
    the error.

    Parameters
    ----------
    machine
        Of any units. Chains are in its dtype, weights in float64.
    generator
        On the device of the machine.
    chains
        In all, rounded up to a multiple of 20. The standard error falls as their root.
    temperatures
        Steps on the way. Where effective samples are few, more of them help more than more chains.
    reference
        Biases of the independent sites at the start, like the machine's visible bias, for instance
        :func:`site_bias` of the data. By default all zero: then the way is that of a falling temperature.
        Frequencies of the data are nearer to a trained machine and make the error smaller, but where the
        machine has states apart, chains that begin near some of them may never see the others, and the
        interval is too narrow more often.
    steps
        How Gibbs steps are made, ``"plain"`` or ``"integer"``. Integer steps are faster and leave
        a distribution as it is but for 10⁻⁴ of a conditional probability, so that log Z is off by up to
        about that times the number of units.

    Returns
    -------
    Estimate
        log Z with standard error and a 95 % interval.

    Raises
    ------
    InvalidInput
        If there are fewer than 20 chains or no temperature, the reference has another shape than the visible
        bias or is not finite, or the steps are not known or do not serve this machine.

    Notes
    -----
    Every temperature takes 8 · chains · N_v · q · N_h flops. No interval can know of states that no chain has
    come to: ask whether another seed, or more temperatures, agree.
    """
    (estimate,) = follow(
        [machine],
        generator=generator,
        chains=chains,
        temperatures=temperatures,
        reference=reference,
        steps=steps,
    )
    return estimate
