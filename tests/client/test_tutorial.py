"""The page on the client, run as it is against ``carve serve`` as it is."""

from typing import Any

import numpy as np
import torch

import carving
from tests.client.test_verbs import same_within_error
from tests.service.process import running
from tests.service.workspaces import make_workspace
from tests.test_docs import examples
from tests.tree.runs import pattern_samples


def test_the_page_says_what_the_library_says(tmp_path, monkeypatch):
    folder = tmp_path / "workspace"
    folder.mkdir()
    trees = make_workspace(folder)
    values = pattern_samples(6, seed=9)
    monkeypatch.chdir(tmp_path)
    np.savez("new.npz", samples=values)
    names: dict[str, Any] = {}
    with running(folder) as service:
        for heading, code in examples("client.md").items():
            code = code.replace("http://127.0.0.1:8765", service.address)
            exec(compile(code, f"client.md: {heading}", "exec"), names)
        with names["remote"]:
            grown = names["grown"].nodes
    run = carving.open_checkpoints(folder / "checkpoints")
    np.testing.assert_array_equal(names["placement"].node, trees["tree"].place(values, run).node)
    np.testing.assert_array_equal(names["groups"], trees["tree"].partition(1000))
    assert (tmp_path / "tree.nwk").read_text().startswith("(")
    here = carving.fixed_points(run[-1], values)
    assert torch.equal(carving.fixed_points(names["rbm"], values).visible, here.visible)
    same_within_error(names["points"], here)
    np.testing.assert_allclose(names["followed"].free_energy[:, 0], here.free_energy[:2], atol=1e-6)
    np.testing.assert_array_equal(grown.visible, trees["tree"].nodes.visible)
    assert names["job"].state == "done"
    assert "'oak': this workspace has no tree of that name" in names["said"]
