"""A random tree of states with samples at its leaves: data whose family tree is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from carving.data._names import as_text
from carving.data.generators._magnetisation import random_signs
from carving.data.generators._settings import whole_at_least, within
from carving.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class TreeData:
    """Samples scattered around the leaves of a random tree of states, and the tree.

    The tree's states are in rows, the root first and every parent before its children.

    Attributes
    ----------
    samples
        (n, N): uint8 of 0/1, or int8 of ±1.
    names
        (n,) strings ``"s0000"``, ….
    labels
        ``"level1"``, …: for every sample the name of the state at that level that it stems from.
    states
        (K, N): the states, in the samples' units.
    state_names
        (K,) strings: ``""`` the root, ``"0"`` its first child, ``"0.1"`` the second child of that, ….
    parent
        (K,) int64: row of each state's parent, −1 for the root.
    sample_state
        (n,) int64: row of the leaf that each sample was drawn from.
    """

    samples: np.ndarray
    names: np.ndarray
    labels: dict[str, np.ndarray]
    states: np.ndarray
    state_names: np.ndarray
    parent: np.ndarray
    sample_state: np.ndarray

    def __repr__(self) -> str:
        inner = len(set(self.parent.tolist()) - {-1})
        return (
            f"TreeData({len(self.samples)} × {self.samples.shape[1]} {self.samples.dtype}, "
            f"{len(self.parent) - inner} leaf states, {len(self.labels)} levels)"
        )


def random_tree(
    *,
    levels: int = 3,
    children: tuple[int, int] = (2, 3),
    sites: int = 200,
    flips: Sequence[tuple[float, float]] = ((0.15, 0.25), (0.08, 0.12), (0.04, 0.06)),
    noise: float = 0.02,
    samples: int = 2000,
    unit: str = "bernoulli",
    generator: torch.Generator,
) -> TreeData:
    """Draw a random tree of states, and samples at its leaves.

    The root is a random state. On the branch to each child a random share of the sites, of that level's
    range, is flipped. Each sample takes a leaf at random and flips every site with probability ``noise``.

    Parameters
    ----------
    levels
        How many levels of states below the root.
    children
        Fewest and most children of a state; uniformly random between.
    sites
        N.
    flips
        For every level from the root's children on, smallest and largest share of flipped sites.
    noise
        Probability that a site of a sample differs from its state.
    samples
        How many to draw.
    unit
        ``"bernoulli"`` for 0/1, ``"spin"`` for ±1.
    generator
        Source of all randomness.
    """
    _check(levels, children, sites, flips, noise, samples, unit)
    signs, names, parent, level = _grow(levels, children, sites, flips, generator)
    leaves = torch.tensor([row for row, depth in enumerate(level) if depth == levels])
    device = generator.device
    chosen = torch.randint(0, len(leaves), (samples,), generator=generator, device=device).cpu()
    sample_state = leaves[chosen].numpy()
    flipped = torch.rand(samples, sites, dtype=torch.float64, generator=generator, device=device) < noise
    drawn = signs[sample_state] * np.where(flipped.cpu().numpy(), -1, 1).astype(np.int8)
    digits = len(str(samples - 1))
    return TreeData(
        samples=_in_units(drawn, unit),
        names=as_text(f"s{number:0{digits}d}" for number in range(samples)),
        labels=_labels(names, sample_state, levels),
        states=_in_units(signs, unit),
        state_names=as_text(names),
        parent=np.array(parent, dtype=np.int64),
        sample_state=sample_state,
    )


def _grow(
    levels: int,
    children: tuple[int, int],
    sites: int,
    flips: Sequence[tuple[float, float]],
    generator: torch.Generator,
) -> tuple[np.ndarray, list[str], list[int], list[int]]:
    """The states (±1), their names, parents and levels, level by level."""
    device = generator.device
    states = [random_signs((sites,), generator).cpu()]
    names, parent, level = [""], [-1], [0]
    row = 0
    while row < len(states):
        if level[row] < levels:
            fewest, most = children
            count = int(torch.randint(fewest, most + 1, (1,), generator=generator, device=device))
            for child in range(count):
                low, high = flips[level[row]]
                share = float(torch.rand(1, dtype=torch.float64, generator=generator, device=device))
                number = round((low + (high - low) * share) * sites)
                where = torch.randperm(sites, generator=generator, device=device)[:number].cpu()
                state = states[row].clone()
                state[where] *= -1
                states.append(state)
                names.append(f"{names[row]}.{child}" if row else str(child))
                parent.append(row)
                level.append(level[row] + 1)
        row += 1
    return torch.stack(states).numpy(), names, parent, level


def _labels(names: Sequence[str], sample_state: np.ndarray, levels: int) -> dict[str, np.ndarray]:
    """The name of a leaf's ancestor at a level is the beginning of its own name."""
    labels = {}
    for level in range(1, levels + 1):
        ancestor = as_text(".".join(name.split(".")[:level]) for name in names)
        labels[f"level{level}"] = ancestor[sample_state]
    return labels


def _in_units(signs: np.ndarray, unit: str) -> np.ndarray:
    return signs if unit == "spin" else (signs > 0).astype(np.uint8)


def _check(
    levels: int,
    children: tuple[int, int],
    sites: int,
    flips: Sequence[tuple[float, float]],
    noise: float,
    samples: int,
    unit: str,
) -> None:
    whole_at_least(1, levels=levels, sites=sites, samples=samples)
    fewest, most = children
    whole_at_least(1, children=fewest)
    whole_at_least(fewest, children=most)
    within(0, 0.5, noise=noise)
    if len(flips) != levels:
        raise InvalidInput(f"flips: {len(flips)} ranges are given for {levels} levels; give one a level")
    for low, high in flips:
        within(0, 1, flips=low)
        within(low, 1, flips=high)
    if unit not in ("bernoulli", "spin"):
        raise InvalidInput(
            f"unit {unit!r}: random trees are of 'bernoulli' or 'spin' units; choose one of them"
        )
