"""A workspace in miniature: a store that keeps its samples, one of sequences, and a tree of each."""

from pathlib import Path

import numpy as np

from carving import build_tree, create_checkpoints
from carving.tree import Tree
from tests.tree.runs import pattern_machines, pattern_samples

ALPHABET = "-AC"
NAMES = [f"sample {number}" for number in range(30)]
STORES = {"checkpoints": "bernoulli", "sequences": "potts"}


def make_workspace(folder: Path) -> dict[str, Tree]:
    """The trees that are in it, by name: ``tree`` of ``checkpoints``, ``families`` of ``sequences``."""
    trees = {}
    for (store, visible), tree in zip(STORES.items(), ("tree", "families"), strict=True):
        samples = pattern_samples(30, visible=visible)
        alphabet = ALPHABET if visible == "potts" else None
        with create_checkpoints(
            folder / store, visible=visible, samples=samples, names=NAMES, alphabet=alphabet
        ) as run:
            for age, machine in pattern_machines(visible=visible).items():
                run.append(machine, updates=age, metrics={"quality": 1 / age})
            labels = {"colour": np.array(["red", "blue"])[np.arange(30) % 2]}
            trees[tree] = build_tree(run, samples, names=NAMES, labels=labels)
        (folder / tree).mkdir()
        trees[tree].save(folder / tree / "tree.zarr")
    return trees
