"""Chains of several machines that exchange their configurations: replica exchange along any family.

The machines may be one at several inverse temperatures, or the same at several ages of its training.
Whatever they are, a swap of the configurations v and v′ of machines 1 and 2 is accepted with probability

    min(1, exp(F₁(v) − F₁(v′) + F₂(v′) − F₂(v))),

with the free energies F of (2), which leaves the distribution of every machine as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from carving.rbm import RBM
from carving.sampling._chains import GibbsChains
from carving.sampling._flat import FlatMachine


def _log_swap(lower: RBM, upper: RBM, of_lower: Tensor, of_upper: Tensor) -> Tensor:
    """Logarithm of the ratio that a swap is accepted by; Potts configurations one-hot. (chains,)"""
    return (
        lower.free_energy(of_lower)
        - lower.free_energy(of_upper)
        + upper.free_energy(of_upper)
        - upper.free_energy(of_lower)
    )


def acceptance(lower: RBM, upper: RBM, of_lower: Tensor, of_upper: Tensor) -> float:
    """Mean probability that two machines swap configurations drawn from them."""
    return float(_log_swap(lower, upper, of_lower, of_upper).clamp(max=0).exp().mean())


class Rung(GibbsChains):
    """The chains of one machine of a ladder."""

    def __init__(self, machine: RBM, count: int, generator: torch.Generator, *, steps: str) -> None:
        self.machine = machine
        self._flat = FlatMachine(machine)
        super().__init__(self._flat, count, generator, steps=steps)

    def start(self, generator: torch.Generator) -> None:
        """Begin from independent sites, as without any weights."""
        hidden = self._flat.hidden.mean(self._flat.rows(len(self))[1].zero_())
        self.draw_from(self._flat, hidden, generator)

    def take(self, machine: RBM) -> None:
        """Another machine from here on."""
        self.machine, self._flat = machine, FlatMachine(machine)
        self.refresh(self._flat)

    def statistics(self) -> Tensor:
        """Configurations as free energies take them."""
        return self._flat.by_site(self.visible)


class Ladder:
    """As many chains for each of several machines, neighbours of which swap.

    Parameters
    ----------
    machines
        From the one that mixes most easily to the one that is wanted.
    chains
        For each.
    generator
        For the starts: independent sites, each from its machine's biases.
    steps
        How Gibbs steps are made.

    Attributes
    ----------
    rungs
        The chains of each machine.
    accepted
        Share of the swaps between neighbours that were accepted since the ladder was made, (machines − 1,).
    """

    def __init__(
        self, machines: Sequence[RBM], chains: int, generator: torch.Generator, *, steps: str = "plain"
    ) -> None:
        self._how = steps
        self.rungs = [Rung(machine, chains, generator, steps=steps) for machine in machines]
        for rung in self.rungs:
            rung.start(generator)
        self._forget()

    def _forget(self) -> None:
        self._accepted = torch.zeros(len(self.rungs) - 1, dtype=torch.float64)
        self._rounds = 0

    @property
    def top(self) -> Rung:
        """The chains of the machine that is wanted."""
        return self.rungs[-1]

    @property
    def accepted(self) -> Tensor:
        return self._accepted / max(1, self._rounds)

    def refresh(self, machines: Sequence[RBM]) -> None:
        """The machines as they are now; those that are the same objects as before are left alone."""
        for rung, machine in zip(self.rungs, machines, strict=True):
            if machine is not rung.machine:
                rung.take(machine)

    def advance(self, steps: int, generator: torch.Generator) -> None:
        """``steps`` Gibbs steps of all chains, then a round of swaps of neighbours, from the bottom up."""
        for rung in self.rungs:
            rung.advance(steps, generator)
        self._rounds += 1
        for index in range(len(self.rungs) - 1):
            self._accepted[index] += self._swap(self.rungs[index], self.rungs[index + 1], generator)

    def _swap(self, lower: Rung, upper: Rung, generator: torch.Generator) -> float:
        below, above = lower.statistics(), upper.statistics()
        log_ratio = _log_swap(lower.machine, upper.machine, below, above)
        uniform = torch.rand(
            log_ratio.shape, generator=generator, dtype=log_ratio.dtype, device=log_ratio.device
        )
        # not its logarithm: where it is zero that would accept anything
        swapped = uniform < log_ratio.exp()
        chosen = swapped.reshape(-1, *[1] * (below.ndim - 1))
        new_below, new_above = torch.where(chosen, above, below), torch.where(chosen, below, above)
        lower.set(new_below.flatten(1))
        upper.set(new_above.flatten(1))
        return float(swapped.double().mean())

    def keep(self, wanted: Sequence[bool]) -> None:
        """Give up the other rungs."""
        self.rungs = [rung for rung, keep in zip(self.rungs, wanted, strict=True) if keep]
        self._forget()

    def split_top(self, machine: RBM, generator: torch.Generator) -> None:
        """The machine that is wanted becomes a rung of its own, and another with its chains begins above."""
        above = Rung(machine, len(self.top), generator, steps=self._how)
        above.set(self.top.visible)
        self.rungs.append(above)
        self._forget()

    def state(self) -> dict[str, Tensor]:
        """What the next steps depend on besides machines and generator."""
        return {
            f"rung_{index}_{name}": value
            for index, rung in enumerate(self.rungs)
            for name, value in rung.state().items()
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave, to the same bits."""
        for index, rung in enumerate(self.rungs):
            prefix = f"rung_{index}_"
            own = {name.removeprefix(prefix): x for name, x in state.items() if name.startswith(prefix)}
            rung.restore(own)
