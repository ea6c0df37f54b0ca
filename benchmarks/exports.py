"""How long exports take: linear in the leaves up to a million, at any depth, next to the published method.

    python benchmarks/exports.py [--published SECONDS] [--largest LEAVES] [--repeats N] [--alone]

``--published`` is what ``published_method.py`` took for a tree of 5,008 leaves, all of it; all exports
together are to take less than a tenth of that.

The last table is that of the largest tree, read from its store and written by a process of its own for each
format: at most 60 seconds and 2 GiB are allowed, all that the process holds counted. ``--alone`` makes that
table only.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import carving.units  # noqa: F401  (imports torch, which is no part of an export)
from carving.errors import InvalidInput
from carving.export import ExportOptions, formats
from carving.tree import Tree, load_tree
from tests.trees import chain_tree, random_tree

GENOMES = 5_008
MOST_SECONDS, MOST_GIB = 60.0, 2.0
LABELS = ("AFR", "AMR", "EAS", "EUR", "SAS", "")


def labelled_tree(leaves: int) -> Tree:
    """A tree like that of the genomes: two label columns, magnetisations of 64 sites at every node."""
    generator = np.random.default_rng(leaves)
    return random_tree(
        leaves,
        generator=generator,
        ages=54,
        states=max(1, leaves // 5),
        sites=64,
        labels={name: [LABELS[i] for i in generator.integers(6, size=leaves)] for name in ("one", "two")},
        colors={"one": {"AFR": "#e69f00"}},
        trajectories=False,
    )


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """The median time of some runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def seconds_by_format(tree: Tree, folder: Path, repeats: int) -> dict[str, float]:
    """The median time of every format; not a number for one that refuses the tree."""
    options = ExportOptions(force=True)

    def seconds(name: str) -> float:
        try:
            return median_seconds(lambda: formats()[name].write_into(tree, folder, options), repeats)
        except InvalidInput:
            return float("nan")

    return {name: seconds(name) for name in formats()}


def write_alone(store: str, name: str, folder: Path) -> None:
    """What a process of its own does: read the tree, write one format, print what that took."""
    start = time.perf_counter()
    tree = load_tree(store)
    read = time.perf_counter() - start
    before = _peak_gib()
    start, busy = time.perf_counter(), time.process_time()
    formats()[name].write_into(tree, folder, ExportOptions())
    took = {
        "seconds": round(time.perf_counter() - start, 2),
        # the same on a machine that has nothing else to do
        "processor_seconds": round(time.process_time() - busy, 2),
        "seconds_to_read": round(read, 2),
        "peak_gib": round(_peak_gib(), 2),
        "peak_gib_when_read": round(before, 2),
        "megabytes": round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6),
    }
    print(json.dumps(took))


def _peak_gib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


def alone_by_format(leaves: int, scratch: Path) -> dict[str, dict[str, float]]:
    """For every format what a process of its own took."""
    store = scratch / "tree.zarr"
    labelled_tree(leaves).save(store)
    results = {}
    print(f"\n{leaves:,} leaves, a process each: at most {MOST_SECONDS:.0f} s and {MOST_GIB:.0f} GiB")
    print("format           write s     (CPU)    read s  peak GiB    (read)        MB")
    for name in formats():
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            command = [sys.executable, __file__, "--write", name, str(store), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            results[name] = {"failed": done.stderr.strip().splitlines()[-1]}
            print(f"{name:<14}  {results[name]['failed']}")
            continue
        took = results[name] = json.loads(done.stdout)
        _print_alone(name, took)
    return results


def _print_alone(name: str, took: dict[str, float]) -> None:
    columns = (
        "seconds",
        "processor_seconds",
        "seconds_to_read",
        "peak_gib",
        "peak_gib_when_read",
        "megabytes",
    )
    kept = took["seconds"] <= MOST_SECONDS and took["peak_gib"] <= MOST_GIB
    figures = "".join(f"{took[column]:>10.4g}" for column in columns)
    print(f"{name:<14}{figures}{'' if kept else '   above the bar'}", flush=True)


def main() -> None:
    """Print the tables, and the same as JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--published", type=float, help="seconds of published_method.py on 5,008 leaves")
    parser.add_argument("--largest", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="only a process of its own for each format")
    parser.add_argument("--write", nargs=3, metavar=("FORMAT", "STORE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        name, store, folder = options.write
        write_alone(store, name, Path(folder))
        return
    results: dict[str, object] = {"machine": platform.processor() or platform.machine()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if not options.alone:
            _compare(folder, options, results)
        results["alone"] = alone_by_format(options.largest, folder)
    print(json.dumps(results))


def _compare(folder: Path, options: argparse.Namespace, results: dict[str, object]) -> None:
    """Trees of several sizes, next to the published method, and the chain: all in this process."""
    sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= options.largest]
    by_size = {size: seconds_by_format(labelled_tree(size), folder, options.repeats) for size in sizes}
    results["microseconds_per_leaf"] = {
        name: {size: round(1e6 * by_size[size][name] / size, 2) for size in sizes} for name in formats()
    }
    _print_table(by_size, sizes)
    genomes = seconds_by_format(labelled_tree(GENOMES), folder, options.repeats)
    results["genomes_seconds"] = round(sum(genomes.values()), 3)
    print(f"\nall formats of {GENOMES:,} leaves: {sum(genomes.values()):.3f} s")
    if options.published:
        share = sum(genomes.values()) / options.published
        results["share_of_published"] = round(share, 5)
        print(f"{share:.2%} of the {options.published:.1f} s of the published method; asked: below 10 %")
    chain = seconds_by_format(chain_tree(100_000), folder, 1)
    written = {name: round(seconds, 2) for name, seconds in chain.items() if seconds == seconds}
    results["chain_seconds"] = written
    print(
        "a chain 100,000 deep: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in written.items())
    )
    print("refused as too deep: " + ", ".join(name for name in chain if name not in written))


def _print_table(by_size: dict[int, dict[str, float]], sizes: list[int]) -> None:
    print("µs per leaf   " + "".join(f"{size:>12,}" for size in sizes) + "   largest : ten thousand")
    for name in formats():
        per_leaf = [1e6 * by_size[size][name] / size for size in sizes]
        ratio = per_leaf[-1] / per_leaf[min(1, len(per_leaf) - 1)]
        print(f"{name:<14}" + "".join(f"{value:>12.2f}" for value in per_leaf) + f"{ratio:>14.2f}")


if __name__ == "__main__":
    main()
