"""Mean-field free energies and means of random machines beside exact ones."""

from dataclasses import dataclass

import torch

from carving import fixed_points
from tests.machines import encoding_factor, random_machine, random_samples

LARGEST_WEIGHT = 0.25


@dataclass(frozen=True)
class Errors:
    """|min Γ + log Z|, and the root-mean-square distance of all means from the exact ones."""

    free_energy: float
    means: float


def mean_field_errors(visible: str, hidden: str, *, strength: float, order: int, seed: int) -> Errors:
    """Errors of the lowest fixed point found from a few samples.

    Entries of W are uniform up to 0.25 · ``strength`` between spins, twice that for one {0, 1} layer
    and four times for two.
    """
    rbm = random_machine(
        visible,
        hidden,
        sites=7,
        units=6,
        states=3,
        weights=strength * LARGEST_WEIGHT * encoding_factor(visible, hidden),
        uniform=True,
        seed=seed,
    )
    exact = rbm.enumerate()
    points = fixed_points(rbm, random_samples(rbm, 8), order=order)
    best = int(points.free_energy.argmin())
    means = torch.cat([points.visible[best].flatten(), points.hidden[best]])
    exact_means = torch.cat([exact.visible_mean.flatten(), exact.hidden_mean])
    return Errors(
        free_energy=abs(float(points.free_energy[best]) + exact.log_partition),
        means=float((means - exact_means).square().mean().sqrt()),
    )
