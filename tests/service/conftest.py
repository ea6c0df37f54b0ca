"""One workspace for all tests of the service that do not change it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.testclient import TestClient

from carving.service import Settings, create_app
from carving.tree import Tree
from tests.service.workspaces import make_workspace


class Served(NamedTuple):
    """A service that runs, and what it serves."""

    client: TestClient
    folder: Path
    trees: dict[str, Tree]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("workspace")
    trees = make_workspace(folder)
    with TestClient(create_app(folder, Settings()), base_url="http://127.0.0.1") as client:
        yield Served(client, folder, trees)
