"""build_tree against the published method on the same data: same groups at every age, and how much faster.

    python benchmarks/published.py [--machines mnist hgd planted] [--repeats 5] [--threads 2] [--command]

published_method.py, which lies beside the data, runs as published and, for its groups, with --exact;
every run of either side is a process of its own, in turn. The published method's time is the total that
it prints; carving's is that of build_tree, from open checkpoints to a Tree. With --command, whole
processes are timed instead: ``carve build-tree`` with all its exports, and published_method.py, which
exports nothing.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from error_estimates import samples_of, shared_folder, stored_machines
from sklearn.metrics import adjusted_rand_score

# file of the samples, its rows, Euclidean linkage distance of the published method
TASKS = {
    "mnist": ("mnist10k.npz", 2000, 1.0),
    "hgd": ("hgd.npz", 5008, 1.0),
    "planted": ("planted.npz", 2000, 0.5),
}


def published(name: str, threads: int, *, exact: bool, save: Path | None = None) -> float:
    """Run published_method.py; the total that it prints, seconds."""
    file, rows, linkage = TASKS[name]
    shared = shared_folder()
    command = [sys.executable, shared / "baseline" / "published_method.py"]
    command += [shared / "data" / f"{name}_rbms.h5", shared / "data" / file]
    command += ["--rows", rows, "--linkage", linkage, "--threads", threads]
    command += ["--exact"] if exact else []
    command += ["--save", save] if save else []
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    found = re.search(r"^total ([\d.]+) s", done.stdout, re.MULTILINE)
    assert found is not None
    return float(found[1])


def ours(name: str, store: Path, threads: int, save: Path) -> float:
    """Run build_tree in a new process; its seconds."""
    command = [sys.executable, __file__, "--build", name, str(store), str(save), "--threads", str(threads)]
    return float(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def build(name: str, store: Path, save: Path, threads: int) -> float:
    """What the new process does: the tree, its groups saved, the seconds that it took."""
    import torch

    from carving import build_tree, open_checkpoints

    torch.set_num_threads(threads)
    run, samples = open_checkpoints(store), samples_of(shared_folder(), name)
    begin = time.perf_counter()
    tree = build_tree(run, samples, linkage_distance=TASKS[name][2] / run.visible_size**0.5)
    seconds = time.perf_counter() - begin
    ages = tree.ages.updates.tolist()
    np.savez_compressed(save, ages=ages, labels=np.stack([tree.partition(age) for age in ages]))
    return seconds


def whole_command(name: str, store: Path, folder: Path, threads: int) -> float:
    """Seconds of the whole ``carve build-tree`` process, exports included."""
    file, rows, linkage = TASKS[name]
    command = [
        Path(sys.executable).with_name("carve"),
        "build-tree",
        store,
        "-o",
        folder,
        "--force",
        "--quiet",
    ]
    command += ["--samples", shared_folder() / "data" / file, "--rows", f":{rows}", "--threads", threads]
    sites = samples_of(shared_folder(), name).shape[1]
    command += ["--linkage-distance", linkage / sites**0.5]
    begin = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True)
    return time.perf_counter() - begin


def worst_agreement(one: Path, other: Path) -> float:
    """The smallest adjusted Rand index over all ages."""
    first, second = np.load(one), np.load(other)
    rows = dict(zip(second["ages"].tolist(), second["labels"], strict=True))
    pairs = zip(first["ages"].tolist(), first["labels"], strict=True)
    return min(adjusted_rand_score(labels, rows[age]) for age, labels in pairs)


def main() -> None:
    """Print a line for each machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machines", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--command", action="store_true", help="time whole processes")
    parser.add_argument("--build", nargs=3, metavar=("MACHINE", "STORE", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        name, store, save = options.build
        print(json.dumps(build(name, Path(store), Path(save), options.threads)))
        return
    if not (shared_folder() / "data").is_dir():
        sys.exit(f"no real data at {shared_folder()}; say where they are with CARVING_SHARED")
    print("machine   carving  published  ratio    exact  ratio  worst adjusted Rand index (medians, s)")
    for name in options.machines:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            store = Path(stored_machines(shared_folder(), name, folder).path)
            exact = published(name, options.threads, exact=True, save=folder / "exact.npz")
            times: list[tuple[float, float]] = []
            for _ in range(options.repeats):
                begin = time.perf_counter()
                theirs = published(name, options.threads, exact=False)
                theirs = time.perf_counter() - begin if options.command else theirs
                mine = ours(name, store, options.threads, folder / "ours.npz")
                if options.command:
                    mine = whole_command(name, store, folder / "tree", options.threads)
                times.append((mine, theirs))
            mine, theirs = np.median(times, axis=0).tolist()
            agreement = worst_agreement(folder / "ours.npz", folder / "exact.npz")
        print(
            f"{name:8s} {mine:8.2f} {theirs:10.2f} {theirs / mine:6.1f} {exact:8.2f} {exact / mine:6.1f}  "
            f"{agreement:.6f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
