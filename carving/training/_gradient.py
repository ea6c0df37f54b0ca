"""The centred gradient of the log-likelihood: what the data's averages and the machine's own make of it."""

from __future__ import annotations

import torch
from torch import Tensor

from carving.training._machine import LearningMachine


class Moments:
    """⟨v⟩, ⟨h⟩ and ⟨v hᵀ⟩ of some distribution of v, with h averaged given v.

    Attributes
    ----------
    visible, hidden, product
        (N_v·q,), (N_h,) and (N_v·q, N_h), overwritten by each measurement.
    """

    def __init__(self, machine: LearningMachine) -> None:
        self.visible = torch.empty_like(machine.visible_bias)
        self.hidden = torch.empty_like(machine.hidden_bias)
        self.product = torch.empty_like(machine.weights)

    def measure(self, machine: LearningMachine, v: Tensor, room: Tensor) -> None:
        """Average over the rows of v; ``room`` holds as many rows of the hidden layer.

        4 · rows · N_v · q · N_h flops. Given v, the mean of h is as good as a draw of it and less noisy.
        """
        h = machine.hidden.mean(machine.hidden_field(v, out=room))
        torch.mean(v, 0, out=self.visible)
        torch.mean(h, 0, out=self.hidden)
        torch.mm(v.T, h, out=self.product).div_(len(v))


def ascend(machine: LearningMachine, data: Moments, model: Moments, learning_rate: float) -> None:
    """One step up the log-likelihood along its centred gradient; uses up ``data.product``.

    Gradients are taken as if v and h were measured from μ = ⟨v⟩_data and λ = ⟨h⟩_data (centred gradient:
    Montavon & Müller 2012; Melchior, Fischer & Wiskott 2016), so that learning does not depend on what
    the two states of a unit are called. In the parameters of (1):

        ΔW = η (⟨(v − μ)(h − λ)ᵀ⟩_data − ⟨(v − μ)(h − λ)ᵀ⟩_model)
        Δa = η_a (⟨v⟩_data − ⟨v⟩_model) − ΔW λ
        Δb = η_b (⟨h⟩_data − ⟨h⟩_model) − ΔWᵀ μ

    with η_a = η/p_h², η_b = η/p_v² and p the paces of the two layers, all of them η for Bernoulli units.
    """
    visible_gap, hidden_gap = data.visible - model.visible, data.hidden - model.hidden
    step = data.product.sub_(model.product)
    step.addr_(visible_gap, data.hidden, alpha=-1).addr_(data.visible, hidden_gap, alpha=-1)
    step.mul_(learning_rate)
    machine.weights.add_(step)
    machine.visible_bias.add_(visible_gap, alpha=learning_rate / machine.hidden_pace**2).sub_(
        step @ data.hidden
    )
    machine.hidden_bias.add_(hidden_gap, alpha=learning_rate / machine.visible_pace**2).sub_(
        step.T @ data.visible
    )
