"""Log-likelihood of unseen samples after 2,000 updates: carve's training and rbms 0.5.0's.

    python benchmarks/likelihood.py [--machines genomes digits kunitz] [--seeds 3] [--updates 2000]

Both learn from the same part of the samples: a sample is for testing when SHA-256 of its name modulo 5 is 0.
Persistent contrastive divergence with 10 Gibbs steps, 500 chains and minibatches of 500 on both sides, each
with its own default step (carve 0.05 along the gradient; rbms 0.01 along the gradient divided by its norm).
log Z of both by carve's annealed importance sampling with its 95 % interval. In nats a sample; the interval
is that of log Z.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from error_estimates import shared_folder
from training import BATCH, CHAINS, STEPS, TASKS, Rbms, samples_of

import carving
from carving import RBM
from carving.training.likelihood import annealed_importance_sampling

RBMS_RATE = 0.01


def is_test(name: str) -> bool:
    """Whether the sample of that name is kept for testing."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 == 0


def ours(values: np.ndarray, name: str, alphabet: str | None, options: argparse.Namespace, seed: int) -> RBM:
    """The machine that carving trains."""
    with tempfile.TemporaryDirectory() as folder:
        run = carving.train(
            values,
            Path(folder) / "run",
            hidden=TASKS[name][1],
            updates=options.updates,
            method=options.method,
            k=STEPS,
            chains=CHAINS,
            batch_size=BATCH,
            save="linear:2",
            alphabet=alphabet,
            seed=seed,
        )
        return run[-1]


def theirs(
    values: np.ndarray, name: str, alphabet: str | None, options: argparse.Namespace, seed: int
) -> RBM:
    """The machine that rbms trains."""
    torch.manual_seed(seed)
    training = Rbms(values, None if alphabet is None else len(alphabet), TASKS[name][1], RBMS_RATE)
    for _ in range(options.updates):
        training.update()
    parameters = training.machine.named_parameters()
    return RBM(
        parameters["weight_matrix"],
        parameters["vbias"],
        parameters["hbias"],
        visible="bernoulli" if alphabet is None else "potts",
    )


def main() -> None:
    """Print a line for each training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machines", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=2000)
    parser.add_argument("--method", default="pcd", help="of carve's side (default: pcd)")
    parser.add_argument("--chains", type=int, default=400, help="of annealed importance sampling")
    parser.add_argument("--temperatures", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if not (shared_folder() / "data").is_dir():
        sys.exit(f"no real data at {shared_folder()}; say where they are with CARVING_SHARED")
    torch.set_num_threads(options.threads)
    print("machine   seed  side   of test samples    95 % interval of log Z  of training samples  seconds")
    for name in options.machines:
        samples = samples_of(name)
        test = np.array([is_test(str(each)) for each in samples.names])
        for seed in range(options.seeds):
            for side, train in (("carve", ours), ("rbms", theirs)):
                began = time.perf_counter()
                machine = train(samples.values[~test], name, samples.alphabet, options, seed)
                seconds = time.perf_counter() - began
                log_z = annealed_importance_sampling(
                    machine,
                    generator=torch.Generator().manual_seed(seed),
                    chains=options.chains,
                    temperatures=options.temperatures,
                    steps="integer",
                )
                found = log_z.log_likelihood(machine, samples.values[test])
                seen = log_z.log_likelihood(machine, samples.values[~test])
                interval = f"{found.low:10.2f} {found.high:10.2f}"
                line = f"{name:9s} {seed:4d}  {side:5s} {found.value:16.2f}   {interval}"
                print(f"{line} {seen.value:20.2f} {seconds:8.0f}", flush=True)


if __name__ == "__main__":
    main()
