"""What we export, rbms itself loads, and it is the same distribution."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from carving import RBM, CheckpointSequence, create_checkpoints, import_checkpoints
from carving.checkpoints import export_rbms
from carving.errors import InvalidInput, OutputExists
from tests.checkpoints.machines import machine

NUMBER = 1000


def stored(tmp_path: Path, **units: Any) -> CheckpointSequence:
    """Two machines of realistic size in a store."""
    options = {key: value for key, value in units.items() if key != "states"}
    with create_checkpoints(tmp_path / "run", **options) as run:
        for age in (2, 30):
            rbm = machine(age, visible_size=60, hidden_size=40, **units)
            run.append(rbm, updates=age, elapsed_seconds=age / 2)
    return run


def samples_of(rbm: RBM) -> torch.Tensor:
    field = torch.zeros(NUMBER, *rbm.visible_bias.shape)
    return rbm.visible.sample(field, torch.Generator().manual_seed(0))


def their_free_energy(
    rbms: ModuleType, file: Path, updates: int, v: torch.Tensor, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    with warnings.catch_warnings():
        # torch's own, about compiling their code
        warnings.simplefilter("ignore")
        theirs, *_ = rbms.io.load_model(str(file), updates, torch.device("cpu"), dtype)
        return theirs.compute_energy_visibles((v.argmax(-1) if v.ndim == 3 else v).to(dtype))


UNITS = [
    {},
    {"visible": "spin", "hidden": "spin"},
    {"visible": "spin"},
    {"hidden": "spin", "beta": 0.6},
    {"visible": "potts", "states": 5},
    {"visible": "potts", "states": 5, "hidden": "spin"},
]


@pytest.mark.parametrize("units", UNITS, ids=lambda units: "-".join(map(str, units.values())) or "bernoulli")
def test_rbms_gives_the_free_energies_that_we_give(
    rbms: ModuleType, tmp_path: Path, units: dict[str, Any]
) -> None:
    run = stored(tmp_path, **units)
    export_rbms(run, tmp_path / "file.h5")
    for age, rbm in zip(run.ages.tolist(), run, strict=True):
        v = samples_of(rbm)
        ours = rbm.to(dtype=torch.float64).free_energy(v.double())
        seen_by_them = (1 + v) / 2 if rbm.visible.name == "spin" else v
        theirs = their_free_energy(rbms, tmp_path / "file.h5", age, seen_by_them).double()
        # a change of units shifts all energies alike: E(s) = E(v) + constant
        if "spin" in (rbm.visible.name, rbm.hidden.name):
            theirs = theirs + constant_of_conversion(rbm)
        assert float(((ours - theirs) / ours).abs().max()) < 1e-5


def constant_of_conversion(rbm: RBM) -> float:
    """−β (a·v₀ + b·h₀ + v₀ᵀWh₀) at the state (v₀, h₀) that {0, 1} units write as nothing but zeros."""
    a, b = rbm.visible_bias.double(), rbm.hidden_bias.double()
    v = torch.full_like(a, -1.0 if rbm.visible.name == "spin" else 0.0)
    h = torch.full_like(b, -1.0 if rbm.hidden.name == "spin" else 0.0)
    coupled = v.flatten() @ rbm.weights.double().flatten(0, -2) @ h
    return -rbm.beta * float((a * v).sum() + b @ h + coupled)


@contextmanager
def untouched_generators() -> Iterator[None]:
    """rbms sets the global generators to what it finds in the file."""
    state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    yield
    torch.set_rng_state(state)
    np.random.set_state(numpy_state)  # noqa: NPY002


def test_rbms_finds_ages_times_and_what_it_needs_to_go_on(rbms: ModuleType, tmp_path: Path) -> None:
    run = stored(tmp_path)
    export_rbms(run, tmp_path / "file.h5")
    assert rbms.utils.get_saved_updates(str(tmp_path / "file.h5")).tolist() == [2, 30]
    with untouched_generators():
        _, chains, elapsed, hyperparameters = rbms.io.load_model(
            str(tmp_path / "file.h5"), 30, torch.device("cpu"), torch.float32, restore=True
        )
    assert elapsed == 15
    assert hyperparameters["batch_size"] > 0
    assert chains["visible"].shape[1] == 60
    assert set(chains["visible"].unique().tolist()) == {0.0, 1.0}


def test_files_without_params_folder_are_served_too(tmp_path: Path) -> None:
    export_rbms(stored(tmp_path), tmp_path / "file.h5")
    with h5py.File(tmp_path / "file.h5") as file:
        for name in ("weight_matrix", "vbias", "hbias"):
            assert file[f"update_2/{name}"] == file[f"update_2/params/{name}"]


@pytest.mark.parametrize("states", [None, 5])
def test_export_and_import_give_the_same_machines(tmp_path: Path, states: int | None) -> None:
    run = stored(tmp_path, **({} if states is None else {"visible": "potts", "states": states}))
    export_rbms(run, tmp_path / "file.h5")
    assert import_checkpoints(tmp_path / "file.h5", tmp_path / "again").fingerprint == run.fingerprint


def test_gaussian_hidden_units_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="rbms knows no gaussian hidden units"):
        export_rbms(stored(tmp_path, hidden="gaussian"), tmp_path / "file.h5")
    assert not (tmp_path / "file.h5").exists()


def test_an_empty_sequence_is_refused(tmp_path: Path) -> None:
    with create_checkpoints(tmp_path / "run") as run, pytest.raises(InvalidInput, match="no checkpoint yet"):
        export_rbms(run, tmp_path / "file.h5")


def test_an_existing_file_is_kept_unless_asked_otherwise(tmp_path: Path) -> None:
    run = stored(tmp_path)
    (tmp_path / "file.h5").write_text("mine")
    with pytest.raises(OutputExists):
        export_rbms(run, tmp_path / "file.h5")
    assert (tmp_path / "file.h5").read_text() == "mine"
    export_rbms(run, tmp_path / "file.h5", force=True)


def test_exporting_leaves_the_global_generators_alone(tmp_path: Path) -> None:
    run = stored(tmp_path)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    export_rbms(run, tmp_path / "file.h5")
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_equal(np.random.get_state(), numpy_before)  # noqa: NPY002
