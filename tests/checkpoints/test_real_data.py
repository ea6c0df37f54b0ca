"""The real machines, as their programs wrote them, through import and export and back."""

from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
import torch

from carving import import_checkpoints, read_samples
from carving.checkpoints import export_rbms
from tests.checkpoints.test_export_rbms import samples_of, their_free_energy

pytestmark = pytest.mark.data
FILES = [("hgd", 54, 8000), ("mnist", 54, 8000), ("kunitz", 37, 4000), ("planted", 36, 3000)]
SAMPLES = {
    "hgd": "hgd.npz",
    "mnist": "mnist10k.npz",
    "kunitz": "kunitz.fasta.gz",
    "planted": "planted.npz",
}


@pytest.mark.parametrize(("name", "number", "oldest"), FILES)
def test_every_parameter_of_a_real_file_arrives(
    shared: Path, tmp_path: Path, name: str, number: int, oldest: int
) -> None:
    source = shared / f"data/{name}_rbms.h5"
    run = import_checkpoints(source, tmp_path / "run")
    assert (len(run), run.ages[-1]) == (number, oldest)
    with h5py.File(source) as file:
        for age, rbm in zip(run.ages, run, strict=True):
            parameters = file[f"update_{age}/params"]
            assert isinstance(parameters, h5py.Group)
            for theirs, ours in (
                ("weight_matrix", rbm.weights),
                ("vbias", rbm.visible_bias),
                ("hbias", rbm.hidden_bias),
            ):
                np.testing.assert_array_equal(np.asarray(parameters[theirs]), ours)


@pytest.mark.parametrize("name", SAMPLES)
def test_rbms_gives_our_free_energies_of_1000_real_samples(
    shared: Path, tmp_path: Path, rbms: ModuleType, name: str
) -> None:
    run = import_checkpoints(shared / f"data/{name}_rbms.h5", tmp_path / "run")
    export_rbms(run, tmp_path / "file.h5")
    real = run.visible.encode(read_samples(shared / "data" / SAMPLES[name]).values[:1000], torch.float32)
    # uniform samples may have energies near zero, where rounding in float32 alone exceeds 1e-5 of them
    for v, dtype in ((real, torch.float32), (samples_of(run[-1]), torch.float64)):
        ours = run[-1].to(dtype=torch.float64).free_energy(v.double())
        theirs = their_free_energy(rbms, tmp_path / "file.h5", int(run.ages[-1]), v, dtype).double()
        assert float(((ours - theirs) / ours).abs().max()) < 1e-5
