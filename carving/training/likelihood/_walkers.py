"""Chains that walk from one machine to the next, and what they weigh on the way."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from carving.rbm import RBM
from carving.sampling._chains import GibbsChains
from carving.sampling._flat import FlatMachine
from carving.training.likelihood._weights import effective_count, log_mean, systematic_resampling

# a population is resampled when fewer of its chains than this share are effective
_LEAST_EFFECTIVE = 0.5


class Walkers:
    """Populations of chains, which advance along straight lines from machine to machine.

    A line is a line for the parameters βW, βa and βb together, (1 − t)·start + t·end. At each stop on it
    every chain's weight takes the factor e^{F_before(v) − F_here(v)}, F of (2), and then the chain makes a
    Gibbs step of the machine of that stop. Where the weights of a population have become uneven, its chains
    are drawn anew in proportion to them and all take their mean. The mean weight of a population is at any
    time an unbiased estimate of Z of the machine it has come to, and the populations are independent.

    Parameters
    ----------
    start
        A machine without weights, whose sites are independent.
    populations, chains
        How many, and how many chains in each.
    generator
        For whatever is drawn.
    steps
        How Gibbs steps are made, :func:`carving.sampling.steps.steps_names`.

    Attributes
    ----------
    log_weights
        (populations, chains), float64.
    """

    def __init__(
        self, start: RBM, populations: int, chains: int, generator: torch.Generator, *, steps: str
    ) -> None:
        self._generator = generator
        self._start, self._here = FlatMachine(start), FlatMachine(start)
        count = populations * chains
        self._chains = GibbsChains(self._here, count, generator, steps=steps)
        self._chains.draw_from(self._here, self._here.rows(count)[1].zero_(), generator)
        self._start_field, self._last_field = (self._here.rows(count)[1] for _ in range(2))
        log_partition = independent_log_partition(start)
        self.log_weights = log_partition.expand(populations, chains).clone()
        # indices of a population's chains are its own; this makes them rows
        self._first_row = torch.arange(0, count, chains, device=start.device)[:, None]

    def walk(self, end: RBM, stops: Sequence[float]) -> Tensor:
        """Go on to that machine, with stops at these t, the last of them 1.

        A stop takes a step, of 4 · rows · N_v · q · N_h flops, and as many for the fields at both ends.

        Returns
        -------
        Tensor
            For every stop, the standard deviation among chains of log of the factor, float64.
        """
        last = FlatMachine(end)
        spreads = []
        before = 0.0
        for stop in stops:
            log_ratio = self._log_ratio(last, before, stop)
            spreads.append(log_ratio.std())
            self.log_weights.add_(log_ratio.view_as(self.log_weights))
            self._resample()
            self._move(last, stop)
            before = stop
        self._start = last
        return torch.stack(spreads).cpu()

    def _log_ratio(self, last: FlatMachine, before: float, stop: float) -> Tensor:
        """F_before(v) − F_stop(v) of every chain, (rows,)."""
        v = self._chains.visible
        total = (v @ (last.visible_bias - self._start.visible_bias)).double() * (stop - before)
        # one field for both ends of the stretch: what it is rounded by cancels in the difference
        at_start = self._start.hidden_field(v, out=self._start_field).double()
        at_last = last.hidden_field(v, out=self._last_field).double()
        for time, sign in ((stop, 1), (before, -1)):
            field = torch.lerp(at_start, at_last, time)
            total.add_(last.hidden.log_partition(field).sum(1), alpha=sign)
        return total

    def _resample(self) -> None:
        uneven = effective_count(self.log_weights) < _LEAST_EFFECTIVE * self.log_weights.shape[1]
        if not bool(uneven.any()):
            return
        chosen = systematic_resampling(self.log_weights, self._generator)
        stay = torch.arange(self.log_weights.shape[1], device=chosen.device)
        rows = torch.where(uneven[:, None], chosen, stay) + self._first_row
        self._chains.set(self._chains.visible[rows.flatten()])
        mean = log_mean(self.log_weights)[:, None]
        self.log_weights = torch.where(uneven[:, None], mean, self.log_weights)

    def _move(self, last: FlatMachine, stop: float) -> None:
        for name in ("weights", "visible_bias", "hidden_bias"):
            torch.lerp(getattr(self._start, name), getattr(last, name), stop, out=getattr(self._here, name))
        self._chains.refresh(self._here)
        self._chains.advance(1, self._generator)


def independent_log_partition(machine: RBM) -> Tensor:
    """log Z of a machine without weights, float64."""
    visible, hidden = (machine.beta * x.double() for x in (machine.visible_bias, machine.hidden_bias))
    return machine.visible.log_partition(visible).sum() + machine.hidden.log_partition(hidden).sum()
