"""Trainings that share the cores: one alone and as many as there are cores, with all threads or one each.

    python benchmarks/shared_cores.py [--machine genomes] [--updates 200] [--repeats 3]

Updates a second of each training, as in training.py, integer arithmetic. Those that run side by side begin
together, in processes of their own. Medians.

The data are looked for in CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor

from error_estimates import shared_folder
from training import TASKS, measured


def main() -> None:
    """Print a line for each way to share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machine", default="genomes", choices=list(TASKS))
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if not (shared_folder() / "data").is_dir():
        sys.exit(f"no real data at {shared_folder()}; say where they are with CARVING_SHARED")
    cores = len(os.sched_getaffinity(0))
    print("trainings  threads each  updates/s each")
    for together in (1, cores):
        for threads in (1, cores):
            asked = [("integer", options.machine, options.updates, threads)] * together
            found = []
            for _ in range(options.repeats):
                with ThreadPoolExecutor(together) as side_by_side:
                    found += side_by_side.map(lambda each: measured(*each), asked)
            print(f"{together:9d} {threads:13d} {statistics.median(found):15.1f}", flush=True)


if __name__ == "__main__":
    main()
