"""Markov chains of visible configurations that advance by block Gibbs steps."""

from __future__ import annotations

import torch
from torch import Tensor

from carving.sampling._flat import FlatMachine
from carving.sampling.steps import find_steps


class GibbsChains:
    """Some configurations of the visible layer, one a row.

    Parameters
    ----------
    machine
        Gives sizes and units, and the parameters of the first steps.
    count
        How many.
    generator
        For whatever is drawn at the start.
    steps
        How steps are made, :func:`carving.sampling.steps.steps_names`.
    """

    def __init__(
        self, machine: FlatMachine, count: int, generator: torch.Generator, *, steps: str = "plain"
    ) -> None:
        self._steps = find_steps(steps)(machine, count, generator)
        self._numbers, self._hidden_numbers = machine.rows(count)
        self._held: Tensor | None = None
        self._kept = self._numbers
        self._visible = self._steps.encode(self._numbers.zero_())

    def __len__(self) -> int:
        return len(self._visible)

    @property
    def visible(self) -> Tensor:
        """The configurations as numbers (chains, N_v·q), in memory that the next look writes over."""
        return self._steps.decode(self._visible, self._numbers)

    def set(self, statistics: Tensor) -> None:
        """Put all chains there, held sites excepted. (chains, N_v·q)"""
        self._visible = self._with_held(self._steps.encode(statistics))

    def hold(self, statistics: Tensor, held: Tensor) -> None:
        """From now on these sites keep these values, so that the others are drawn given them.

        Block Gibbs steps draw all sites from p(v | h) independently, so that those which are not held are
        drawn from p(v_free | h), whatever the held ones are put back to.

        Parameters
        ----------
        statistics
            (chains, N_v·q); anything where a site is free.
        held
            Likewise, bool, alike for all states of a site.
        """
        self._kept = self._steps.encode(statistics)
        self._held = self._steps.encode(held.to(self._numbers.dtype)).bool()
        self._visible = self._with_held(self._visible)

    def _with_held(self, visible: Tensor) -> Tensor:
        """Written over what is given."""
        return visible if self._held is None else torch.where(self._held, self._kept, visible, out=visible)

    def draw_from(self, machine: FlatMachine, hidden: Tensor, generator: torch.Generator) -> None:
        """Draw v given these values of the hidden layer, which need not be any that its units take."""
        field = machine.by_site(machine.visible_field(hidden, out=machine.rows(len(hidden))[0]))
        self.set(machine.visible.sample(field, generator).flatten(1))

    def refresh(self, machine: FlatMachine) -> None:
        """The machine's parameters have changed."""
        self._steps.refresh(machine)

    def advance(self, steps: int, generator: torch.Generator) -> None:
        """Draw h given v and v given h, ``steps`` times."""
        for _ in range(steps):
            hidden = self._steps.draw_hidden(self._visible, generator)
            self._visible = self._with_held(self._steps.draw_visible(hidden, generator))

    def state(self) -> dict[str, Tensor]:
        """What the next steps depend on besides machine and generator; visible units are discrete, and one
        byte holds their statistics exactly."""
        return {"chains": self.visible.to(torch.int8), **self._steps.state()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave, to the same bits."""
        self.set(state["chains"].to(self._numbers))
        self._steps.restore(state)
