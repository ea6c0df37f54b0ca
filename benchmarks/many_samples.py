"""Memory and time of build_tree as samples grow: drawn from the genome machine, read from a chunked zarr.

    python benchmarks/many_samples.py [--counts 10000 100000 1000000] [--threads 2]

Each tree is built in a process of its own: peak memory is what it had at most, above what Python with
carving loaded has. The exponent is that of time in the number of samples, between neighbours in the table.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import zarr
from error_estimates import samples_of, shared_folder, stored_machines

from carving import RBM, build_tree, open_checkpoints

CHUNK = 10_000
STEPS = 10
LINKAGE = 1.0


def draw(rbm: RBM, data: np.ndarray, count: int, path: Path) -> None:
    """Store ``count`` samples of the machine: chains of `STEPS` Gibbs steps from random rows of the data."""
    generator = torch.Generator().manual_seed(0)
    store = zarr.create_array(path, shape=(count, data.shape[1]), chunks=(CHUNK, data.shape[1]), dtype="u1")
    rbm = rbm.to(dtype=torch.float32)
    for low in range(0, count, CHUNK):
        rows = torch.randint(len(data), (min(CHUNK, count - low),), generator=generator)
        v = torch.from_numpy(data[rows.numpy()]).to(torch.float32)
        for _ in range(STEPS):
            v = rbm.sample_visible(rbm.sample_hidden(v, generator), generator)
        store[low : low + len(v)] = v.numpy().astype(np.uint8)


def peak(process: int | str = "self") -> int:
    """Most memory that a process has had, bytes; what its parent had does not count."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def build(checkpoints: str, samples: str, threads: int) -> dict[str, float]:
    """What the new process does."""
    torch.set_num_threads(threads)
    run, values = open_checkpoints(checkpoints), zarr.open_array(samples, mode="r")
    # everything is loaded before the interpreter's own share is read
    build_tree(run, np.asarray(values[:10]), linkage_distance=LINKAGE / run.visible_size**0.5, ages="log:2")
    before, begin = peak(), time.perf_counter()
    tree = build_tree(run, values, linkage_distance=LINKAGE / run.visible_size**0.5)
    seconds = time.perf_counter() - begin
    return {
        "seconds": seconds,
        "gib": (peak() - before) / 2**30,
        "states": int(tree.ages.groups[0]),
        "unconverged": int(tree.ages.unconverged.sum()),
    }


def main() -> None:
    """Print a line for each number of samples."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--build", nargs=2, metavar=("CHECKPOINTS", "SAMPLES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        print(json.dumps(build(*options.build, options.threads)))
        return
    shared = shared_folder()
    if not (shared / "data").is_dir():
        sys.exit(f"no real data at {shared}; say where they are with CARVING_SHARED")
    print("   samples   seconds  exponent  memory above the interpreter, GiB  states  unconverged")
    with tempfile.TemporaryDirectory() as folder:
        run = stored_machines(shared, "hgd", Path(folder))
        last: tuple[int, float] | None = None
        for count in options.counts:
            samples = Path(folder) / f"{count}.zarr"
            draw(run[-1], samples_of(shared, "hgd"), count, samples)
            command = [sys.executable, __file__, "--build", run.path, samples]
            command += ["--threads", options.threads]
            out = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
            found = json.loads(out.stdout)
            exponent = math.log(found["seconds"] / last[1]) / math.log(count / last[0]) if last else math.nan
            last = count, found["seconds"]
            print(
                f"{count:10,d} {found['seconds']:9.2f} {exponent:9.2f} {found['gib']:34.2f} "
                f"{found['states']:7d} {found['unconverged']:12d}",
                flush=True,
            )


if __name__ == "__main__":
    main()
