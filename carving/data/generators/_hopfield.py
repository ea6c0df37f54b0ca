"""Hopfield data: many patterns, sampled through the machine with Gaussian hidden units (mathematics §7)."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from carving.data.generators._magnetisation import random_signs
from carving.data.generators._recall import recall_state
from carving.data.generators._settings import not_negative, whole_at_least
from carving.rbm import RBM
from carving.units import Gaussian


@dataclass(frozen=True, eq=False)
class HopfieldData:
    """Samples of p(s) ∝ exp((β/2N) Σ_μ (ξ^μ·s)²), and what is known of them.

    Attributes
    ----------
    samples
        (n, N) int8 of ±1.
    patterns
        ξ^μ, (P, N) int8 of ±1.
    start
        (n,) int64: the pattern from which each sample's chain started.
    start_sign
        (n,) int8: the sign it started with.
    beta
        β.
    magnetisation, edwards_anderson
        m and q of the recall state of one pattern at the load P/N, replica-symmetric, for many sites.
        m = 0 where recall is not even metastable.
    burn_in
        How many sweeps each chain made.
    """

    samples: np.ndarray
    patterns: np.ndarray
    start: np.ndarray
    start_sign: np.ndarray
    beta: float
    magnetisation: float
    edwards_anderson: float
    burn_in: int


def hopfield(
    *,
    sites: int = 500,
    patterns: int = 5,
    samples: int = 1000,
    beta: float = 2.0,
    burn_in: int = 200,
    generator: torch.Generator,
) -> HopfieldData:
    """Draw samples of a Hopfield model with random patterns, each at the end of a chain of its own.

    A chain starts at a random pattern of random sign and makes ``burn_in`` sweeps of block Gibbs sampling
    of the machine with Gaussian hidden units of precision N and weights √β ξ, whose visible distribution
    is the model. Well above the transition and at small N it forgets its start within a few sweeps and
    samples are exact for all purposes. Below, leaving a pattern takes a time that grows as e^{cN}: what is
    sampled is the equilibrium within the states of the patterns, each state drawn equally often (their
    true weights differ from that by the randomness of the patterns). Near the transition τ ~ √N sweeps.

    Parameters
    ----------
    sites
        N, at least 2.
    patterns
        P, at least 1.
    samples
        How many to draw.
    beta
        Inverse temperature β.
    burn_in
        Sweeps a chain.
    generator
        Source of all randomness.
    """
    whole_at_least(2, sites=sites)
    whole_at_least(1, patterns=patterns, samples=samples)
    whole_at_least(0, burn_in=burn_in)
    not_negative(beta=beta)
    signs = random_signs((patterns, sites), generator)
    device = generator.device
    start = torch.randint(0, patterns, (samples,), generator=generator, device=device)
    start_sign = random_signs((samples,), generator)
    weights = math.sqrt(beta) * signs.T.to(torch.float64)
    machine = RBM(
        weights, weights.new_zeros(sites), weights.new_zeros(patterns), "spin", Gaussian(precision=sites)
    )
    v = (signs[start] * start_sign[:, None]).to(torch.float64)
    for _ in range(burn_in):
        v, _ = machine.gibbs_step(v, generator)
    magnetisation, edwards_anderson = recall_state(beta, patterns / sites)
    return HopfieldData(
        samples=v.to(torch.int8).cpu().numpy(),
        patterns=signs.cpu().numpy(),
        start=start.cpu().numpy(),
        start_sign=start_sign.cpu().numpy(),
        beta=beta,
        magnetisation=magnetisation,
        edwards_anderson=edwards_anderson,
        burn_in=burn_in,
    )
