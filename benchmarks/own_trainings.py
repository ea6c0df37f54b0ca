"""Trees of carve's own trainings: agreement with labels, and how tightly adaptive saving brackets the splits.

    python benchmarks/own_trainings.py [--machines genomes digits planted] [--seeds 3] [--threads 2]

Each machine is trained with default settings for as many updates as the machines of the data (8,000; planted:
2,000 samples of a random tree of states, 5,000), and saved at some 450 ages evenly spaced in their logarithm.

Labels: the best adjusted mutual information of a level of the tree (of every eighth of these ages) with a
label column.

Splits: the ages at which nodes of the tree of all these ages part. For each, the distance in log age between
the checkpoints on either side of it, of 40 exponential ones and of those that adaptive:40 saves of the same
training; medians over the splits, and their ratio. A rule only looks, so what it would have saved is found by
showing it the machines that are there.

The real data are looked for in CARVING_SHARED, ../shared unless set.
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
from sklearn.metrics import adjusted_mutual_info_score

import carving
from carving.checkpoints import CheckpointSequence
from carving.data import Samples, random_tree, read_labels, read_samples
from carving.training import save_ages
from carving.training._data import read_training_data
from carving.training.saving import Snapshot, read_saving
from carving.tree import Tree, build_tree

BUDGET = 40
# in log age: half of the distance at which adaptive saving looks
SPACING = 0.02
# file, rows in the tree, hidden units, updates, label column
TASKS = {
    "genomes": ("hgd.npz", 5008, 100, 8000, "continent"),
    "digits": ("mnist10k.npz", 2000, 200, 8000, "digit"),
    "planted": (None, 2000, 50, 5000, None),
}


def samples_of(name: str, seed: int) -> tuple[Samples, dict[str, np.ndarray]]:
    """The samples, and their labels by column."""
    file, rows, *_ = TASKS[name]
    if file is None:
        generator = torch.Generator().manual_seed(seed)
        data = random_tree(sites=200, samples=rows, noise=0.02, generator=generator, unit="bernoulli")
        values = data.samples.astype(np.uint8)
        return Samples(values, np.array([f"s{k}" for k in range(rows)], dtype=object)), dict(data.labels)
    samples = read_samples(shared_folder() / "data" / file)
    labels = read_labels(
        shared_folder() / "data" / f"{name_of_labels(name)}_labels.csv", samples.names[:rows]
    )
    return samples, {column: np.asarray(values) for column, values in labels.columns.items()}


def name_of_labels(name: str) -> str:
    """As the files of the data are called."""
    return {"genomes": "hgd", "digits": "mnist"}[name]


def best_agreement(tree: Tree, labels: np.ndarray) -> float:
    """Best adjusted mutual information of a level."""
    partitions = (tree.partition(age=int(age)) for age in tree.ages.updates)
    return max(adjusted_mutual_info_score(labels, groups) for groups in partitions)


def splits_of(tree: Tree) -> list[tuple[int, int]]:
    """For each node that parts, the last age at which it is one and the first at which it is not."""
    nodes, ages = tree.nodes, np.sort(tree.ages.updates)
    children = np.bincount(nodes.parent[nodes.parent >= 0], minlength=len(nodes.parent))
    merged = nodes.age[(children > 1)]
    return [(int(age), int(ages[np.searchsorted(ages, age) + 1])) for age in merged if age < ages[-1]]


def saved_by(rule: str, run: CheckpointSequence, samples: Samples, updates: int) -> np.ndarray:
    """Ages that a rule saves of this training, among those that are there."""
    saving = read_saving(rule, updates)
    data = read_training_data(
        samples, visible=None, names=None, alphabet=samples.alphabet, weights=None, memory=2**30
    )
    saving.watch(data.spread_rows(1000)[0])
    # what it saves in any case lies between the ages that are there: the nearest of them
    wanted = saving.looks()
    above = np.searchsorted(run.ages, wanted)
    below = np.maximum(above - 1, 0)
    nearer = np.where(wanted - run.ages[below] < run.ages[above] - wanted, below, above)
    spread = run.ages[nearer[np.isin(wanted, saving._spread)]]
    saving._spread = spread
    looks = np.unique(run.ages[nearer]).tolist()
    saved: set[int] = set()
    before = None
    for age in looks:
        verdict = saving.look(Snapshot(age, run.at_age(age), None))
        if verdict.before and before is not None:
            saved.add(before)
        if verdict.this:
            saved.add(age)
        before = age
    return np.array(sorted(saved))


def bracket(splits: list[tuple[int, int]], ages: np.ndarray) -> float:
    """Median distance in log age of the checkpoints around the splits."""
    widths = []
    for low, high in splits:
        below, above = ages[ages <= low].max(), ages[ages >= high].min()
        widths.append(float(np.log(above / below)))
    return statistics.median(widths)


def main() -> None:
    """Print a line for each training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machines", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if not (shared_folder() / "data").is_dir():
        sys.exit(f"no real data at {shared_folder()}; say where they are with CARVING_SHARED")
    torch.set_num_threads(options.threads)
    print("machine   seed  updates/s  agreement  states  splits  exponential:40  adaptive:40 (saved)  ratio")
    for name in options.machines:
        _, rows, hidden, updates, column = TASKS[name]
        for seed in range(options.seeds):
            samples, labels = samples_of(name, seed)
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                run = carving.train(
                    samples,
                    Path(folder) / "run",
                    hidden=hidden,
                    updates=updates,
                    save=f"exponential:{2 * round(np.log(updates) / (2 * SPACING)) + 1}",
                    seed=seed,
                )
                speed = updates / (time.perf_counter() - began)
                in_tree = samples.values[:rows]
                few = np.union1d(run.ages[::8], run.ages[-1:])
                tree = build_tree(run, in_tree, ages=few.tolist())
                agreement = best_agreement(tree, labels[column][:rows]) if column else float("nan")
                whole = build_tree(run, in_tree)
                splits = splits_of(whole)
                exponential = np.array(save_ages(f"exponential:{BUDGET}", updates))
                adaptive = saved_by(f"adaptive:{BUDGET}", run, samples, updates)
                widths = bracket(splits, exponential), bracket(splits, adaptive)
            tree_line = f"{agreement:10.3f} {whole.ages.groups[0]:7d} {len(splits):7d}"
            width_line = f"{widths[0]:15.3f} {widths[1]:12.3f} ({len(adaptive)}) {widths[0] / widths[1]:9.1f}"
            print(f"{name:9s} {seed:4d} {speed:10.1f} {tree_line} {width_line}", flush=True)


if __name__ == "__main__":
    main()
