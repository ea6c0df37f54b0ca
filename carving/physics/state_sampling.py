"""Susceptibility and relaxation of the states of a tree, sampled along a training (mathematics §6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from carving._progress import Progress, ProgressCallback
from carving.checkpoints import CheckpointSequence
from carving.data import Samples
from carving.errors import InvalidInput
from carving.physics._observables import project_chains
from carving.physics.relaxation import relaxation_time
from carving.physics.spectrum import SpectrumAlongLearning
from carving.physics.susceptibility import sampled_susceptibility
from carving.tree import Tree

BETWEEN = -1


@dataclass(frozen=True)
class Sampling:
    """How chains are run.

    Attributes
    ----------
    chains
        Of each state; they begin at samples of it.
    burn_in, steps
        Gibbs steps that are not recorded, and that are.
    thin
        Gibbs steps between two times of the series.
    least_share
        States that hold a smaller share of the samples are left out.
    """

    chains: int = 100
    burn_in: int = 200
    steps: int = 2000
    thin: int = 2
    least_share: float = 0.05

    def __post_init__(self) -> None:
        for name, least in (("chains", 2), ("burn_in", 0), ("thin", 1), ("steps", 4 * self.thin)):
            if getattr(self, name) < least:
                raise InvalidInput(f"{name}: {getattr(self, name)} is too few; give at least {least}")
        if not 0 <= self.least_share <= 1:
            raise InvalidInput(f"least_share: {self.least_share} is no share; give one from 0 to 1")


@dataclass(frozen=True, eq=False)
class StateSampling:
    """What chains say of each state at each age along the singular directions, one row a state.

    Attributes
    ----------
    age, node
        The state, (n,) int64; node −1: chains that begin at samples of all states together.
    susceptibility, susceptibility_error
        χ_α = ⟨s_α²⟩ − ⟨s_α⟩², s_α = u^α·(v − m_v) from the state, from the samples' mean for node −1, (n, k).
    absolute, absolute_error
        ⟨s_α²⟩ − ⟨|s_α|⟩², which is (1 − 2/π) χ_α before a transition and finite after it.
    relaxation, relaxation_error
        Exponential autocorrelation time of s_α in Gibbs steps, within the state or between all.
    is_bound
        Whether the run is too short and that time a lower bound. bool
    """

    age: np.ndarray
    node: np.ndarray
    susceptibility: np.ndarray
    susceptibility_error: np.ndarray
    absolute: np.ndarray
    absolute_error: np.ndarray
    relaxation: np.ndarray
    relaxation_error: np.ndarray
    is_bound: np.ndarray

    def __len__(self) -> int:
        return len(self.age)

    def __repr__(self) -> str:
        return (
            f"StateSampling({len(self)} runs at {len(np.unique(self.age))} ages; "
            f"{self.is_bound.mean():.0%} of the times are lower bounds)"
        )


def sample_states(
    tree: Tree,
    run: CheckpointSequence,
    samples: Samples | Any,
    spectrum: SpectrumAlongLearning,
    *,
    sampling: Sampling | None = None,
    generator: torch.Generator,
    progress: ProgressCallback | None = None,
) -> StateSampling:
    """Run Gibbs chains in every state at every age, and from all samples together.

    Parameters
    ----------
    tree, run
        The tree, and the checkpoints that it was made from.
    samples
        Its samples, in its order of leaves.
    spectrum
        The directions.
    sampling
        How many chains, and how long.
    generator
        For the draws.
    progress
        Called for every run.

    Raises
    ------
    InvalidInput
        If there are as many samples as the tree has leaves no more.
    """
    sampling = Sampling() if sampling is None else sampling
    values = samples.values if isinstance(samples, Samples) else samples
    if len(values) != len(tree.leaves):
        raise InvalidInput(
            f"samples: there are {len(values)}, but the tree has {len(tree.leaves)} leaves; give its own"
        )
    runs = _runs(tree, sampling.least_share)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in _COLUMNS}
    for done, (age, node) in enumerate(runs):
        members = np.arange(len(values)) if node == BETWEEN else np.flatnonzero(tree.partition(age) == node)
        rbm = run.at_age(age)
        picked = torch.randint(len(members), (sampling.chains,), generator=generator).numpy()
        rows = np.sort(members[picked])
        starts = rbm.visible.encode(np.asarray(_rows_of(values, rows)), rbm.dtype)
        if node == BETWEEN:
            centre = starts.double().mean(0)
        else:
            centre = torch.from_numpy(tree.states.visible[tree.states.row(node, age)].astype(np.float64))
        directions = torch.from_numpy(spectrum.directions[int(np.flatnonzero(spectrum.ages == age)[0])])
        series = project_chains(
            rbm,
            directions.double().movedim(0, -1),
            chains=sampling.chains,
            steps=sampling.steps,
            burn_in=sampling.burn_in,
            thin=sampling.thin,
            generator=generator,
            centre=centre,
            starts=starts,
        )
        moments = sampled_susceptibility(series)
        # within a state every chain has the same state: deviations are from the mean of all in it
        times = relaxation_time(series, steps=sampling.thin)
        found = (
            moments.susceptibility, moments.susceptibility_error, moments.absolute, moments.absolute_error,
            times.time, times.standard_error, times.lower_bound,
        )  # fmt: skip
        for name, value in zip(_COLUMNS, found, strict=True):
            columns[name].append(value.numpy())
        if progress:
            progress(Progress("Gibbs chains", done + 1, len(runs), f"age {age}"))
    return StateSampling(
        age=np.array([age for age, _ in runs]),
        node=np.array([node for _, node in runs]),
        **{name: np.stack(column) for name, column in columns.items()},
    )


_COLUMNS = (
    "susceptibility", "susceptibility_error", "absolute", "absolute_error",
    "relaxation", "relaxation_error", "is_bound",
)  # fmt: skip


def _runs(tree: Tree, least_share: float) -> list[tuple[int, int]]:
    """(age, node) of all that is sampled, the youngest age first."""
    least = least_share * len(tree.leaves)
    result = []
    for age in np.sort(tree.ages.updates).tolist():
        nodes = tree.states.node[tree.states.rows_at(age)]
        large = [int(node) for node in nodes if tree.nodes.size[node] >= least]
        result += [(age, BETWEEN), *((age, node) for node in large if len(nodes) > 1)]
    return result


def _rows_of(values: Any, rows: np.ndarray) -> Any:
    """Some rows, read once each where the array is one that only slices are cheap of."""
    if isinstance(values, (np.ndarray, torch.Tensor)):
        return values[rows]
    different, back = np.unique(rows, return_inverse=True)
    return np.stack([np.asarray(values[int(row)]) for row in different])[back]
