"""One service for all tests of the client, and the library's own view of what it serves."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import carving
from carving.checkpoints import CheckpointSequence
from carving.client import Connection
from carving.service import Settings
from carving.tree import Tree
from tests.client.serving import served
from tests.service.workspaces import make_workspace
from tests.tree.runs import pattern_machines

STORE_OF = {"tree": "checkpoints", "families": "sequences"}
VISIBLE = {"tree": "bernoulli", "families": "potts"}


@dataclass(frozen=True)
class Both:
    """The same stores and trees: at the service, and here."""

    remote: Connection
    folder: Path
    trees: dict[str, Tree]

    def run(self, store: str) -> CheckpointSequence:
        return carving.open_checkpoints(self.folder / store)


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("workspace")
    trees = make_workspace(folder)
    with carving.create_checkpoints(
        folder / "gaussian", visible="spin", hidden=carving.Gaussian(2.5), beta=0.75
    ) as run:
        for age, machine in pattern_machines(visible="spin", hidden="gaussian").items():
            parameters = (machine.weights, machine.visible_bias, machine.hidden_bias)
            run.append(carving.RBM(*parameters, "spin", carving.Gaussian(2.5), 0.75), updates=age)
    # each query alone: answers are the library's to the last bit
    with served(folder, Settings(batching=False)) as address, carving.connect(address) as remote:
        yield Both(remote, folder, trees)
