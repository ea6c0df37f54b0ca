"""Machines on the way through a transition."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

import carving
from carving import RBM
from carving.checkpoints import CheckpointSequence


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


def two_patterns(coupling: float, *, sites: int = 20, correlation: float = 0.2) -> RBM:
    """Spins with two correlated patterns at inverse temperature ``coupling`` (mathematics §7).

    The first (1 + κ)/2 of the sites are one block, the others one, and each is plus, minus or undecided.
    """
    size = round(sites * (1 + correlation) / 2)
    block = (torch.arange(sites) < size).double()
    patterns = torch.stack([torch.ones(sites, dtype=torch.float64), 2 * block - 1], 1)
    return RBM(
        math.sqrt(coupling) * patterns,
        torch.zeros(sites, dtype=torch.float64),
        torch.zeros(2, dtype=torch.float64),
        "spin",
        carving.Gaussian(precision=sites),
    )


def grown(
    folder: Path,
    machine: Callable[[float], RBM],
    ages: Sequence[int],
    training: dict[str, object] | None = None,
) -> CheckpointSequence:
    """A store of machines that are known functions of log(1 + age)."""
    first = machine(0.0)
    path = folder / f"run-{len(list(folder.iterdir()))}.carving"
    with carving.create_checkpoints(
        path, visible=first.visible, hidden=first.hidden, training=training
    ) as run:
        for age in ages:
            run.append(machine(math.log1p(age)).to(torch.float32), updates=age)
    return carving.open_checkpoints(path)
