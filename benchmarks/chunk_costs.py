"""What each chunk of samples costs a tree built on many machines, and what the tree costs whoever builds it.

    python benchmarks/chunk_costs.py [--counts 100000 1000000] [--threads 1]
    python benchmarks/chunk_costs.py --rows 1000000 10000000

The first form draws samples from the genome machine, builds their tree with an executor that does every task
at once in this process, and measures it: CPU seconds, and bytes of its arguments and of its result as they
would be sent. What remains of the CPU time is what the workers cannot take over. The first chunks find the
points and take longer; how long each of them took is printed one by one.

The second form measures what grows with the number of rows in the process that builds the tree, whatever the
machine: memory and time of trees of that many rows of a machine of 16 sites, less those of one of 1,000 rows.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from error_estimates import samples_of, shared_folder, stored_machines
from many_samples import LINKAGE, draw, peak

from carving import RBM, build_tree, load_tree
from carving.checkpoints import CheckpointSequence, create_checkpoints

SMALL = 1_000
SITES, HIDDEN = 16, 4


class Measuring(Executor):
    """Does every task at once, and keeps what it cost.

    Attributes
    ----------
    tasks
        For each kind of task: CPU seconds, bytes sent, bytes sent back; one row a task.
    seconds
        CPU seconds of all of them, packing included.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
        self.seconds = 0.0

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """The result, in a future that has it already."""
        begin = time.process_time()
        sent = pickle.dumps((function, arguments, named))
        packed = time.process_time()
        result = function(*arguments, **named)
        done = time.process_time()
        back = pickle.dumps(result)
        self.tasks[function.__qualname__].append((done - packed, len(sent), len(back)))
        self.seconds += time.process_time() - begin
        future: Future[Any] = Future()
        future.set_result(result)
        return future


def tree_of(run: CheckpointSequence, samples: Any, executor: Executor | None = None) -> Any:
    """The tree with the linkage distance of the other benchmarks."""
    return build_tree(run, samples, linkage_distance=LINKAGE / run.visible_size**0.5, executor=executor)


def chunks(run: CheckpointSequence, data: np.ndarray, count: int, folder: Path) -> None:
    """Print a line for each kind of task."""
    path = folder / f"{count}.zarr"
    if not path.exists():
        draw(run[-1], data, count, path)
    executor, begin = Measuring(), time.process_time()
    tree = tree_of(run, zarr.open_array(path, mode="r"), executor)
    rest = time.process_time() - begin - executor.seconds
    print(f"{count:,d} samples, {tree.ages.groups[0]} states, {tree.spent['points']} points", flush=True)
    for kind, costs in executor.tasks.items():
        seconds, sent, back = np.array(costs).T
        print(
            f"  {kind:16} {len(costs):5d} tasks  {np.median(seconds):7.3f} s ({seconds.min():.3f}–"
            f"{seconds.max():.3f})  {np.median(sent) / 2**20:8.3f} MiB there  "
            f"{np.median(back) / 2**20:8.3f} MiB back",
            flush=True,
        )
    solving = [seconds for seconds, *_ in executor.tasks["solve"]]
    print("  solve, in order:", " ".join(f"{seconds:.2f}" for seconds in solving[:16]))
    print(f"  the rest         {rest:.1f} s of CPU", flush=True)


def narrow_machine(folder: Path) -> CheckpointSequence:
    """Two ages of a machine of few sites that has learned nothing yet: one state, found at once."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(SITES, HIDDEN, generator=generator)
    run = create_checkpoints(folder / "narrow", visible="spin", hidden="spin")
    for age, strength in ((1, 0.01), (2, 0.02)):
        machine = RBM(strength * weights, torch.zeros(SITES), torch.zeros(HIDDEN), "spin", "spin")
        run.append(machine, updates=age)
    return run


def grow(run: CheckpointSequence, count: int, folder: Path) -> dict[str, float]:
    """What a tree of that many rows takes: to build, to save and to load again."""
    path = folder / f"rows-{count}.zarr"
    samples = zarr.create_array(path, shape=(count, SITES), chunks=(2**16, SITES), dtype="i1")
    generator = np.random.default_rng(0)
    for low in range(0, count, 2**16):
        size = min(2**16, count - low)
        samples[low : low + size] = generator.integers(2, size=(size, SITES), dtype="i1") * 2 - 1
    executor, cpu = Measuring(), time.process_time()
    tree = tree_of(run, samples, executor)
    built = time.process_time() - cpu - executor.seconds
    peak_built = peak()
    tree.save(folder / f"tree-{count}.zarr")
    del tree
    cpu = time.process_time()
    load_tree(folder / f"tree-{count}.zarr")
    loaded = time.process_time() - cpu
    return {"built": built, "loaded": loaded, "peak built": peak_built, "peak": peak()}


def rows(counts: list[int]) -> None:
    """Print a line for each number of rows."""

    def measured(count: int) -> dict[str, float]:
        command = [sys.executable, __file__, "--grow", str(count)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    small = measured(SMALL)
    print("      rows  bytes a row: building  and saving, loading  µs a row: building  loading")
    for count in counts:
        found = measured(count)
        more = {name: (found[name] - small[name]) / (count - SMALL) for name in found}
        print(
            f"{count:10,d} {more['peak built']:22.0f} {more['peak']:20.0f} "
            f"{1e6 * more['built']:18.2f} {1e6 * more['loaded']:8.2f}",
            flush=True,
        )


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", nargs="+", type=int, default=[100_000, 1_000_000])
    parser.add_argument("--rows", nargs="+", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where samples are kept for another run")
    parser.add_argument("--grow", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.rows:
        rows(options.rows)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.grow:
            print(json.dumps(grow(narrow_machine(folder), options.grow, folder)))
            return
        shared = shared_folder()
        if not (shared / "data").is_dir():
            sys.exit(f"no real data at {shared}; say where they are with CARVING_SHARED")
        run = stored_machines(shared, "hgd", folder)
        for count in options.counts:
            chunks(run, samples_of(shared, "hgd"), count, options.folder or folder)


if __name__ == "__main__":
    main()
