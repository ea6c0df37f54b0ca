"""Updates a second of carve's training and of rbms 0.5.0's, same data, sizes and settings.

    python benchmarks/training.py [--machines genomes digits kunitz] [--updates 60] [--repeats 5]

Persistent contrastive divergence with 10 Gibbs steps an update, 500 chains, minibatches of 500 (what both
call so), constant learning rate. Every run of either side is a process of its own, in turn; what is timed are
the updates alone, after three that warm up. rbms runs in single precision, as it does by default, and is
called through its own functions: PCD of its class, its fit_batch. Medians of the repeats, and the ratio of
the two.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from error_estimates import shared_folder

# file of the samples and number of hidden units
TASKS = {"genomes": ("hgd.npz", 100), "digits": ("mnist10k.npz", 200), "kunitz": ("kunitz.fasta.gz", 60)}
STEPS, CHAINS, BATCH, RATE = 10, 500, 500, 0.01
WARM_UP = 3


def samples_of(name: str):
    """All samples of a task."""
    from carving.data import read_samples

    return read_samples(shared_folder() / "data" / TASKS[name][0])


def ours(name: str, updates: int, arithmetic: str) -> float:
    """Updates a second of :func:`carving.train`, whose checkpoints lie outside what is timed."""
    import carving

    began = ended = 0.0
    done = 0

    def stop() -> bool:
        """Asked after every update."""
        nonlocal began, ended, done
        done += 1
        if done == WARM_UP:
            began = time.perf_counter()
        if done == WARM_UP + updates:
            ended = time.perf_counter()
        return done == WARM_UP + updates

    with tempfile.TemporaryDirectory() as folder:
        carving.train(
            samples_of(name),
            Path(folder) / "run",
            hidden=TASKS[name][1],
            updates=100 * (WARM_UP + updates),
            k=STEPS,
            chains=CHAINS,
            batch_size=BATCH,
            learning_rate=RATE,
            # the first update, and then none before it is stopped
            save="linear:2",
            arithmetic=arithmetic,
            stop=stop,
        )
    return updates / (ended - began)


class Rbms:
    """The loop of rbms's own training program, without its files.

    Parameters
    ----------
    values
        (n, N_v) codes.
    states
        q of Potts sites; None for {0, 1}.
    """

    def __init__(self, values: np.ndarray, states: int | None, hidden: int, learning_rate: float) -> None:
        import torch
        from rbms.bernoulli_bernoulli.classes import BBRBM
        from rbms.dataset.dataset_class import RBMDataset
        from rbms.potts_bernoulli.classes import PBRBM
        from rbms.potts_bernoulli.utils import ensure_zero_sum_gauge

        count = len(values)
        self._data = RBMDataset(
            values.astype(np.float32),
            np.zeros(count),
            np.ones(count, dtype=np.float32),
            np.arange(count).astype(object),
            "samples",
            is_binary=states is None,
            device="cpu",
        )
        kind = BBRBM if states is None else PBRBM
        self.machine = kind.init_parameters(
            num_hiddens=hidden, dataset=self._data, device="cpu", dtype=torch.float32
        )
        self._fix_gauge = (lambda: None) if states is None else lambda: ensure_zero_sum_gauge(self.machine)
        self._chains = self.machine.init_chains(num_samples=CHAINS)
        self.machine.init_grad()
        self._optimiser = torch.optim.SGD(self.machine.parameters(), lr=learning_rate, maximize=True)

    def update(self) -> None:
        """One update."""
        import torch
        from rbms.training.pcd import fit_batch_pcd

        with torch.no_grad():
            chosen = torch.randperm(len(self._data))[:BATCH]
            self._optimiser.zero_grad(set_to_none=False)
            self._chains, _ = fit_batch_pcd(
                batch=(self._data.data[chosen], self._data.weights[chosen]),
                parallel_chains=self._chains,
                params=self.machine,
                gibbs_steps=STEPS,
                beta=1.0,
            )
            self._optimiser.step()
            self._fix_gauge()


def theirs(name: str, updates: int) -> float:
    """Updates a second of rbms."""
    samples = samples_of(name)
    states = None if samples.alphabet is None else len(samples.alphabet)
    training = Rbms(samples.values, states, TASKS[name][1], RATE)
    for _ in range(WARM_UP):
        training.update()
    began = time.perf_counter()
    for _ in range(updates):
        training.update()
    return updates / (time.perf_counter() - began)


SIDES = {
    "rbms": theirs,
    "plain": lambda name, updates: ours(name, updates, "plain"),
    "integer": lambda name, updates: ours(name, updates, "integer"),
}


def measured(side: str, name: str, updates: int, threads: int) -> float:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--one", side, name]
    command += ["--updates", str(updates), "--threads", str(threads)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def main() -> None:
    """Print a line for each task."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machines", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", nargs=2, metavar=("SIDE", "MACHINE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        import torch

        torch.set_num_threads(options.threads)
        side, name = options.one
        print(SIDES[side](name, options.updates))
        return
    if not (shared_folder() / "data").is_dir():
        sys.exit(f"no real data at {shared_folder()}; say where they are with CARVING_SHARED")
    print("machine   " + "".join(f"{side + ' updates/s':>20s}" for side in SIDES) + "   ratios to rbms")
    for name in options.machines:
        runs: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(options.repeats):
            for side, found in runs.items():
                found.append(measured(side, name, options.updates, options.threads))
        medians = {side: statistics.median(found) for side, found in runs.items()}
        ratios = "  ".join(
            f"{side} {medians[side] / medians['rbms']:.2f}" for side in SIDES if side != "rbms"
        )
        print(f"{name:10s}" + "".join(f"{medians[side]:20.1f}" for side in SIDES) + f"   {ratios}")


if __name__ == "__main__":
    main()
