"""Machines on the way through a transition."""

import math

import torch

import carving
from carving import RBM


def without_fields(visible: str, hidden: str, *, sites: int, units: int, seed: int, states: int = 3) -> RBM:
    """Random weights of largest singular value 1 and no fields, between ±1 units; then converted."""
    generator = torch.Generator().manual_seed(seed)
    shape = (sites, states, units) if visible == "potts" else (sites, units)
    weights = torch.randn(shape, generator=generator, dtype=torch.float64)
    if visible == "potts":
        weights = weights - weights.mean(1, keepdim=True)
    weights = weights / torch.linalg.matrix_norm(weights.flatten(0, -2), ord=2)
    precision = 3.0
    unit = {"gaussian": carving.Gaussian(precision=precision)}.get(hidden, "spin")
    machine = RBM(
        weights,
        torch.zeros(shape[:-1], dtype=torch.float64),
        torch.zeros(units, dtype=torch.float64),
        "potts" if visible == "potts" else "spin",
        unit,
    )
    return machine.convert(
        visible="bernoulli" if visible == "bernoulli" else None,
        hidden="bernoulli" if hidden == "bernoulli" else None,
    )


def curie_weiss(sites: int, coupling: float) -> RBM:
    """Spins with one Gaussian hidden unit of precision N, Σ w²/N = coupling (mathematics §7)."""
    return RBM(
        torch.full((sites, 1), math.sqrt(coupling), dtype=torch.float64),
        torch.zeros(sites, dtype=torch.float64),
        torch.zeros(1, dtype=torch.float64),
        "spin",
        carving.Gaussian(precision=sites),
    )
