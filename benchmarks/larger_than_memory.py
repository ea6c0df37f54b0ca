"""Memory and speed of a training on samples that are read in blocks: 0/1 tables in a chunked zarr.

    python benchmarks/larger_than_memory.py [--rows 1000000] [--updates 500] [--memory 512] [--threads 2]

The table is written to a temporary folder (TMPDIR) first: rows of twenty prototypes with a tenth of the sites
flipped. The training runs in a process of its own. Its peak memory counts everything: the interpreter, torch,
the pool of rows that are shuffled together, and the machine with its chains.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import zarr
from many_samples import peak

import carving

PROTOTYPES = 20
FLIPPED = 0.1
CHUNK = 10_000


def write(path: Path, rows: int, sites: int) -> None:
    """The table, a chunk at a time."""
    generator = np.random.default_rng(0)
    prototypes = generator.integers(0, 2, (PROTOTYPES, sites), dtype=np.uint8)
    store = zarr.create_array(path, shape=(rows, sites), chunks=(CHUNK, sites), dtype="u1")
    for low in range(0, rows, CHUNK):
        count = min(CHUNK, rows - low)
        flips = generator.integers(0, 256, (count, sites), dtype=np.uint8) < 256 * FLIPPED
        store[low : low + count] = prototypes[generator.integers(0, PROTOTYPES, count)] ^ flips


def train(samples: Path, folder: Path, updates: int, memory: int, threads: int) -> dict[str, float]:
    """What the new process does."""
    torch.set_num_threads(threads)
    before, begin = peak(), time.perf_counter()
    first: list[float] = []

    def note(progress: object) -> None:
        # of the first update, which is saved: what came before it is preparation
        if not first:
            first.append(time.perf_counter())

    carving.train(
        zarr.open_array(samples, mode="r"),
        folder / "run",
        hidden=100,
        updates=updates,
        save="linear:2",
        memory=memory,
        keep_samples=False,
        progress=note,
    )
    return {
        "preparation": first[0] - begin,
        "updates_per_second": (updates - 1) / (time.perf_counter() - first[0]),
        "interpreter": before / 2**30,
        "peak": peak() / 2**30,
    }


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sites", type=int, default=805)
    parser.add_argument("--updates", type=int, default=500)
    parser.add_argument("--memory", type=int, default=512, help="MiB of samples held at a time")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--train", nargs=2, type=Path, metavar=("SAMPLES", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        memory = options.memory * 2**20
        samples, folder = options.train
        print(json.dumps(train(samples, folder, options.updates, memory, options.threads)))
        return
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.zarr"
        begin = time.perf_counter()
        write(samples, options.rows, options.sites)
        print(
            f"{options.rows:,} × {options.sites} written in {time.perf_counter() - begin:.0f} s", flush=True
        )
        command = [sys.executable, __file__, "--train", samples, folder, "--updates", options.updates]
        command += ["--memory", options.memory, "--threads", options.threads]
        out = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(out.stdout)
    print(
        f"peak memory {found['peak']:.2f} GiB in all, {found['peak'] - found['interpreter']:.2f} GiB above "
        f"the interpreter with torch ({found['interpreter']:.2f} GiB)"
    )
    print(
        f"{found['preparation']:.0f} s until the first update, then {found['updates_per_second']:.1f} "
        "updates a second of 500 samples and 500 chains"
    )


if __name__ == "__main__":
    main()
