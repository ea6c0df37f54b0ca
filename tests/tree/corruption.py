"""Random damage to tree stores: the harness of the checkpoint store, reading trees.

Run as ``python -m tests.tree.corruption FOLDER FIRST NUMBER``.
"""

import argparse
from pathlib import Path

import numpy as np

from carving.tree import load_tree
from tests.checkpoints import corruption
from tests.trees import random_tree


def build(folder: Path) -> None:
    """A store that has everything a tree can have."""
    tree = random_tree(
        12,
        generator=np.random.default_rng(12),
        ages=4,
        labels={"continent": ["EUR", "", "Ä"] * 4, "digit": list("012345678901")},
        colors={"continent": {"EUR": "#0094ff"}},
        potts_states=3,
        added_root=True,
    )
    tree.save(folder)


def everything(folder: Path) -> object:
    """All that can be read of a tree."""
    tree = load_tree(folder)
    columns = [
        (
            name,
            column.dtype.str,
            column.shape,
            column.tolist() if column.dtype == object else column.tobytes(),
        )
        for table in (tree.nodes, tree.leaves, tree.states, tree.ages)
        for name in table.column_types
        for column in [getattr(table, name)]
    ]
    labels = {name: column.tolist() for name, column in tree.labels.items()}
    return [columns, labels, repr((tree.colors, tree.options, tree.provenance)), repr(tree)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("first", type=int)
    parser.add_argument("number", type=int)
    options = parser.parse_args()
    corruption.SUBJECTS["tree"] = corruption.Subject(build, corruption.STORE, everything, tells=True)
    corruption.main("tree", options.folder, options.first, options.number)
