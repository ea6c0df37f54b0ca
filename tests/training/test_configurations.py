import importlib

import numpy as np
import pytest
import torch
import zarr

from carving.data import Samples
from carving.training._configurations import Configurations
from carving.training.quality import moment_agreement
from carving.units import Potts

CODES = np.random.default_rng(0).integers(0, 3, (40, 5)).astype(np.uint8)


def as_samples(values: np.ndarray) -> Samples:
    return Samples(values, np.array([str(row) for row in range(len(values))]))


FORMS = {
    "list": lambda values: values.tolist(),
    "floats": lambda values: values.astype(float),
    "big endian": lambda values: values.astype(">i4"),
    "torch": torch.from_numpy,
    "one-hot": lambda values: np.eye(3)[values],
    "zarr": lambda values: zarr.array(values, chunks=(7, 5)),
    "dask": lambda values: importlib.import_module("dask.array").from_array(values, chunks=(7, 5)),
    "Samples": as_samples,
}


@pytest.mark.parametrize("form", FORMS)
def test_takes_any_form(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if form == "dask":
        pytest.importorskip("dask.array")
    monkeypatch.setattr("carving.training._configurations._CHUNK_NUMBERS", 11 * 15)
    given = FORMS[form](CODES)
    expected = moment_agreement(CODES, CODES[::-1].copy(), Potts(3), triples=100)
    assert moment_agreement(given, FORMS[form](CODES[::-1].copy()), Potts(3), triples=100) == expected


def test_weighted_mean_is_of_zeros_and_ones() -> None:
    spins = 2.0 * (CODES > 0) - 1
    rows = Configurations(spins, "spin", "spins", weights=np.arange(40))
    expected = np.average(spins, axis=0, weights=np.arange(40))
    np.testing.assert_allclose(rows.bit_mean(), (1 + expected) / 2, atol=1e-14)


def test_effective_rows_are_those_that_count() -> None:
    rows = Configurations(CODES, Potts(3), "codes", weights=[0] * 20 + [0.3] * 20)
    assert rows.effective_rows == pytest.approx(20)


def test_the_scale_of_weights_does_not_matter() -> None:
    weights = np.random.default_rng(1).random(40)
    shares = [
        Configurations(CODES, Potts(3), "codes", weights=scale * weights).shares for scale in (1, 1e308)
    ]
    torch.testing.assert_close(*shares)
