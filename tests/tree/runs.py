"""Trainings in miniature: machines whose states are known to merge, a few checkpoints of them, and samples.

A machine is made of blocks of sites, each coupled to hidden units of its own along one pattern, so that
a block is either undecided or aligned with plus or minus its pattern: b decided blocks make 2^b states.
Blocks are decided when their singular value is well above 1; random weights and biases make states differ.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from carving import RBM
from carving.checkpoints import CheckpointSequence, create_checkpoints, open_checkpoints
from carving.tree import Tree

SITES, UNITS = (12, 12), 6  # of the blocks
AGES = (1, 10, 100, 1000)
# at which 1, 2, 4 and 4 states are left of two blocks
COUPLINGS = (0.5, 0.9, 1.6, 2.2)
STRENGTHS = (1.0, 1.7)
POTTS_STATES = 3
KINDS = [
    ("bernoulli", "bernoulli"),
    ("spin", "spin"),
    ("spin", "bernoulli"),
    ("spin", "gaussian"),
    ("potts", "bernoulli"),
]
# of weights and biases: numbers that ±1 and {0, 1} machines alike hold exactly in float32
GRID = 2.0**-10


def pattern_machine(
    singular_values: Sequence[float],
    *,
    sites: Sequence[int] = SITES,
    visible: str = "bernoulli",
    hidden: str = "bernoulli",
    noise: float = 0.05,
    bias: float = 0.05,
    seed: int = 0,
) -> RBM:
    """A machine with one block for each singular value, which counts as between spins."""
    draw = np.random.default_rng(seed)
    weights = noise / np.sqrt(sum(sites)) * draw.standard_normal((sum(sites), len(sites) * UNITS))
    for block, (value, size) in enumerate(zip(singular_values, sites, strict=True)):
        rows, columns = _sites_of(block, sites), slice(block * UNITS, (block + 1) * UNITS)
        # patterns of plus ones: any other signs are another name for the same machine
        weights[rows, columns] += value / np.sqrt(size * UNITS)
    a, b = (bias * draw.standard_normal(size) for size in weights.shape)
    weights, a, b = (np.round(x / GRID) * GRID for x in (weights, a, b))
    unit = "gaussian" if hidden == "gaussian" else "spin"
    if visible == "potts":
        # states 0 and 1 stand for plus and minus, further ones for neither
        sign = np.zeros(POTTS_STATES)
        sign[:2] = 1, -1
        weights = np.sqrt(1.5) * sign[:, None] * weights[:, None, :]
        machine = RBM(weights, sign * a[:, None], b, "potts", unit)
    else:
        machine = RBM(weights, a, b, "spin", unit)
    return machine.convert(
        visible=visible if visible == "bernoulli" else None, hidden=hidden if hidden == "bernoulli" else None
    )


def pattern_machines(
    *, couplings: Sequence[float] = COUPLINGS, strengths: Sequence[float] = STRENGTHS, **options: object
) -> dict[int, RBM]:
    """The same patterns at growing coupling: {age: machine}."""
    return {
        age: pattern_machine([coupling * strength for strength in strengths], **options)  # pyright: ignore
        for age, coupling in zip(AGES, couplings, strict=True)
    }


def pattern_samples(
    count: int,
    *,
    sites: Sequence[int] = SITES,
    flips: float = 0.1,
    visible: str = "bernoulli",
    seed: int = 0,
) -> np.ndarray:
    """Samples near the states: every block plus or minus its pattern, some sites flipped."""
    draw = np.random.default_rng(seed)
    signs = np.repeat(draw.integers(0, 2, (count, len(sites))), sites, axis=1)
    return as_values(signs ^ (draw.random(signs.shape) < flips), visible)


def as_values(ones: np.ndarray, visible: str) -> np.ndarray:
    """0/1 for plus or minus as values of the visible unit."""
    if visible == "spin":
        return (2 * ones - 1).astype(np.int8)
    return (1 - ones if visible == "potts" else ones).astype(np.uint8)


def store(folder: Path, machines: Mapping[int, RBM]) -> CheckpointSequence:
    """A checkpoint store of these machines in a new folder."""
    first = next(iter(machines.values()))
    path = folder / f"run-{len(list(folder.iterdir()))}.carving"
    with create_checkpoints(path, visible=first.visible, hidden=first.hidden) as run:
        for age, machine in machines.items():
            run.append(machine.to(dtype=torch.float32), updates=age)
    return open_checkpoints(path)


def assert_equal(first: Tree, second: Tree) -> None:
    """Every number of one tree is that of the other, to the last bit."""
    for table in ("nodes", "leaves", "states", "ages"):
        for column in getattr(first, table).column_types:
            one, other = (getattr(getattr(tree, table), column) for tree in (first, second))
            np.testing.assert_array_equal(one, other, err_msg=f"{table}: {column}")
    assert (first.options, first.provenance) == (second.options, second.provenance)


def _sites_of(block: int, sites: Sequence[int]) -> slice:
    return slice(sum(sites[:block]), sum(sites[: block + 1]))
