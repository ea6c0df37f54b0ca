"""Where on the way from machine to machine to stop."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from carving.rbm import RBM
from carving.training.likelihood._walkers import Walkers

# of chains and of stops, what a walk ahead takes: together a fortieth of the work
_PILOT_CHAINS = 8
_PILOT_STOPS = 5
_FEWEST_CHAINS = 20
# stops that are spread evenly whatever was measured, in case that was wrong
_EVEN_SHARE = 0.1


def place_stops(
    start: RBM,
    machines: Iterable[RBM],
    legs: int,
    stops: int,
    chains: int,
    generator: torch.Generator,
    *,
    steps: str,
) -> list[list[float]]:
    """Stops t on each leg of a way, the last of each 1, for :meth:`Walkers.walk`.

    The variance of the weights is least where every stretch between two stops adds as much to it
    (Gelman & Meng 1998), that is where stops are dense by the standard deviation of F_before − F_here. A few
    chains that walk ahead with few stops measure it. As they are not used for anything else, weights remain
    unbiased.

    Parameters
    ----------
    start, machines, legs
        Where the way begins, what it passes, and how many these are.
    stops
        In all; every leg has one at least.
    chains
        Of the walk that is to come.
    generator, steps
        As for :class:`Walkers`.
    """
    each = max(1, -(-stops // (_PILOT_STOPS * legs)))
    coarse = np.linspace(0, 1, each + 1)
    pilot = Walkers(start, 1, max(_FEWEST_CHAINS, chains // _PILOT_CHAINS), generator, steps=steps)
    spread = np.stack([pilot.walk(machine, coarse[1:].tolist()).numpy() for machine in machines])
    # where nothing varies at all, stops are even
    spread += _EVEN_SHARE * spread.mean() + np.finfo(np.float64).tiny
    shares = spread.sum(1) / spread.sum()
    return [
        _along(part, coarse, max(1, round(stops * share))) for part, share in zip(spread, shares, strict=True)
    ]


def _along(spread: np.ndarray, coarse: np.ndarray, stops: int) -> list[float]:
    length = np.concatenate([[0.0], np.cumsum(spread)])
    wanted = np.linspace(0, length[-1], stops + 1)[1:]
    times = np.interp(wanted, length, coarse)
    times[-1] = 1.0
    return times.tolist()
