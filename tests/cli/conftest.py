"""A workspace for every test of the command line."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.cli.workspace import make_workspace


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """What is computed here is too small to be shared out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace that tests get copies of."""
    folder = tmp_path_factory.mktemp("workspace") / "here"
    folder.mkdir()
    make_workspace(folder)
    return folder


@pytest.fixture
def here(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workspace, and the current folder."""
    shutil.copytree(original, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"
