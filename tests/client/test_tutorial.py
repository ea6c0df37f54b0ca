"""The page on the client, run as it is."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import carving
from tests.client.conftest import Both
from tests.client.test_verbs import same_within_error
from tests.service.process import running
from tests.test_docs import examples
from tests.tree.runs import pattern_samples

JOBS = "Work that takes long"


def run_page(address: str, folder: Path, *, without: str = "") -> dict[str, Any]:
    """What the examples of the page leave behind, asked of a service elsewhere, run in a folder."""
    np.savez(folder / "new.npz", samples=pattern_samples(6, seed=9))
    names: dict[str, Any] = {}
    for heading, code in examples("client.md").items():
        if heading != without:
            code = code.replace("http://127.0.0.1:8765", address)
            exec(compile(code, f"client.md: {heading}", "exec"), names)
    return names


def check(names: dict[str, Any], both: Both, folder: Path) -> None:
    run, tree, samples = both.run("checkpoints"), both.trees["tree"], pattern_samples(6, seed=9)
    same_within_error(names["placement"], tree.place(samples, run))
    np.testing.assert_array_equal(names["groups"], tree.partition(1000))
    np.testing.assert_array_equal(names["line"], tree.path(0))
    assert (folder / "tree.nwk").read_text().startswith("(")
    here = carving.fixed_points(run[-1], samples)
    assert torch.equal(carving.fixed_points(names["rbm"], samples).visible, here.visible)
    same_within_error(names["points"], here)
    np.testing.assert_allclose(names["followed"].free_energy[:, 0], here.free_energy[:2], atol=1e-6)
    assert "'oak': this workspace has no tree of that name" in names["said"]


def test_the_page_says_what_the_library_says(both, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run_page(both.remote.url, tmp_path, without=JOBS)
    names["remote"].close()
    check(names, both, tmp_path)


@pytest.mark.slow
def test_the_whole_page_against_a_service_of_its_own(both, tmp_path, monkeypatch):
    shutil.copytree(both.folder, tmp_path / "workspace")
    monkeypatch.chdir(tmp_path)
    with running(tmp_path / "workspace") as service:
        names = run_page(service.address, tmp_path)
        with names["remote"]:
            grown = names["grown"].local()
    check(names, both, tmp_path)
    assert names["job"].state == "done"
    np.testing.assert_array_equal(grown.nodes.visible, both.trees["tree"].nodes.visible)
