"""SIGKILL while a tree is built: its folder is whole or absent, and going on ends in the same tree."""

from pathlib import Path

import numpy as np
import pytest
import torch

import carving
from carving_cli.main import carve
from tests.cli.workspace import succeed
from tests.kill import killed_runs


def build(folder: Path, workspace: Path) -> None:
    torch.set_num_threads(1)
    arguments = [
        "build-tree",
        f"{workspace}/ck",
        "--samples",
        f"{workspace}/samples.npz",
        "-o",
        f"{folder}/out",
    ]
    carve(arguments, standalone_mode=False)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def kill_and_go_on(workspace: Path, folder: Path, *, number: int, seed: int) -> None:
    expected = carving.load_tree(workspace / "tree")
    succeed("build-tree", workspace / "ck", "-o", folder / "reference")
    for killed, _ in killed_runs(build, (workspace,), folder, number=number, seed=seed):
        if (killed / "out").exists():
            assert files(killed / "out") == files(folder / "reference")
        else:
            succeed(
                "build-tree", workspace / "ck", "--samples", workspace / "samples.npz", "-o", killed / "out"
            )
        tree = carving.load_tree(killed / "out")
        assert np.array_equal(tree.nodes.parent, expected.nodes.parent)
        assert np.array_equal(tree.leaves.node, expected.leaves.node)
        assert np.array_equal(tree.nodes.visible, expected.nodes.visible)


@pytest.mark.slow
def test_killed_a_few_times_the_tree_is_whole_or_absent(original: Path, tmp_path: Path) -> None:
    kill_and_go_on(original, tmp_path, number=3, seed=1)


@pytest.mark.slow
def test_killed_two_hundred_times_the_tree_is_whole_or_absent(original: Path, tmp_path: Path) -> None:
    kill_and_go_on(original, tmp_path, number=200, seed=2)
