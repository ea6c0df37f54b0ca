"""Γ of (3)–(5) and (7) written from its definition: cumulants are sums over the states of a unit.

Slow and plain: what `carving.meanfield.plefka` is tested against. Everything is differentiable.
"""

import torch
from torch import Tensor

from carving import RBM

LINKS = {
    "bernoulli": torch.sigmoid,
    "spin": torch.tanh,
    "potts": lambda theta: torch.softmax(theta, -1),
}


def states_and_probabilities(unit: str, m: Tensor) -> tuple[Tensor, Tensor]:
    """Statistic of each state (states, q) and its probability (n, N, states)."""
    if unit == "bernoulli":
        return torch.tensor([[0.0], [1.0]], dtype=m.dtype), torch.stack([1 - m, m], -1)
    if unit == "spin":
        return torch.tensor([[-1.0], [1.0]], dtype=m.dtype), torch.stack([(1 - m) / 2, (1 + m) / 2], -1)
    return torch.eye(m.shape[-1], dtype=m.dtype), m


def sent_cumulants(unit: str, m: Tensor, weights: Tensor) -> list[Tensor]:
    """κ₁, κ₂, κ₃ of w_iμ·σ_i: (n, N_v, N_h) each."""
    values, probability = states_and_probabilities(unit, m)
    weights = weights if weights.ndim == 3 else weights[:, None, :]
    field = torch.einsum("sq,iqm->ism", values, weights)
    mean = torch.einsum("nis,ism->nim", probability, field)
    away = field[None] - mean[:, :, None, :]
    return [mean, *(torch.einsum("nis,nism->nim", probability, away**r) for r in (2, 3))]


def own_cumulants(rbm: RBM, m: Tensor) -> list[Tensor]:
    """κ₁, κ₂, κ₃ of the hidden units: (n, N_h) each."""
    if rbm.hidden.name == "gaussian":
        variance = torch.full_like(m, 1 / rbm.hidden.precision)  # pyright: ignore[reportAttributeAccessIssue]
        return [m, variance, torch.zeros_like(m)]
    values, probability = states_and_probabilities(rbm.hidden.name, m)
    away = values[:, 0] - m[..., None]
    return [m, *((probability * away**r).sum(-1) for r in (2, 3))]


def entropy(unit: str, m: Tensor, precision: float = 1.0) -> Tensor:
    if unit == "gaussian":
        return -0.5 * precision * (m * m).sum(-1)
    probability = states_and_probabilities(unit, m)[1]
    return torch.special.entr(probability).sum((-1, -2))


def without_entropy(rbm: RBM, order: int, m_v: Tensor, m_h: Tensor) -> Tensor:
    """Γ + S. (n,)"""
    a, b, weights = (rbm.beta * x.double() for x in (rbm.visible_bias, rbm.hidden_bias, rbm.weights))
    total = -(m_v * a).flatten(1).sum(1) - (m_h * b).sum(1)
    sent, own, factorial = sent_cumulants(rbm.visible.name, m_v, weights), own_cumulants(rbm, m_h), 1
    for r in range(1, order + 1):
        factorial *= r
        total = total - torch.einsum("nim,nm->n", sent[r - 1], own[r - 1]) / factorial
    return total


def gibbs_free_energy(rbm: RBM, order: int, m_v: Tensor, m_h: Tensor) -> Tensor:
    """Γ. (n,)"""
    precision = getattr(rbm.hidden, "precision", 1.0)
    entropies = entropy(rbm.visible.name, m_v) + entropy(rbm.hidden.name, m_h, precision)
    return without_entropy(rbm, order, m_v, m_h) - entropies


def stationarity(rbm: RBM, order: int, m_v: Tensor, m_h: Tensor) -> Tensor:
    """|m − link(θ)| with θ = −∂(Γ + S)/∂m by automatic differentiation, the largest of each row. (n,)"""
    m_v, m_h = m_v.detach().requires_grad_(), m_h.detach().requires_grad_()
    theta_v, theta_h = torch.autograd.grad(-without_entropy(rbm, order, m_v, m_h).sum(), (m_v, m_h))
    if rbm.hidden.name == "gaussian":
        hidden = theta_h / rbm.hidden.precision  # pyright: ignore[reportAttributeAccessIssue]
    else:
        hidden = LINKS[rbm.hidden.name](theta_h)
    visible = LINKS[rbm.visible.name](theta_v)
    return torch.maximum(
        (visible - m_v).detach().flatten(1).abs().amax(1), (hidden - m_h).detach().abs().amax(1)
    )
