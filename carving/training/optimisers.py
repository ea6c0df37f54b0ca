"""How a gradient becomes a step. A new optimiser is one more line in ``_OPTIMISERS``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.training._gradient import Gradient, Moments
from carving.training._machine import LearningMachine

if TYPE_CHECKING:
    from carving.training._settings import Settings

Parameters = list[dict[str, Any]]

_OPTIMISERS: dict[str, Callable[[Parameters, float], torch.optim.Optimizer]] = {
    "sgd": lambda parameters, momentum: torch.optim.SGD(parameters, momentum=momentum),
    "adam": lambda parameters, momentum: torch.optim.Adam(parameters, betas=(momentum or 0.9, 0.999)),
}
# whose steps have the size of the learning rate, whatever that of the gradient
_SCALE_FREE = ("adam",)


def optimiser_names() -> list[str]:
    """The names that ``optimiser`` of :func:`carving.train` can take."""
    return sorted(_OPTIMISERS)


def check_optimiser(name: str) -> None:
    """Raise :class:`InvalidInput` where there is no such optimiser."""
    if name not in optimiser_names():
        raise InvalidInput(f"optimiser: {name!r} is not known; give one of {', '.join(optimiser_names())}")


def is_scale_free(name: str) -> bool:
    """Whether its steps are as large as the learning rate says, whatever the size of the gradient."""
    return name in _SCALE_FREE


class Ascent:
    """Steps of a machine up its likelihood.

    Parameters
    ----------
    machine
        Its parameters are written to.
    settings
        ``optimiser``, ``momentum``, ``l1`` and ``l2`` of the training.
    """

    def __init__(self, machine: LearningMachine, settings: Settings) -> None:
        self._machine, self._l1, self._l2 = machine, settings.l1, settings.l2
        # the optimiser moves the weights themselves, but of the centred biases only what they change by
        self._steps = [torch.zeros_like(machine.visible_bias), torch.zeros_like(machine.hidden_bias)]
        self._before = torch.empty_like(machine.weights)
        power = 1 if is_scale_free(settings.optimiser) else 2
        self._paces = (
            1.0,
            1 / machine.hidden_pace**power,
            1 / machine.visible_pace**power,
        )
        moved = [machine.weights, *self._steps]
        self._optimiser = _OPTIMISERS[settings.optimiser](
            [{"params": [tensor], "lr": 1.0} for tensor in moved], settings.momentum
        )

    def step(self, data: Moments, model: Moments, learning_rate: float) -> None:
        """One step along the centred gradient; uses up ``data.product``.

        In the parameters of (1), ΔW being what the optimiser makes of ∂W, and so on:

            Δa = Δã − ΔW λ,   Δb = Δb̃ − ΔWᵀ μ

        The rates are η for W, η/p_h² for ã and η/p_v² for b̃, p the paces of the two layers, all of them η
        for Bernoulli units; without the squares for optimisers whose steps do not know the gradient's size.
        """
        machine, gradient = self._machine, Gradient(data, model)
        self._before.copy_(machine.weights)
        if self._l2:
            gradient.weights.add_(machine.weights, alpha=-self._l2)
        if self._l1:
            gradient.weights.add_(machine.weights.sign(), alpha=-self._l1)
        # optimisers descend
        machine.weights.grad = gradient.weights.neg_()
        for step, part in zip(self._steps, (gradient.visible_bias, gradient.hidden_bias), strict=True):
            step.zero_()
            step.grad = part.neg_()
        for group, pace in zip(self._optimiser.param_groups, self._paces, strict=True):
            group["lr"] = learning_rate * pace
        self._optimiser.step()
        change = torch.sub(machine.weights, self._before, out=self._before)
        machine.visible_bias.add_(self._steps[0]).sub_(change @ data.hidden)
        machine.hidden_bias.add_(self._steps[1]).sub_(change.T @ data.visible)
        # the gradient keeps it; Adam, l1 and rounding do not
        machine.fix_gauge()

    def state(self) -> dict[str, Tensor]:
        """What the next step depends on besides the machine."""
        moved = [group["params"][0] for group in self._optimiser.param_groups]
        return {
            f"{index}_{name}": value
            for index, tensor in enumerate(moved)
            for name, value in self._optimiser.state[tensor].items()
            if isinstance(value, Tensor)
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave, to the same bits."""
        moved = [group["params"][0] for group in self._optimiser.param_groups]
        for key, value in state.items():
            index, _, name = key.partition("_")
            # a counter stays where torch made it
            at = value if value.ndim == 0 else value.to(moved[int(index)])
            self._optimiser.state[moved[int(index)]][name] = at
