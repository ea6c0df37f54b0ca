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

    def measure(
        self, machine: LearningMachine, v: Tensor, room: Tensor, weights: Tensor | None = None
    ) -> None:
        """Average over the rows of v, each with its weight (rows,) if any; ``room`` holds as many rows of
        the hidden layer.

        4 · rows · N_v · q · N_h flops. Given v, the mean of h is as good as a draw of it and less noisy.
        """
        h = machine.hidden.mean_(machine.hidden_field(v, out=room))
        if weights is None:
            torch.mean(v, 0, out=self.visible)
            torch.mean(h, 0, out=self.hidden)
            torch.mm(v.T, h, out=self.product).div_(len(v))
            return
        share = weights / weights.sum()
        torch.mv(v.T, share, out=self.visible)
        torch.mv(h.T, share, out=self.hidden)
        torch.mm(v.T, h.mul_(share[:, None]), out=self.product)


class Gradient:
    """The gradient of the log-likelihood a sample in centred parameters.

    It is taken as if v and h were measured from μ = ⟨v⟩_data and λ = ⟨h⟩_data (centred gradient:
    Montavon & Müller 2012; Melchior, Fischer & Wiskott 2016), so that learning does not depend on what
    the two states of a unit are called:

        ∂W = ⟨(v − μ)(h − λ)ᵀ⟩_data − ⟨(v − μ)(h − λ)ᵀ⟩_model
        ∂ã = ⟨v⟩_data − ⟨v⟩_model,  ã = a + Wλ
        ∂b̃ = ⟨h⟩_data − ⟨h⟩_model,  b̃ = b + Wᵀμ

    Attributes
    ----------
    weights, visible_bias, hidden_bias
        The three of them. ``weights`` is the memory of the data's product.
    """

    def __init__(self, data: Moments, model: Moments) -> None:
        self.visible_bias = data.visible - model.visible
        self.hidden_bias = data.hidden - model.hidden
        self.weights = data.product.sub_(model.product)
        self.weights.addr_(self.visible_bias, data.hidden, alpha=-1)
        self.weights.addr_(data.visible, self.hidden_bias, alpha=-1)
