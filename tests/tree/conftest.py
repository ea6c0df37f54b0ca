"""Small trainings, each made once; and one thread, since machines as small as these only lose by a second."""

from collections.abc import Callable, Iterator

import pytest
import torch

from carving.checkpoints import CheckpointSequence
from tests.tree.runs import pattern_machines, store


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., CheckpointSequence]:
    """The store of ``pattern_machines(**options)``."""
    folder = tmp_path_factory.mktemp("runs")
    made: dict[str, CheckpointSequence] = {}

    def run(**options: object) -> CheckpointSequence:
        key = repr(sorted(options.items()))
        if key not in made:
            made[key] = store(folder, pattern_machines(**options))  # pyright: ignore[reportArgumentType]
        return made[key]

    return run


@pytest.fixture
def run(run_of: Callable[..., CheckpointSequence]) -> CheckpointSequence:
    """Four checkpoints of a {0, 1} machine, with 4, 4, 2 and 1 states from the oldest on."""
    return run_of()
