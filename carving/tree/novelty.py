"""Whether a sample is like those that a machine was trained on, told by F(v)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from carving._device import resolve_device
from carving.data import Samples
from carving.rbm import RBM

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence

OUTSIDE_ABOVE = 99.9
"""Percentile of F(v) above which a sample is outside: one of a thousand training samples is, or fewer."""

# numbers of a block of samples whose energies are computed together
_BLOCK = 2**22
# that many say where the 99.9th percentile is to 0.01 of a percent
_MOST_COMPARED = 2**17
# energies nearer to each other than this, of their size, differ by rounding only
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Novelty:
    """How samples compare with the training samples; one entry a sample.

    Attributes
    ----------
    percentile
        Percent of the training samples whose F(v) is lower, half of those that have the same included;
        NaN where the store keeps no samples. float64
    outside
        The percentile is above 99.9: fewer than one of a thousand training samples is as unlikely. False
        where it is not known. bool
    """

    percentile: np.ndarray
    outside: np.ndarray

    def __len__(self) -> int:
        return len(self.percentile)

    def __getitem__(self, rows: np.ndarray | slice) -> Novelty:
        return Novelty(self.percentile[rows], self.outside[rows])


class TrainingEnergies:
    """F(v) of the training samples of a run, at one age: what :class:`Novelty` compares with.

    F(v) = −ln p(v) − ln Z, and Z is the same for all: a sample above most training samples is one that the
    machine thinks less likely than those.

    Parameters
    ----------
    run
        The checkpoints; of more than 131,072 samples kept with them, that many, evenly spread, are compared.
    age
        Of the machine; the oldest by default.
    device
        Where to compute.
    """

    def __init__(self, run: CheckpointSequence, age: int | None = None, *, device: str = "cpu") -> None:
        self._rbm = run.at_age(int(run.ages[-1] if age is None else age)).to(
            device=resolve_device(device), dtype=torch.float64
        )
        kept = run.samples if run.has_samples else None
        if kept is None:
            kept = np.zeros((0, len(self._rbm.visible_bias)), dtype=np.uint8)
        if len(kept) > _MOST_COMPARED:
            kept = kept[np.linspace(0, len(kept) - 1, _MOST_COMPARED).astype(np.int64)]
        self.sorted = np.sort(free_energies(self._rbm, kept))
        """F(v) of the training samples, ascending."""

    def novelty(self, samples: object) -> Novelty:
        """How samples compare, as for :func:`carving.fixed_points`."""
        energy = free_energies(self._rbm, samples.values if isinstance(samples, Samples) else samples)
        if not len(self.sorted):
            return Novelty(np.full(len(energy), np.nan), np.zeros(len(energy), dtype=bool))
        rounding = _ROUNDING * np.maximum(1, np.abs(energy))
        below = np.searchsorted(self.sorted, energy - rounding, side="left")
        above = np.searchsorted(self.sorted, energy + rounding, side="right")
        percentile = 50 * (below + above) / len(self.sorted)
        return Novelty(percentile, percentile > OUTSIDE_ABOVE)


def free_energies(rbm: RBM, samples: object) -> np.ndarray:
    """F(v) of samples, (n,) float64, some rows at a time."""
    values: Any = samples if hasattr(samples, "shape") else np.asarray(samples)
    parts, rows = [np.zeros(0)], max(1, _BLOCK // rbm.visible_bias.numel())
    for low in range(0, len(values), rows):
        v = rbm.visible.encode(values[low : low + rows], torch.float64, first_row=low).to(rbm.device)
        parts.append(rbm.free_energy(v).cpu().numpy())
    return np.concatenate(parts)
