"""The cascade of transitions of a training: everything about it at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from carving._progress import ProgressCallback
from carving.checkpoints import CheckpointSequence
from carving.data import Samples
from carving.errors import InvalidInput
from carving.physics.continuation import PRECISION
from carving.physics.soft_modes import SoftModes, soft_modes
from carving.physics.spectrum import SpectrumAlongLearning, spectrum_along_learning
from carving.physics.splits import Splits, locate_splits
from carving.physics.state_sampling import Sampling, StateSampling, sample_states
from carving.physics.thresholds import ParamagneticState, paramagnetic_state_along_learning
from carving.tree import Tree


@dataclass(frozen=True, eq=False)
class Cascade:
    """What is known of the transitions of a training.

    Attributes
    ----------
    order
        Of Plefka's expansion.
    spectrum
        Singular directions of the weights.
    paramagnetic
        The state connected to zero coupling.
    tree
        The tree whose states were followed; None if there was none, as the next two then.
    soft_modes
        How soft its states are.
    splits
        When exactly its branches part.
    sampling
        Susceptibility and relaxation by Gibbs chains; None if it was not asked for.
    """

    order: int
    spectrum: SpectrumAlongLearning
    paramagnetic: ParamagneticState
    tree: Tree | None
    soft_modes: SoftModes | None
    splits: Splits | None
    sampling: StateSampling | None


def transitions(
    run: CheckpointSequence,
    tree: Tree | None = None,
    samples: Samples | Any = None,
    *,
    directions: int = 6,
    order: int = 2,
    precision: float = PRECISION,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
    progress: ProgressCallback | None = None,
) -> Cascade:
    """The cascade of transitions of a training (mathematics §6).

    Parameters
    ----------
    run
        The checkpoints.
    tree
        A tree made from them; without it, only the spectrum and the paramagnetic state are looked at.
    samples
        What was learned, in the order of the tree's leaves: for variances, and to start chains.
    directions
        How many singular directions.
    order
        Of Plefka's expansion; a tree has its own.
    precision
        Of ages of transitions, in log(1 + age).
    sampling
        How Gibbs chains are run; None: none are.
    generator
        For them.
    progress
        Called for every part.

    Raises
    ------
    InvalidInput
        If chains are asked for without a tree, samples or a generator, or what is given does not belong
        together.

    References
    ----------
    Decelle, Rosset & Seoane, PRE 108, 014110 (2023); Bachtis, Biroli, Decelle & Seoane, NeurIPS 2024.
    """
    if sampling is not None and (tree is None or samples is None or generator is None):
        raise InvalidInput("sampling: chains begin in the states of a tree; give tree, samples and generator")
    if tree is not None:
        order = int(tree.options["order"])
    spectrum = spectrum_along_learning(run, samples, count=directions, progress=progress)
    paramagnetic = paramagnetic_state_along_learning(run, order=order, precision=precision, progress=progress)
    modes = splits = chains = None
    if tree is not None:
        splits = locate_splits(tree, run, precision=precision, progress=progress)
        modes = soft_modes(tree, run, progress=progress)
        if sampling is not None and generator is not None:
            chains = sample_states(
                tree, run, samples, spectrum, sampling=sampling, generator=generator, progress=progress
            )
    return Cascade(order, spectrum, paramagnetic, tree, modes, splits, chains)
