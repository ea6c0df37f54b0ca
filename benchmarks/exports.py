"""How long exports take: linear in the leaves up to a million, at any depth, next to the published method.

    python benchmarks/exports.py [--published SECONDS] [--largest LEAVES] [--repeats N]

``--published`` is what ``published_method.py`` took for a tree of 5,008 leaves, all of it; row 8 of the
issue asks all exports together to take less than a tenth of that.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import carving.units  # noqa: F401  (imports torch, which is no part of an export)
from carving.export import ExportOptions, formats
from carving.tree import Tree
from tests.trees import chain_tree, random_tree

GENOMES = 5_008
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
    """The median time of every format."""
    options = ExportOptions(force=True)
    return {
        name: median_seconds(lambda format=format: format.write_into(tree, folder, options), repeats)
        for name, format in formats().items()
    }


def main() -> None:
    """Print one table, and the same as JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--published", type=float, help="seconds of published_method.py on 5,008 leaves")
    parser.add_argument("--largest", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= options.largest]
    results: dict[str, object] = {"machine": platform.processor() or platform.machine()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
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
        results["chain_seconds"] = {name: round(seconds, 2) for name, seconds in chain.items()}
        print(
            "a chain 100,000 deep: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in chain.items())
        )
    print(json.dumps(results))


def _print_table(by_size: dict[int, dict[str, float]], sizes: list[int]) -> None:
    print("µs per leaf   " + "".join(f"{size:>12,}" for size in sizes) + "   largest : ten thousand")
    for name in formats():
        per_leaf = [1e6 * by_size[size][name] / size for size in sizes]
        ratio = per_leaf[-1] / per_leaf[min(1, len(per_leaf) - 1)]
        print(f"{name:<14}" + "".join(f"{value:>12.2f}" for value in per_leaf) + f"{ratio:>14.2f}")


if __name__ == "__main__":
    main()
