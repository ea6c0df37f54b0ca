"""The store on disk is what the format says, field by field, to a reader that knows only zarr and JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from carving import Gaussian, create_checkpoints, open_checkpoints
from tests.checkpoints.machines import machine

SAMPLES = np.random.default_rng(0).integers(0, 3, (7, 4))
NAMES = [f"Ä {i}" for i in range(7)]
ALPHABET = "-AC"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkpoints of a Potts machine with everything that a store can hold."""
    folder = tmp_path_factory.mktemp("store") / "checkpoints"
    with create_checkpoints(
        folder,
        visible="potts",
        hidden=Gaussian(precision=2.0),
        beta=0.5,
        alphabet=ALPHABET,
        training={"learning_rate": 0.1, "seed": 3},
        provenance={"data": "drawn"},
        samples=SAMPLES,
        names=NAMES,
    ) as run:
        for age in (1, 5, 20):
            run.append(
                machine(age, visible_size=4, states=3, hidden=Gaussian(precision=2.0), beta=0.5),
                updates=age,
                elapsed_seconds=age / 4,
                metrics={"log likelihood": -age, "overlap": 0.5},
                resume={"chains": np.full((5, 4), age, np.uint8), "step": np.array(age)},
            )
    return folder


def attributes(store: Path) -> dict[str, Any]:
    return json.loads((store / "zarr.json").read_text())["attributes"]


def array(store: Path, name: str) -> zarr.Array:
    return zarr.open_array(store, path=name, mode="r")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "carving-checkpoints"),
        ("format_version", 1),
        ("committed", 3),
        ("visible_unit", "potts"),
        ("hidden_unit", "gaussian"),
        ("states", 3),
        ("alphabet", ALPHABET),
        ("beta", 0.5),
        ("hidden_precision", 2.0),
        ("training", {"learning_rate": 0.1, "seed": 3}),
        ("resume", "a"),
    ],
)
def test_group_attributes_are_those_of_the_format(store: Path, name: str, value: object) -> None:
    assert attributes(store)[name] == value


def test_provenance_names_versions_of_packages_and_what_was_given(store: Path) -> None:
    provenance = attributes(store)["provenance"]
    assert provenance["data"] == "drawn"
    assert provenance["versions"]["zarr"] == zarr.__version__
    assert {"carving", "numpy", "torch", "python"} <= provenance["versions"].keys()


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "chunks"),
    [
        ("updates", (3,), "int64", (1024,)),
        ("weights", (3, 4, 3, 3), "float32", (1, 4, 3, 3)),
        ("visible_bias", (3, 4, 3), "float32", (1, 4, 3)),
        ("hidden_bias", (3, 3), "float32", (1, 3)),
        ("elapsed_seconds", (3,), "float64", (1024,)),
        ("metrics/0", (3,), "float32", (1024,)),
        ("metrics/1", (3,), "float32", (1024,)),
        ("samples", (7, 4), "uint8", (7, 4)),
    ],
)
def test_arrays_have_the_shape_dtype_and_chunks_of_the_format(
    store: Path, name: str, shape: tuple, dtype: str, chunks: tuple
) -> None:
    found = array(store, name)
    assert (found.shape, str(found.dtype), found.chunks) == (shape, dtype, chunks)


def test_values_read_by_zarr_alone_are_those_appended(store: Path) -> None:
    np.testing.assert_array_equal(array(store, "updates")[:], [1, 5, 20])
    np.testing.assert_array_equal(array(store, "elapsed_seconds")[:], [0.25, 1.25, 5])
    np.testing.assert_array_equal(array(store, "metrics/0")[:], [-1, -5, -20])
    np.testing.assert_array_equal(array(store, "samples")[:], SAMPLES)
    assert list(np.asarray(array(store, "names")[:])) == NAMES
    for index, age in enumerate((1, 5, 20)):
        np.testing.assert_array_equal(
            array(store, "weights")[index], machine(age, visible_size=4, states=3).weights
        )


def test_metrics_carry_their_names(store: Path) -> None:
    assert [array(store, f"metrics/{k}").attrs["name"] for k in (0, 1)] == ["log likelihood", "overlap"]


def test_every_chunk_carries_zarrs_crc32c_outermost(store: Path) -> None:
    for path in store.rglob("zarr.json"):
        document = json.loads(path.read_text())
        if document["node_type"] == "array":
            assert document["codecs"][-1]["name"] == "crc32c", path


def test_no_healthy_value_is_a_fill_value(store: Path) -> None:
    for name in ("weights", "visible_bias", "hidden_bias"):
        assert np.isnan(array(store, name).fill_value)
    assert array(store, "updates").fill_value == np.iinfo(np.int64).min
    assert array(store, "elapsed_seconds").fill_value == -1


def test_resume_states_are_written_in_turn(store: Path) -> None:
    assert array(store, "resume/a/0")[0, 0] == 20
    assert array(store, "resume/b/0")[0, 0] == 5


def test_chunks_equal_to_the_fill_value_are_written(tmp_path: Path) -> None:
    full = np.full((3, 2), 255)
    create_checkpoints(tmp_path / "run", samples=full).close()
    assert (tmp_path / "run/samples/c/0/0").is_file()
    np.testing.assert_array_equal(open_checkpoints(tmp_path / "run").samples, full)


def test_the_whole_store_is_a_zarr_group_that_zarr_lists_without_complaint(store: Path) -> None:
    names = {name for name, _ in zarr.open_group(store, mode="r").members(max_depth=None)}
    assert {"weights", "metrics/1", "resume/b/1"} <= names


def test_a_bernoulli_store_has_no_attributes_of_other_units(tmp_path: Path) -> None:
    with create_checkpoints(tmp_path / "run") as run:
        run.append(machine(1), updates=1)
    assert not {"states", "alphabet", "hidden_precision"} & attributes(tmp_path / "run").keys()
    assert not (tmp_path / "run/samples").exists()


@pytest.mark.parametrize(
    "name",
    [
        "weights/c/1/0/0/0",
        "visible_bias/c/0/0/0",
        "hidden_bias/c/2/0",
        "samples/c/0/0",
        "names/c/0",
        "resume/a/0/c/0/0",
    ],
)
def test_a_missing_chunk_is_named(store: Path, name: str) -> None:
    content = (store / name).read_bytes()
    (store / name).unlink()
    try:
        with pytest.raises(ValueError, match=f"{name}.* is missing; restore"):
            open_checkpoints(store).verify()
    finally:
        (store / name).write_bytes(content)


def test_a_healthy_chunk_in_the_place_of_another_is_noticed(store: Path) -> None:
    content = (store / "hidden_bias/c/0/0").read_bytes()
    (store / "hidden_bias/c/0/0").write_bytes((store / "hidden_bias/c/1/0").read_bytes())
    try:
        with pytest.raises(ValueError, match="hidden_bias of checkpoint 0: values differ from their digest"):
            open_checkpoints(store)[0]
    finally:
        (store / "hidden_bias/c/0/0").write_bytes(content)
