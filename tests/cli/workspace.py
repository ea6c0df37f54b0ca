"""A small workspace for the command line: machines of known patterns, samples, labels, a tree."""

from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from carving import RBM, create_checkpoints
from carving_cli.main import carve

SITES = 24
COPIES = 12
AGES = {1: 0.05, 10: 0.15, 100: 0.6}
"""Strength of the weights at each age: one state at first, four at the end."""


def patterns() -> np.ndarray:
    """Two pairs of opposite patterns, 0/1."""
    first = np.tile([1, 0], SITES // 2)
    second = np.repeat([1, 0], SITES // 2)
    return np.stack([first, 1 - first, second, 1 - second])


def machine(strength: float, unit: str = "bernoulli", hidden: str = "bernoulli") -> RBM:
    """Every pattern axis in several hidden units, no field when written between spins."""
    axes = 2 * patterns()[::2] - 1
    weights = strength * np.repeat(axes, COPIES, axis=0).T.astype(np.float32)
    if unit == "spin":
        return RBM(weights / 4, np.zeros(SITES), np.zeros(2 * COPIES), visible="spin", hidden=hidden)
    return RBM(weights, -weights.sum(1) / 2, -weights.sum(0) / 2, hidden=hidden)


def samples_near_patterns() -> np.ndarray:
    """Ten samples near each pattern, two sites of each turned."""
    random = np.random.default_rng(0)
    rows = np.repeat(patterns(), 10, axis=0)
    for row in rows:
        row[random.choice(SITES, 2, replace=False)] ^= 1
    return rows.astype(np.uint8)


NAMES = [f"sample {number}" for number in range(40)]


def make_workspace(folder: Path) -> None:
    """Two stores, with and without samples, and everything that goes with them."""
    samples = samples_near_patterns()
    for name, kept in (("ck", samples), ("bare", None)):
        names = None if kept is None else NAMES
        with create_checkpoints(folder / name, samples=kept, names=names) as run:
            for age, strength in AGES.items():
                run.append(machine(strength), updates=age)
    np.savez(folder / "samples.npz", samples=samples, names=np.array(NAMES))
    rows = "".join(f"{name},g{index // 10}\n" for index, name in enumerate(NAMES))
    (folder / "labels.csv").write_text(f"name,group\n{rows}", encoding="utf-8")
    (folder / "colors.csv").write_text("legend,label,color\ngroup,g0,#332288\n", encoding="utf-8")
    done = CliRunner().invoke(
        carve,
        [
            "build-tree",
            f"{folder}/ck",
            "--labels",
            f"{folder}/labels.csv",
            "--threads",
            "1",
            "-o",
            f"{folder}/tree",
        ],
    )
    assert done.exit_code == 0, done.output


def run(*arguments: object) -> Result:
    """One command in this process; an exception that escapes it fails the test."""
    return CliRunner().invoke(carve, [str(argument) for argument in arguments])


def succeed(*arguments: object) -> Result:
    """One command that must end well."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result
