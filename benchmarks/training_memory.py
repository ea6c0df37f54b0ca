"""Peak memory of trainings of several sizes, against the formula in ``carve train --help``.

    python benchmarks/training_memory.py

0.33 GB for the program, a byte a site for each sample, 40 bytes for each weight (65 with adam), 30 for each
unit of each chain, and 80 for each visible unit of the thousand samples that are measured; the states of a
Potts site are units. Every training is a process of its own, on random samples.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

# sites, states, hidden units, samples, chains, optimiser
SIZES = [
    (805, 0, 100, 5000, 500, "sgd"),
    (53, 21, 60, 12_000, 500, "sgd"),
    (784, 0, 500, 60_000, 500, "sgd"),
    (5000, 0, 100, 2000, 500, "sgd"),
    (5000, 0, 100, 2000, 5000, "sgd"),
    (5000, 0, 2000, 2000, 500, "sgd"),
    (5000, 0, 2000, 2000, 500, "adam"),
]
MEBIBYTE = 2**20


def stated(sites: int, states: int, hidden: int, samples: int, chains: int, optimiser: str) -> float:
    """Bytes that the formula gives."""
    visible = sites * max(states, 1)
    weights = visible * hidden * (65 if optimiser == "adam" else 40)
    measured = 80 * min(samples, 1000) * visible
    return 0.33e9 + samples * sites + weights + 30 * chains * (visible + hidden) + measured


def peak(sites: int, states: int, hidden: int, samples: int, chains: int, optimiser: str) -> float:
    """Bytes of this process at most, after such a training."""
    import numpy as np

    import carving

    values = np.random.default_rng(0).integers(0, max(states, 2), (samples, sites), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        carving.train(
            values,
            Path(folder) / "run",
            hidden=hidden,
            visible=carving.Potts(states) if states else None,
            updates=6,
            k=1,
            chains=chains,
            optimiser=optimiser,
            save="linear:3",
            keep_samples=False,
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(peak(*SIZES[options.one]))
        return
    print("sites  states  hidden  samples  chains  optimiser   measured MiB   stated MiB   ratio")
    for number, size in enumerate(SIZES):
        command = [sys.executable, __file__, "--one", str(number)]
        found = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
        line = "  ".join(f"{value!s:>6s}" for value in size)
        print(
            f"{line} {found / MEBIBYTE:14.0f} {stated(*size) / MEBIBYTE:12.0f} {stated(*size) / found:7.2f}"
        )


if __name__ == "__main__":
    main()
