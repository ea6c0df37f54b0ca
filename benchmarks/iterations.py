"""Plain or layer-exact sweeps as the definition of a sample's point: cost, robustness, agreement with labels.

    python benchmarks/iterations.py [--machines hgd mnist planted] [--order 2] [--threads 2]

For each machine and each kind of sweep, at the oldest age: row-sweeps and seconds; how many rows are not
reached by that kind alone; how many groups there are; the share of rows whose point is another one after
one site, drawn at random, is flipped in the sample; and over all ages of a tree the best adjusted mutual
information of a level with a label column. Last the share of rows for which both kinds agree.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from error_estimates import MACHINES, samples_of, shared_folder, stored_machines
from sklearn.metrics import adjusted_mutual_info_score

from carving import RBM, build_tree
from carving.data import read_labels, read_samples
from carving.meanfield import FixedPoints, Plefka, fixed_points
from carving.meanfield.solver import ITERATIONS

# Euclidean linkage distance, and a column of labels
SETTINGS = {"hgd": (1.0, "continent"), "mnist": (1.0, "digit"), "planted": (0.5, "level2")}
SAME = 1e-4


def flipped(samples: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """{0, 1} samples with one site of each flipped."""
    changed = samples.copy()
    rows = np.arange(len(samples))
    sites = generator.integers(samples.shape[1], size=len(samples))
    changed[rows, sites] = 1 - changed[rows, sites]
    return changed


def share_the_same(rbm: RBM, order: int, one: FixedPoints, other: FixedPoints) -> float:
    """Share of the rows with the same point in both."""
    difference = Plefka(rbm, order).size(one.visible - other.visible, one.hidden - other.hidden)
    return float((difference <= SAME).double().mean())


def main() -> None:
    """Print a line for each machine and kind of sweep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machines", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--order", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    shared = shared_folder()
    if not (shared / "data").is_dir():
        sys.exit(f"no real data at {shared}; say where they are with CARVING_SHARED")
    torch.set_num_threads(options.threads)
    print("machine  iteration      row-sweeps  seconds  by others  states  other point after a flip  labels")
    for name in options.machines:
        linkage, column = SETTINGS[name]
        samples = samples_of(shared, name)
        names = read_samples(shared / "data" / MACHINES[name][0]).names[: len(samples)]
        labels = read_labels(shared / "data" / f"{name}_labels.csv", names)
        with tempfile.TemporaryDirectory() as folder:
            run = stored_machines(shared, name, Path(folder))
            rbm, found = run[-1], {}
            for iteration in ITERATIONS:
                generator = np.random.default_rng(0)
                begin = time.perf_counter()
                points = fixed_points(rbm, samples, order=options.order, iteration=iteration)
                seconds = time.perf_counter() - begin
                again = fixed_points(
                    rbm, flipped(samples, generator), order=options.order, iteration=iteration
                )
                tree = build_tree(
                    run,
                    samples,
                    order=options.order,
                    iteration=iteration,
                    linkage_distance=linkage / rbm.visible_size**0.5,
                )
                best = max(
                    adjusted_mutual_info_score(labels.columns[column], tree.partition(age))
                    for age in tree.ages.updates.tolist()
                )
                own = ITERATIONS.index(iteration)
                found[iteration] = points
                assert points.spent is not None
                print(
                    f"{name:8s} {iteration:12s} {points.spent.sweeps:12,d} {seconds:8.2f} "
                    f"{int((points.method != own).sum()):10,d} {int(tree.ages.groups[0]):7,d} "
                    f"{1 - share_the_same(rbm, options.order, points, again):25.4f} {best:7.3f}",
                    flush=True,
                )
        agree = share_the_same(rbm, options.order, *found.values())
        print(f"{name:8s} the same point by both: {agree:.4f} of the rows", flush=True)


if __name__ == "__main__":
    main()
