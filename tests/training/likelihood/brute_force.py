"""Sums over both layers of small machines in plain numpy, and the small machines that AIS is tried on."""

import itertools
import math

import numpy as np

from carving import RBM
from tests.machines import PAIRS, encoding_factor, ordering_machine, random_machine


def layer(name: str, sites: int, states: int | None = None) -> np.ndarray:
    """Every configuration of a discrete layer, (count, N·q)."""
    of_a_site = {"bernoulli": [[0.0], [1.0]], "spin": [[-1.0], [1.0]], "potts": np.eye(states or 1)}[name]
    return np.array([np.concatenate(choice) for choice in itertools.product(of_a_site, repeat=sites)])


def log_sum(x: np.ndarray, axis: int | None = None) -> np.ndarray:
    top = x.max()
    return top + np.log(np.exp(x - top).sum(axis))


def log_weights(machine: RBM, v: np.ndarray) -> np.ndarray:
    """log of Σ_h ρ₀(h) e^{−βE(v, h)} for every row: every h in turn, or a quadrature for Gaussian units."""
    parameters = machine.weights, machine.visible_bias, machine.hidden_bias
    weights, a, b = (machine.beta * x.double().numpy() for x in parameters)
    weights = weights.reshape(-1, machine.hidden_size)
    of_bias = v @ a.ravel()
    if machine.hidden.name == "gaussian":
        # ∫ N(h; 0, 1/γ) f(h) dh by Gauss–Hermite nodes, for each unit by itself
        node, weight = np.polynomial.hermite_e.hermegauss(100)
        h = node / math.sqrt(machine.hidden.precision)  # pyright: ignore
        field = b + v @ weights
        integral = (np.exp(field[..., None] * h) * weight).sum(-1) / math.sqrt(2 * math.pi)
        return of_bias + np.log(integral).sum(1)
    every = layer(machine.hidden.name, machine.hidden_size)
    return of_bias + log_sum(v @ weights @ every.T + every @ b, 1)


def log_partition(machine: RBM) -> float:
    v = layer(machine.visible.name, machine.visible_size, machine.states)
    return float(log_sum(log_weights(machine, v)))


def coupled_machine(index: int) -> RBM:
    """Machines of all pairs of units, from nearly independent to glassy and to deep in an ordered state.

    Their strength is that of couplings between spins: from about 1 on, a random matrix is glassy and a
    machine with a pattern is ordered. Two thirds are random with fields of ½, a third have a pattern and
    small fields.
    """
    strength = 0.3 + 3.7 * (0.618034 * index % 1)
    if index % 3 == 0:
        return ordering_machine(*PAIRS[index // 3 % 9], strength, seed=index)
    visible, hidden = PAIRS[index % 9]
    factor = encoding_factor("spin" if visible == "potts" else visible, hidden)
    return random_machine(
        visible, hidden, states=3, weights=strength * factor / math.sqrt(10), bias=0.5, seed=index
    )
