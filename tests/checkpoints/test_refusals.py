"""What a sequence refuses, each in one line that names the place and the remedy."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from carving import RBM, Potts, create_checkpoints, open_checkpoints
from carving.errors import (
    CarvingError,
    CorruptStore,
    InvalidInput,
    MissingDependency,
    MissingFile,
    OutputExists,
)
from tests.checkpoints.machines import machine


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with create_checkpoints(tmp_path / "run") as run:
        for age in (1, 4, 9):
            run.append(machine(age), updates=age)
    return tmp_path / "run"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no such file or folder; check the path"):
        open_checkpoints(tmp_path / "nothing")


def test_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x89HDF\r\n\x1a\n")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(CorruptStore, match="not a checkpoint store.*carve import"):
            open_checkpoints(path)


def test_a_zip_of_the_folder_instead_of_its_content(store: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, store.name)
    with pytest.raises(CorruptStore, match="pack the files inside the store's folder"):
        open_checkpoints(tmp_path / "packed.zip")


def test_a_zip_cannot_be_written(store: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "run"), "zip", store)
    with pytest.raises(InvalidInput, match="only folders can be written to"):
        open_checkpoints(tmp_path / "run.zip", writable=True)


def test_addresses_that_cannot_be_opened() -> None:
    with pytest.raises(MissingFile, match="Protocol not known"):
        open_checkpoints("nowhere://x")
    with pytest.raises(MissingDependency, match="s3fs"):
        open_checkpoints("s3://bucket/x")
    with pytest.raises(CorruptStore, match="is not a checkpoint store"):
        open_checkpoints("memory://empty")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not the metadata of a zarr group"),
        (b"{", "not the metadata of a zarr group"),
        (b"[" * 100_000, "not the metadata of a zarr group"),
        (b"\xff\xfe", "not the metadata of a zarr group"),
        (b'{"node_type": "array", "attributes": {}}', "not the metadata of a zarr group"),
        (b'{"node_type": "group"}', "another format"),
        (b'{"node_type": "group", "attributes": {"format": "carving-tree"}}', "holds 'carving-tree'"),
        (
            b'{"node_type": "group", "attributes": {"format": "carving-checkpoints", "format_version": 2}}',
            "format version 2; this carving reads up to 1, upgrade it",
        ),
        (
            b'{"node_type": "group", "attributes": {"format": "carving-checkpoints", "format_version": "1"}}',
            "format_version '1'",
        ),
    ],
)
def test_root_metadata_that_are_of_something_else(store: Path, content: bytes, message: str) -> None:
    (store / "zarr.json").write_bytes(content)
    with pytest.raises(CorruptStore, match=message):
        open_checkpoints(store)


def test_an_edited_attribute_is_noticed(store: Path) -> None:
    text = (store / "zarr.json").read_text()
    (store / "zarr.json").write_text(text.replace('"beta": 1.0', '"beta": 2.0'))
    with pytest.raises(CorruptStore, match=r"zarr\.json: metadata differ from their digest"):
        open_checkpoints(store)


def test_an_array_too_short_for_what_was_committed(store: Path) -> None:
    text = (store / "weights/zarr.json").read_text()
    (store / "weights/zarr.json").write_text(text.replace("3,", "1099511627776,", 1))
    with pytest.raises(
        CorruptStore, match="weights: has 1099511627776 rows, but 3 checkpoints are committed"
    ):
        open_checkpoints(store)


@pytest.mark.parametrize(
    ("rbm", "updates", "message"),
    [
        (machine(1), 9, "updates 9 does not follow the last checkpoint's 9; ages must increase"),
        (machine(1), 3, "updates 3 does not follow"),
        (machine(1), -1, "is not a count"),
        (machine(1), 9.5, "is not a count"),
        (machine(1, hidden_size=4), 10, r"weights has shape \(6, 4\), those before it \(6, 3\)"),
        (
            machine(1, visible="spin"),
            10,
            "visible units are spin, the store's bernoulli; create .* visible='spin'",
        ),
        (machine(1, hidden="gaussian"), 10, "hidden units are gaussian, the store's bernoulli"),
        (machine(1, beta=2), 10, r"beta is 2\.0, the store's 1\.0"),
        (
            RBM(np.full((6, 3), 1e300), np.zeros(6), np.zeros(3)),
            10,
            "weights has values too large for float32",
        ),
    ],
)
def test_machines_that_do_not_fit_are_refused(store: Path, rbm: RBM, updates: int, message: str) -> None:
    with open_checkpoints(store, writable=True) as run:
        with pytest.raises(InvalidInput, match=message) as caught:
            run.append(rbm, updates=updates)
        assert "\n" not in str(caught.value)
    found = open_checkpoints(store)
    found.verify()
    assert found.ages.tolist() == [1, 4, 9]


def test_a_potts_machine_of_other_states_than_its_alphabet(tmp_path: Path) -> None:
    with (
        create_checkpoints(tmp_path / "run", visible="potts", alphabet="-AC") as run,
        pytest.raises(InvalidInput, match="alphabet '-AC' has 3 letters, the machine 4 states"),
    ):
        run.append(machine(1, states=4), updates=1)


def test_reading_is_not_writing(store: Path) -> None:
    with pytest.raises(InvalidInput, match="open for reading; open it with open_checkpoints"):
        open_checkpoints(store).append(machine(10), updates=10)


def test_a_failed_append_leaves_the_store_as_it_was_and_the_next_one_works(store: Path) -> None:
    before = open_checkpoints(store).fingerprint
    with open_checkpoints(store, writable=True) as run:
        with pytest.raises(InvalidInput, match="holds Python objects"):
            run.append(machine(10), updates=10, metrics={"new": 1}, resume={"x": np.array([{}])})
        assert open_checkpoints(store).fingerprint == before
        run.append(machine(11), updates=11)
    found = open_checkpoints(store)
    found.verify()
    assert found.ages.tolist() == [1, 4, 9, 11]
    assert found.metrics == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"visible": "gaussian"}, "visible layers cannot be gaussian"),
        ({"visible": "colour"}, "unit 'colour' is not known"),
        ({"hidden": Potts(3)}, "hidden layers cannot be potts"),
        ({"visible": "potts", "alphabet": "AA"}, "letters must be distinct"),
        ({"training": {"rate": float("nan")}}, "training: cannot be stored"),
        ({"provenance": {"file": object()}}, "provenance: cannot be stored"),
        ({"samples": np.array([[0.5]])}, "not all are whole numbers that fit a byte"),
        ({"samples": np.zeros(3)}, "give a table of numbers"),
        ({"names": ["a"]}, "1 names for 0 samples"),
        ({"samples": np.zeros((2, 1)), "names": ["a", "a"]}, "a name occurs twice"),
        ({"samples": np.zeros((2, 1)), "names": ["a", ""]}, "an empty name"),
        ({"samples": np.zeros((1, 1)), "names": ["\ud800"]}, "not Unicode text"),
    ],
)
def test_options_that_cannot_be_stored_leave_nothing(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        create_checkpoints(tmp_path / "run", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_replaced_only_when_asked_for(store: Path) -> None:
    with pytest.raises(OutputExists, match="already exists"):
        create_checkpoints(store)
    with create_checkpoints(store, force=True) as run:
        assert len(run) == 0


def test_a_folder_of_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("words")
    with pytest.raises(OutputExists, match="a folder of other things"):
        create_checkpoints(tmp_path / "thesis", force=True)
    assert (tmp_path / "thesis" / "chapter").read_text() == "words"


def test_a_folder_that_is_not_there_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CarvingError, match="does not exist; create it first"):
        create_checkpoints(tmp_path / "a" / "b")


def test_an_age_that_is_not_there(store: Path) -> None:
    with pytest.raises(InvalidInput, match="no checkpoint of age 5; the nearest are 4, 9"):
        open_checkpoints(store).at_age(5)
