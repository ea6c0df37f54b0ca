"""Distributions of small machines by enumeration, and whether samples come from them."""

import numpy as np
import torch

from carving import RBM
from carving.sampling._codes import decode
from carving.sampling._flat import FlatMachine
from carving.sampling.steps import find_steps, steps_names
from tests.machines import PAIRS, random_machine

SITES = 4


def small_machine(
    visible: str, hidden: str, *, weights: float = 0.6, beta: float = 1.0, seed: int = 0
) -> RBM:
    """Of 16 or 81 configurations, whose sites depend on each other strongly, and which mixes all the same."""
    return random_machine(
        visible, hidden, sites=SITES, units=3, states=3, weights=weights, beta=beta, seed=seed
    )


SERVED = [
    (*pair, steps)
    for pair in PAIRS
    for steps in steps_names()
    if find_steps(steps).serves(FlatMachine(small_machine(*pair)))
]


def configurations(machine: RBM) -> np.ndarray:
    """All of them, as samples have them. (K, N_v)"""
    every = machine.visible.configurations(machine.visible_size, torch.float64)
    return decode(machine.visible, every)


def probabilities(machine: RBM) -> np.ndarray:
    """p(v) of all configurations. (K,)"""
    machine = machine.to(dtype=torch.float64)
    every = machine.visible.configurations(machine.visible_size, torch.float64)
    return torch.softmax(-machine.free_energy(every), 0).numpy()


def draw(machine: RBM, count: int, generator: torch.Generator) -> torch.Tensor:
    """Independent samples, as statistics. (count, N_v·q)"""
    every = machine.visible.configurations(machine.visible_size, machine.dtype)
    p = torch.from_numpy(probabilities(machine))
    return every[torch.multinomial(p, count, replacement=True, generator=generator)].flatten(1)


def excess(codes: np.ndarray, every: np.ndarray, p: np.ndarray) -> float:
    """χ² of the numbers of each configuration, less what it should be, in its standard deviations.

    Configurations that are too rare for that are taken together.
    """
    index = {row.tobytes(): place for place, row in enumerate(every)}
    counts = np.bincount([index[row.tobytes()] for row in codes], minlength=len(every))
    expected = len(codes) * p
    assert counts[p == 0].sum() == 0
    rare = expected < 10
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    there = expected > 0
    chi2 = ((counts - expected)[there] ** 2 / expected[there]).sum()
    freedom = there.sum() - 1
    return float((chi2 - freedom) / np.sqrt(2 * max(freedom, 1)))


def assert_drawn_from(codes: np.ndarray, machine: RBM) -> None:
    """The numbers of all configurations are what independent samples of the machine could give."""
    assert excess(codes, configurations(machine), probabilities(machine)) < 5


def assert_drawn_given(codes: np.ndarray, machine: RBM, known: dict[int, int]) -> None:
    """The same given the values of some sites."""
    every = configurations(machine)
    agrees = np.all([every[:, site] == value for site, value in known.items()], axis=0)
    p = probabilities(machine) * agrees
    assert excess(codes, every, p / p.sum()) < 5
