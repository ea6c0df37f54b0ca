"""Small machines summed over every configuration in plain numpy, and draws from what that gives."""

import itertools
from dataclasses import dataclass

import numpy as np
import torch

from carving import RBM


@dataclass(frozen=True)
class Exact:
    """Every configuration of the visible layer, one a row (count, N_v·q), and its probability."""

    rows: np.ndarray
    probability: np.ndarray
    shape: tuple[int, ...]

    def draw(self, count: int, seed: int) -> np.ndarray:
        """Independent configurations, (count, N_v) or (count, N_v, q)."""
        chosen = np.random.default_rng(seed).choice(len(self.rows), count, p=self.probability)
        return self.rows[chosen].reshape(count, *self.shape)


def site_states(machine: RBM) -> np.ndarray:
    return {
        "bernoulli": np.array([[0.0], [1.0]]),
        "spin": np.array([[-1.0], [1.0]]),
        "potts": np.eye(machine.states or 1),
    }[machine.visible.name]


def parameters(machine: RBM) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """βW (N_v·q, N_h), βa (N_v·q,) and βb (N_h,)."""
    weights = machine.weights.double().numpy().reshape(-1, machine.hidden_size)
    a, b = machine.visible_bias.double().numpy().ravel(), machine.hidden_bias.double().numpy()
    return machine.beta * weights, machine.beta * a, machine.beta * b


def log_weight(machine: RBM, rows: np.ndarray) -> np.ndarray:
    """log p(v) up to a constant: the hidden layer summed or integrated by hand."""
    weights, a, b = parameters(machine)
    field = b + rows @ weights
    if machine.hidden.name == "gaussian":
        return rows @ a + (field**2).sum(1) / (2 * machine.hidden.precision)  # pyright: ignore
    low, high = (0.0, 1.0) if machine.hidden.name == "bernoulli" else (-1.0, 1.0)
    return rows @ a + np.log(np.exp(low * field) + np.exp(high * field)).sum(1)


def enumerated(machine: RBM) -> Exact:
    states = site_states(machine)
    choices = itertools.product(range(len(states)), repeat=machine.visible_size)
    rows = np.array([np.concatenate([states[c] for c in choice]) for choice in choices])
    log = log_weight(machine, rows)
    weight = np.exp(log - log.max())
    return Exact(rows, weight / weight.sum(), tuple(machine.visible_bias.shape))


def transition_matrix(machine: RBM) -> np.ndarray:
    """p(v′ | v) of one block Gibbs step, (count, count)."""
    weights, a, b = parameters(machine)
    exact = enumerated(machine)
    field = b + exact.rows @ weights
    total = np.zeros((len(field), len(field)))
    for h, probability in _hidden_states(machine, field):
        log = exact.rows @ a + h @ (exact.rows @ weights).T
        conditional = np.exp(log - log.max(1, keepdims=True))
        total += probability[:, None] * conditional / conditional.sum(1, keepdims=True)
    return total


def _hidden_states(machine: RBM, field: np.ndarray):
    """States of the hidden layer, (count, N_h), and p(h | v) of each v: a sum, or a quadrature."""
    units = field.shape[1]
    if machine.hidden.name == "gaussian":
        precision = machine.hidden.precision  # pyright: ignore
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        weights = weights / weights.sum()
        for choice in itertools.product(range(40), repeat=units):
            h = field / precision + nodes[list(choice)] / precision**0.5
            yield h, np.full(len(field), weights[list(choice)].prod())
        return
    states = (0.0, 1.0) if machine.hidden.name == "bernoulli" else (-1.0, 1.0)
    for choice in itertools.product(states, repeat=units):
        h = np.array(choice)
        norm = sum(np.exp(state * field) for state in states)
        yield np.tile(h, (len(field), 1)), (np.exp(h * field) / norm).prod(1)


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values)
