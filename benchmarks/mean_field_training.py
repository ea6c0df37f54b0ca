"""Mean-field training beside chains: pseudo-likelihood of unseen digits after the same updates, and the time.

    python benchmarks/mean_field_training.py [--updates 2000] [--rounds 3] [--threads 2]

The methods are trained in turn, each round with its own seed. Pseudo-log-likelihood of the test samples
(those whose name's SHA-256 modulo 5 is 0), in nats a site; medians over the rounds of it and of the seconds.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from error_estimates import shared_folder
from likelihood import is_test
from training import BATCH, CHAINS, TASKS, samples_of

import carving
from carving.training.quality import pseudo_likelihood

METHODS = (
    ("pcd", 10),
    ("emf:order=1,persistent=no", 3),
    ("emf:order=2,persistent=no", 3),
    ("emf:order=2", 3),
)


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if not (shared_folder() / "data").is_dir():
        sys.exit(f"no real data at {shared_folder()}; say where they are with CARVING_SHARED")
    torch.set_num_threads(options.threads)
    samples = samples_of("digits")
    test = np.array([is_test(str(name)) for name in samples.names])
    likelihoods: dict[tuple[str, int], list[float]] = {each: [] for each in METHODS}
    seconds: dict[tuple[str, int], list[float]] = {each: [] for each in METHODS}
    for seed in range(options.rounds):
        for each in METHODS:
            method, k = each
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                run = carving.train(
                    samples.values[~test],
                    Path(folder) / "run",
                    hidden=TASKS["digits"][1],
                    updates=options.updates,
                    method=method,
                    k=k,
                    chains=CHAINS,
                    batch_size=BATCH,
                    save="linear:2",
                    seed=seed,
                )
                seconds[each].append(time.perf_counter() - began)
                found = pseudo_likelihood(run[-1], samples.values[test], sites="one")
                likelihoods[each].append(found.per_site)
    base = statistics.median(seconds[METHODS[0]])
    print("method                        k   pseudo-log-likelihood a site   seconds   of pcd's")
    for each in METHODS:
        method, k = each
        spent = statistics.median(seconds[each])
        value = statistics.median(likelihoods[each])
        print(f"{method:28s} {k:2d} {value:30.4f} {spent:9.1f} {spent / base:10.2f}")


if __name__ == "__main__":
    main()
