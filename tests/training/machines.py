"""Small machines of every pair of units, and their exact log-likelihood written down once more, plainly."""

import itertools

import numpy as np
import torch
from torch import Tensor

from carving.data import CorrelatedPatternsData
from carving.rbm import RBM
from carving.training._settings import Settings
from carving.units import Bernoulli, Gaussian, Potts, Spin, Unit

PAIRS = list(
    itertools.product((Bernoulli(), Spin(), Potts(3)), (Bernoulli(), Spin(), Gaussian(1.0), Gaussian(4.0)))
)


def pair_name(pair: tuple[Unit, Unit]) -> str:
    visible, hidden = pair
    return f"{visible.name}-{hidden.name}{getattr(hidden, 'precision', '')}"


def small_machine(
    visible: Unit, hidden: Unit, seed: int, *, sites: int = 5, units: int = 3, scale: float = 0.5
) -> RBM:
    generator = torch.Generator().manual_seed(seed)
    shape = (sites, *visible.site_shape)

    def draw(*sizes: int) -> Tensor:
        return scale * torch.randn(sizes, generator=generator, dtype=torch.float64)

    return RBM(draw(*shape, units), draw(*shape), draw(units), visible=visible, hidden=hidden)


def configurations(visible: Unit, sites: int) -> Tensor:
    """Every row of the visible layer, (count, N_v·q)."""
    kinds = {
        "bernoulli": torch.tensor([[0.0], [1.0]]),
        "spin": torch.tensor([[-1.0], [1.0]]),
        "potts": torch.eye(getattr(visible, "states", 0)),
    }
    states = kinds[visible.name].double()
    rows = [
        torch.cat([states[k] for k in choice])
        for choice in itertools.product(range(len(states)), repeat=sites)
    ]
    return torch.stack(rows)


def minus_free_energy(v: Tensor, weights: Tensor, a: Tensor, b: Tensor, hidden: Unit) -> Tensor:
    """log Σ_h e^{−E(v, h)}, up to a constant; v (n, N_v·q)."""
    field = b + v @ weights
    if hidden.name == "bernoulli":
        integrated = torch.log(1 + torch.exp(field))
    elif hidden.name == "spin":
        integrated = torch.log(2 * torch.cosh(field))
    else:
        integrated = field**2 / (2 * getattr(hidden, "precision", 1.0))
    return v @ a + integrated.sum(1)


def log_likelihood(
    data: Tensor, weights: Tensor, a: Tensor, b: Tensor, visible: Unit, hidden: Unit
) -> Tensor:
    """Mean log p(v) of the rows of data."""
    sites = data.shape[1] // (visible.site_shape[0] if visible.site_shape else 1)
    every = minus_free_energy(configurations(visible, sites), weights, a, b, hidden)
    return minus_free_energy(data, weights, a, b, hidden).mean() - torch.logsumexp(every, 0)


def settings(**changes: object) -> Settings:
    """Settings of a training of a small machine."""
    values: dict = {
        "method": "pcd",
        "hidden": 3,
        "updates": 10,
        "k": 10,
        "chains": 1000,
        "batch_size": 10,
        "learning_rate": 0.1,
        "weight_scale": 0.01,
        "save": "linear:2",
        "seed": 0,
        "device": "cpu",
    }
    return Settings(**{**values, **changes})


def with_blocks_turned_over(data: CorrelatedPatternsData) -> np.ndarray:
    """The samples, and those with either block or both turned over: the model is as it was. (4 n, N) int8"""
    blocks = [np.where(direction == 0, 1, -1) for direction in data.directions]
    turned = [data.samples * one * other for one in (1, blocks[0]) for other in (1, blocks[1])]
    return np.concatenate(turned).astype(np.int8)
