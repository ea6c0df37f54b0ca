"""How long it takes to make a tree of a million leaves small, or to put it in another order.

    python benchmarks/reshape.py [--leaves LEAVES]

Processor seconds of one thread, so that other work on the machine does not count. Random trees of 30 ages
with two label columns, of 5 and 200 labels.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from carving.tree import Tree
from carving.tree.reshape import MOST_STATES
from tests.trees import random_tree

Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What comes out, and the seconds it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def grown(leaves: int, states: int) -> Tree:
    """A tree as large as asked for."""
    generator = np.random.default_rng(0)
    labels: dict[str, Sequence[str]] = {
        name: [f"{name}{kind}" for kind in generator.integers(kinds, size=leaves).tolist()]
        for name, kinds in (("continent", 5), ("population", 200))
    }
    return random_tree(leaves, generator=generator, ages=30, states=states, sites=8, labels=labels)


def large(leaves: int, states: int) -> None:
    """Everything that can be done to a large tree."""
    tree = grown(leaves, states)
    print(tree)
    age = int(tree.ages.updates[3])
    steps: dict[str, Callable[[], Tree]] = {
        "condense()": tree.condense,
        'condense("representatives")': lambda: tree.condense("representatives"),
        "collapse": lambda: tree.collapse(age),
        "prune to half, by mark": lambda: tree.prune(np.arange(leaves) % 2 == 0),
        "prune to half, by name": lambda: tree.prune(tree.leaves.name[::2]),
        'rotate("size")': lambda: tree.rotate("size"),
        'rotate("label:population")': lambda: tree.rotate("label:population"),
    }
    if states <= MOST_STATES:
        steps['rotate("similarity")'] = lambda: tree.rotate("similarity")
    for name, step in steps.items():
        print(f"  {name:<30} {timed(step)[1]:8.2f} s", flush=True)
    print(f"  peak so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--leaves", type=int, default=1_000_000)
    leaves = parser.parse_args().leaves
    for states in (leaves // 500, leaves // 5):
        large(leaves, states)


if __name__ == "__main__":
    main()
