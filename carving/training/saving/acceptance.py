"""``acceptance:X``: neighbours from which configurations are exchanged with probability X."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.sampling._ladder import acceptance
from carving.training._machine import machine_of, parameters_of
from carving.training.saving._saving import Saving, Snapshot, Verdict, geometric_ages

_SPACING = 0.02


class Acceptance(Saving):
    """Saves as soon as chains of the last checkpoint and of the machine as it is now would swap with a
    probability below X (Béreux, Decelle, Furtlehner, Rosset & Seoane 2025).

    Such a sequence is what parallel tempering along the training needs, and it is dense where the
    distribution changes fast: at transitions.
    """

    usage = "acceptance:X"
    needs_chains = True

    def __init__(self, argument: str, updates: int) -> None:
        super().__init__(argument, updates)
        try:
            self._target = float(argument)
        except ValueError:
            self._target = 0.0
        if not 0 < self._target < 1:
            raise InvalidInput(
                f"save: 'acceptance:{argument}' needs a probability between 0 and 1; give acceptance:0.3"
            )
        self._saved: Snapshot | None = None
        self._before: Snapshot | None = None

    def looks(self) -> np.ndarray:
        """Every two per cent."""
        return geometric_ages(self.updates, _SPACING)

    def look(self, now: Snapshot) -> Verdict:
        """Save the look before where this one is too far from the last checkpoint, and this one where it is
        too far from that as well."""
        before = False
        if self._saved is None or now.age >= self.updates:
            this = True
        elif this := self._far(self._saved, now):
            assert self._before is not None
            if self._before.age > self._saved.age:
                before, self._saved = True, self._before
                this = self._far(self._saved, now)
        if this:
            self._saved = now
        self._before = now
        return Verdict(before, this)

    def _far(self, one: Snapshot, other: Snapshot) -> bool:
        first, second = (_statistics(snapshot) for snapshot in (one, other))
        return acceptance(one.machine, other.machine, first, second) < self._target

    def state(self) -> dict[str, Tensor]:
        """The last checkpoint, with its chains."""
        saved = self._saved
        if saved is None or saved.chains is None:
            return {}
        return {"age": torch.tensor(saved.age), "chains": saved.chains, **parameters_of(saved.machine)}

    def restore(self, state: dict[str, Tensor], last: Snapshot) -> None:
        """Go on after the look at ``last``."""
        self._before = last
        if not state or int(state["age"]) == last.age:
            self._saved = last
            return
        parameters = {name: state[name] for name in parameters_of(last.machine)}
        machine = machine_of(parameters, like=last.machine)
        self._saved = Snapshot(int(state["age"]), machine, state["chains"])


def _statistics(snapshot: Snapshot) -> Tensor:
    machine, chains = snapshot.machine, snapshot.chains
    assert chains is not None
    rows = chains.to(machine.weights.device, machine.weights.dtype)
    return rows.view(len(rows), *machine.visible_bias.shape)


SAVING = Acceptance
