"""build_tree on Dask workers of one thread each, against one process with as many threads.

    python benchmarks/dask_workers.py [--count 1000000] [--workers 1 2 4]

Samples are drawn from the genome machine and lie in a chunked zarr array, which workers read by themselves.
Each tree is built in a process of its own; the time is that of build_tree, with everything imported and the
cluster running; CPU seconds are of all processes together. Memory is the most that any worker has had, the
interpreter and its libraries included, and what those alone take. Every tree is compared with that of one
process with one thread: the same groups, and the largest difference of any number.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import torch
import zarr
from error_estimates import samples_of, shared_folder, stored_machines
from many_samples import LINKAGE, draw, peak

from carving import Tree, build_tree, dask_executor, load_tree, open_checkpoints
from carving.checkpoints import CheckpointSequence


def processes() -> list[psutil.Process]:
    """The process itself and those that it has started."""
    here = psutil.Process()
    return [here, *here.children(recursive=True)]


def processor_seconds() -> float:
    """Of all of them together."""
    times = [process.cpu_times() for process in processes()]
    return sum(time.user + time.system for time in times)


def build_small(run: CheckpointSequence, samples: np.ndarray, _: int = 0) -> None:
    """A first tree, for which everything is loaded that trees need."""
    build_tree(run, samples, linkage_distance=LINKAGE / run.visible_size**0.5, ages="log:2")


def build(checkpoints: str, samples: str, output: str, threads: int, workers: int) -> dict[str, float]:
    """What the new process does: one tree, on so many workers, or with so many threads if there are none."""
    run, values = open_checkpoints(checkpoints), zarr.open_array(samples, mode="r")
    torch.set_num_threads(threads)
    with dask_executor(f"local:{workers}") if workers else nullcontext() as executor:
        few = np.asarray(values[:10])
        build_small(run, few)
        if executor:
            # several for each worker, so that none is left out
            list(executor.map(partial(build_small, run, few), range(8 * workers)))
        working = slice(1, None) if workers else slice(1)
        before = max(peak(process.pid) for process in processes()[working])
        own, begin = processor_seconds(), time.perf_counter()
        distance = LINKAGE / run.visible_size**0.5
        tree = build_tree(run, values, linkage_distance=distance, executor=executor)
        seconds, cpu = time.perf_counter() - begin, processor_seconds() - own
        memory = max(peak(process.pid) for process in processes()[working])
    tree.save(output)
    return {"seconds": seconds, "cpu": cpu, "before": before / 2**30, "peak": memory / 2**30}


def difference(first: Tree, second: Tree) -> str:
    """Whether two trees have the same groups, and by how much their numbers differ."""
    if not all(
        np.array_equal(getattr(first, table).__dict__[column], getattr(second, table).__dict__[column])
        for table, column in (("nodes", "parent"), ("nodes", "name"), ("nodes", "size"), ("leaves", "node"))
    ):
        return "OTHER GROUPS"
    largest = max(
        float(np.nanmax(np.abs(one.visible - other.visible), initial=0))
        for one, other in ((first.nodes, second.nodes), (first.states, second.states))
    )
    distance = float(np.abs(first.leaves.distance - second.leaves.distance).max())
    return (
        "every bit the same" if largest == distance == 0 else f"same groups, ≤ {max(largest, distance):.0e}"
    )


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--folder", type=Path, help="where samples are kept for another run")
    parser.add_argument("--build", nargs=3, metavar=("RUN", "SAMPLES", "TREE"), help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        print(json.dumps(build(*options.build, options.threads, options.workers[0])))
        return
    shared = shared_folder()
    if not (shared / "data").is_dir():
        sys.exit(f"no real data at {shared}; say where they are with CARVING_SHARED")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = stored_machines(shared, "hgd", folder)
        samples = (options.folder or folder) / f"{options.count}.zarr"
        if not samples.exists():
            draw(run[-1], samples_of(shared, "hgd"), options.count, samples)
        # no more threads than there are cores
        cores = os.cpu_count() or 1
        ways = [(threads, 0) for threads in sorted({1, *(min(cores, n) for n in options.workers)})]
        seconds: dict[int, float] = {}
        reference: Tree | None = None
        print("workers  threads  seconds  to one process     CPU  peak, GiB  of it before  tree")
        for threads, workers in ways + [(1, workers) for workers in options.workers]:
            output = folder / f"{threads}-{workers}.zarr"
            command = [sys.executable, __file__, "--build", run.path, samples, output]
            command += ["--threads", threads, "--workers", workers]
            out = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
            found, tree = json.loads(out.stdout), load_tree(output)
            reference = tree if reference is None else reference
            if not workers:
                seconds[threads] = found["seconds"]
            ratio = found["seconds"] / seconds[min(cores, workers) if workers else threads]
            print(
                f"{workers or '–':>7} {threads:8d} {found['seconds']:8.1f} {ratio:15.2f} {found['cpu']:7.1f} "
                f"{found['peak']:10.2f} {found['before']:13.2f}  {difference(reference, tree)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
