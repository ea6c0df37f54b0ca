"""The real machines as stores, their samples, and the trees of both: each made once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from carving.checkpoints import CheckpointSequence
from carving.tree import Tree, build_tree
from tests.real.machines import LINKAGE_DISTANCE, samples_of, stored_machines


@pytest.fixture(scope="session")
def run_of(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CheckpointSequence]:
    """The checkpoints of a real machine, by name."""
    folder, made = tmp_path_factory.mktemp("machines"), {}

    def run(name: str) -> CheckpointSequence:
        if name not in made:
            made[name] = stored_machines(shared, name, folder)
        return made[name]

    return run


@pytest.fixture(scope="session")
def values_of(shared: Path) -> Callable[[str], np.ndarray]:
    """The samples of a real machine, by name."""
    return lambda name: samples_of(shared, name)


@pytest.fixture(scope="session")
def tree_of(
    run_of: Callable[[str], CheckpointSequence], values_of: Callable[[str], np.ndarray]
) -> Callable[[str], Tree]:
    """Their tree, by name."""
    made: dict[str, Tree] = {}

    def tree(name: str) -> Tree:
        if name not in made:
            made[name] = build_tree(run_of(name), values_of(name), linkage_distance=LINKAGE_DISTANCE[name])
        return made[name]

    return tree
