"""How long comparing trees takes: linear in the leaves up to a million, at any depth, and with many nodes.

    python benchmarks/consensus.py [--largest LEAVES]

Processor seconds of one thread, so that other work on the machine does not count. Random trees:
ten of 5,008 leaves, as the genomes; two of up to a million leaves; two as deep as they have leaves; and, for
triplets and quartets, which look at pairs of nodes, two of 1,000 and 2,000 nodes.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from carving.tree import Tree, compare
from tests.trees import chain_tree, random_tree


def trees_of(leaves: int, states: int, count: int) -> list[Tree]:
    """Random trees of 54 ages over the same leaves."""
    return [
        random_tree(
            leaves, generator=np.random.default_rng(seed), ages=54, states=states, sites=2, trajectories=False
        )
        for seed in range(count)
    ]


def report(what: str, work: Callable[[], object]) -> None:
    """Print what a piece of work took."""
    start = time.process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what:<52} {time.process_time() - start:8.2f} s   peak so far {peak:.2f} GiB", flush=True)


def linear(what: str, trees: list[Tree]) -> None:
    """What is linear in the leaves."""
    report(f"{what}: consensus", lambda: compare.consensus(trees))
    report(f"{what}: support", lambda: compare.support(trees[0], trees[1:]))
    report(f"{what}: Robinson-Foulds, all pairs", lambda: compare.distances(trees, triplets=False))


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--largest", type=int, default=1_000_000)
    arguments = parser.parse_args()
    genomes = trees_of(5_008, 300, 10)
    linear("10 × 5,008 leaves", genomes)
    report("10 × 5,008 leaves: co-clustering", lambda: compare.coclustering(genomes, groups=20))
    report("10 × 5,008 leaves: triplets, all pairs", lambda: compare.distances(genomes))
    linear("2 × 100,000 deep", [chain_tree(100_000), chain_tree(100_000)])
    for leaves in (arguments.largest // 10, arguments.largest):
        linear(f"2 × {leaves:,} leaves", trees_of(leaves, leaves // 5, 2))
    for states in (600, 1_200):
        first, second = trees_of(5_008, states, 2)
        nodes = f"{len(first.nodes):,} × {len(second.nodes):,} nodes"
        report(f"{nodes}: triplets", lambda: compare.triplet_distance(first, second))  # noqa: B023
        report(f"{nodes}: quartets", lambda: compare.quartet_distance(first, second))  # noqa: B023


if __name__ == "__main__":
    main()
