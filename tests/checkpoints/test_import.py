"""Checkpoints of other programs become stores, or one line that names file, place and remedy."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
import torch

from carving import RBM, import_checkpoints
from carving._progress import Progress
from carving.checkpoints import _foreign_hdf5
from carving.errors import CarvingError, CorruptStore, InvalidInput, MissingFile, OutputExists
from tests.checkpoints.machines import machine

THEIR_NAMES = {"weights": "weight_matrix", "visible_bias": "vbias", "hidden_bias": "hbias"}


def save_with_rbms(rbms: ModuleType, file: Path, rbm: RBM, updates: int) -> None:
    """What the package itself writes when it saves a machine."""
    kind = rbms.map_model.map_model["PBRBM" if rbm.states else "BBRBM"]
    theirs = kind(weight_matrix=rbm.weights, vbias=rbm.visible_bias, hbias=rbm.hidden_bias)
    chains = theirs.init_chains(5)
    rbms.io.save_model(str(file), theirs, chains, updates, time=updates / 2, flags=["checkpoint"])


def write_group(group: h5py.Group, rbm: RBM) -> None:
    for ours, name in THEIR_NAMES.items():
        group[name] = getattr(rbm, ours).numpy()


def write_file(path: Path, machines: dict[str, RBM]) -> Path:
    """A file as clusterbm reads it; keys are like ``update_3`` or ``epoch_3/params``."""
    with h5py.File(path, "w") as file:
        for place, rbm in machines.items():
            write_group(file.require_group(place), rbm)
    return path


def write_npz(folder: Path, machines: dict[int, RBM]) -> Path:
    folder.mkdir()
    for age, rbm in machines.items():
        np.savez(
            folder / f"{age}.npz", updates=age, **{name: getattr(rbm, name).numpy() for name in THEIR_NAMES}
        )
    return folder


def assert_holds(run: object, machines: dict[int, RBM]) -> None:
    assert list(machines) == run.ages.tolist()  # type: ignore[attr-defined]
    for expected, found in zip(machines.values(), run, strict=True):  # type: ignore[call-overload]
        assert repr(found) == repr(expected)
        for name in THEIR_NAMES:
            assert torch.equal(getattr(found, name), getattr(expected, name))


# ---- what can be read


@pytest.mark.parametrize("states", [None, 4])
def test_files_of_rbms_are_read(rbms: ModuleType, tmp_path: Path, states: int | None) -> None:
    machines = {age: machine(age, states=states) for age in (1, 2, 10)}
    for age, rbm in machines.items():
        save_with_rbms(rbms, tmp_path / "file.h5", rbm, age)
    run = import_checkpoints(tmp_path / "file.h5", tmp_path / "run")
    assert_holds(run, machines)
    np.testing.assert_array_equal(run.elapsed_seconds, [0.5, 1, 5])


@pytest.mark.one_in(4)
@pytest.mark.parametrize("word", ["update", "epoch"])
@pytest.mark.parametrize("inside", [[""], ["/params"], ["", "/params"]])
@pytest.mark.parametrize("states", [None, 3])
def test_files_of_clusterbm_are_read(
    tmp_path: Path, word: str, inside: list[str], states: int | None
) -> None:
    machines = {age: machine(age, states=states) for age in (3, 20, 100)}
    places = {f"{word}_{age}{place}": rbm for age, rbm in machines.items() for place in inside}
    assert_holds(import_checkpoints(write_file(tmp_path / "file.h5", places), tmp_path / "run"), machines)


@pytest.mark.parametrize("states", [None, 3])
def test_folders_of_npz_are_read(tmp_path: Path, states: int | None) -> None:
    machines = {age: machine(age, states=states) for age in (3, 20, 100)}
    assert_holds(import_checkpoints(write_npz(tmp_path / "files", machines), tmp_path / "run"), machines)


def test_hyperparameters_come_along(tmp_path: Path) -> None:
    file = write_file(tmp_path / "file.h5", {"update_1": machine(1)})
    with h5py.File(file, "a") as opened:
        opened["model_type"] = "BBRBM"
        opened["hyperparameters/learning_rate"] = 0.05
        opened["hyperparameters/batch_size"] = 500
        opened["hyperparameters/broken"] = np.nan
        opened["hyperparameters/filename"] = "/home/somebody/file.h5"
    run = import_checkpoints(file, tmp_path / "run")
    assert run.training == {"learning_rate": 0.05, "batch_size": 500, "broken": "nan"}
    assert run.provenance["imported_from"] == "file.h5"


@pytest.mark.parametrize(
    ("units", "states", "visible", "hidden"),
    [
        ("spin", None, "spin", "spin"),
        ("bernoulli", None, "bernoulli", "bernoulli"),
        ("spin,gaussian", None, "spin", "gaussian"),
        ("bernoulli,spin", None, "bernoulli", "spin"),
        ("potts", 3, "potts", "bernoulli"),
        ("potts,spin", 3, "potts", "spin"),
    ],
)
def test_units_are_those_that_are_named(
    tmp_path: Path, units: str, states: int | None, visible: str, hidden: str
) -> None:
    source = write_npz(tmp_path / "files", {1: machine(1, states=states)})
    run = import_checkpoints(source, tmp_path / "run", units=units)
    assert (run.visible.name, run.hidden.name) == (visible, hidden)


@pytest.mark.parametrize(
    ("states", "alphabet", "expected"),
    [
        (21, None, "-ACDEFGHIKLMNPQRSTVWY"),
        (5, None, None),
        (5, "-ACGT", "-ACGT"),
        (None, None, None),
    ],
)
def test_alphabets_are_kept_where_they_fit(
    tmp_path: Path, states: int | None, alphabet: str | None, expected: str | None
) -> None:
    source = write_npz(tmp_path / "files", {1: machine(1, states=states)})
    given = {"alphabet": alphabet} if alphabet else {}
    run = import_checkpoints(source, tmp_path / "run", **given)  # type: ignore[arg-type]
    assert run.alphabet == expected


def test_import_tells_how_far_it_is(tmp_path: Path) -> None:
    seen: list[Progress] = []
    source = write_npz(tmp_path / "files", {1: machine(1), 5: machine(5)})
    import_checkpoints(source, tmp_path / "run", progress=seen.append)
    assert [(x.done, x.total) for x in seen] == [(1, 2), (2, 2)]


# ---- what cannot


def hdf5(change: Callable[[h5py.File], None]) -> Callable[[Path], Path]:
    """A file of two good checkpoints, changed."""

    def write(folder: Path) -> Path:
        path = write_file(folder / "file.h5", {"update_1/params": machine(1), "update_2/params": machine(2)})
        with h5py.File(path, "a") as file:
            change(file)
        return path

    return write


def replaced(place: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if place in file:
            del file[place]
        if value is not None:
            file[place] = value

    return change


def raw(content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "file").write_bytes(content)
        return folder / "file"

    return write


def npz(**arrays: object) -> Callable[[Path], Path]:
    """A folder of one good checkpoint and one with these arrays instead."""

    def write(folder: Path) -> Path:
        write_npz(folder / "files", {1: machine(1)})
        other = machine(2)
        values = {"updates": 2, **{name: getattr(other, name).numpy() for name in THEIR_NAMES}, **arrays}
        np.savez(folder / "files/b.npz", **{key: value for key, value in values.items() if value is not None})  # type: ignore[arg-type]
        return folder / "files"

    return write


def truncated(folder: Path) -> Path:
    path = write_file(folder / "file.h5", {"update_1/params": machine(1, visible_size=500)})
    path.write_bytes(path.read_bytes()[:5000])
    return path


def another(word: str) -> Callable[[h5py.File], None]:
    return lambda file: write_group(file.create_group(word), machine(3))


def bad_npz(folder: Path) -> Path:
    (folder / "files").mkdir()
    (folder / "files/a.npz").write_bytes(b"PK\x03\x04 nothing")
    return folder / "files"


def _group(file: h5py.File) -> None:
    del file["update_2/params/weight_matrix"]
    file.create_group("update_2/params/weight_matrix")


def _virtual(file: h5py.File) -> None:
    """A shape of terabytes with not a byte behind it."""
    del file["update_2/params/weight_matrix"]
    file.create_dataset("update_2/params/weight_matrix", shape=(10**6, 10**6), dtype="f4")


WIDE = np.zeros((7, 3), np.float32)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (raw(b""), "file: is empty; copy it anew"),
        (raw(b"something else"), "file: is no HDF5 file; import reads HDF5 files of rbms and clusterbm"),
        (
            raw(b"\x89HDF\r\n\x1a\n" + b"\0" * 100),
            "file: cannot be read .* damaged or truncated; copy it anew",
        ),
        (truncated, "cannot be read .*truncated"),
        (hdf5(lambda file: file.clear()), "holds no checkpoints .groups update_N or epoch_N"),
        (hdf5(another("epoch_3")), "both update_N and epoch_N groups; keep one kind"),
        (hdf5(another("update_02")), "update_02 and update_2 are both of 2 updates; remove or rename one"),
        (
            hdf5(replaced("update_2/params/vbias", None)),
            "update_2: has no vbias, neither in params/ nor directly",
        ),
        (hdf5(replaced("update_2", None)), ""),
        (
            hdf5(replaced("update_2/params/vbias", np.array([0, 1, np.nan, 0, 0, 0], np.float32))),
            r"update_2: vbias holds nan at \(2,\)",
        ),
        (
            hdf5(replaced("update_2/params/hbias", np.array([0, 1, np.inf], np.float32))),
            r"update_2: hbias holds inf at \(2,\)",
        ),
        (
            hdf5(replaced("update_2/params/hbias", np.array([0, 1, 1e300], np.float64))),
            r"update_2: hbias holds 1e\+300 at",
        ),
        (hdf5(replaced("update_2/params/hbias", np.zeros(4))), "update_2: widths disagree: weight_matrix"),
        (hdf5(replaced("update_2/params/weight_matrix", WIDE)), "update_2: widths disagree"),
        (hdf5(replaced("update_2/params/weight_matrix", np.zeros(3))), r"has shape \(3,\); \(N_v, N_h\) or"),
        (hdf5(replaced("update_2/params/weight_matrix", np.zeros((0, 3)))), "has shape"),
        (hdf5(replaced("update_2/params/weight_matrix", "words")), "weight_matrix holds object, not numbers"),
        (hdf5(_group), "weight_matrix is no array"),
        (hdf5(replaced("update_2", 3)), "update_2: is no group of parameters; leave it out"),
        (hdf5(_virtual), r"shape \(1000000, 1000000\), but 0 bytes"),
        (
            hdf5(replaced("update_2/vbias", np.zeros(6, np.float32))),
            "update_2: params/vbias differs from vbias beside params/; remove the one that is wrong",
        ),
        (hdf5(replaced("model_type", "RBMCA")), "model_type: 'RBMCA' is not known; BBRBM and PBRBM"),
        (hdf5(replaced("model_type", "PBRBM")), "model_type says Potts machines, but weights have shape"),
        (hdf5(replaced("update_2/params", None)), "has no weight_matrix"),
        (npz(updates=1), r"1\.npz and b\.npz are both of 1 updates; remove or rename one"),
        (npz(updates=-1), r"b\.npz: updates is -1; give a whole number, not negative"),
        (npz(updates=1.5), r"b\.npz: updates is 1\.5"),
        (npz(updates=np.nan), r"b\.npz: updates is nan"),
        (npz(updates="many"), r"b\.npz: updates is not one number"),
        (npz(weights=None), r"b\.npz: has no weights; a checkpoint holds weights, visible_bias"),
        (npz(weights=np.array([[None]])), r"b\.npz: cannot be read .*copy it anew"),
        (npz(weights=WIDE), r"b\.npz: widths disagree"),
        (
            npz(weights=WIDE, visible_bias=WIDE[:, 0]),
            r"b\.npz: weights have shape \(7, 3\), those before them \(6, 3\)",
        ),
        (bad_npz, r"a\.npz: cannot be read"),
        (lambda folder: folder, "holds no .npz files; give a folder of them, or an HDF5 file"),
    ],
)
def test_bad_files_get_one_line_and_leave_nothing(
    tmp_path: Path, write: Callable[[Path], Path], message: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    source = write(tmp_path / "in")
    if not message:
        assert import_checkpoints(source, tmp_path / "out/run").ages.tolist() == [1]
        return
    with pytest.raises((InvalidInput, CorruptStore), match=message) as caught:
        import_checkpoints(source, tmp_path / "out/run")
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_store_of_ours_is_not_imported(tmp_path: Path) -> None:
    source = write_npz(tmp_path / "files", {1: machine(1)})
    import_checkpoints(source, tmp_path / "run")
    with pytest.raises(InvalidInput, match="is a zarr store, not another program's file; use it as it is"):
        import_checkpoints(tmp_path / "run", tmp_path / "again")


@pytest.mark.parametrize(
    ("units", "states"), [("spin", 3), ("potts", None), ("colour", None), ("spin,potts", None)]
)
def test_units_that_do_not_fit_are_refused_with_those_that_do(
    tmp_path: Path, units: str, states: int | None
) -> None:
    source = write_npz(tmp_path / "files", {1: machine(1, states=states)})
    with pytest.raises(InvalidInput, match=f"units '{units}' do not fit weights of shape .*; give"):
        import_checkpoints(source, tmp_path / "run", units=units)


def test_an_alphabet_of_another_length_is_refused(tmp_path: Path) -> None:
    source = write_npz(tmp_path / "files", {1: machine(1, states=3)})
    with pytest.raises(InvalidInput, match="alphabet '-ACGT' has 5 letters, the machines 3 states"):
        import_checkpoints(source, tmp_path / "run", alphabet="-ACGT")


def test_missing_sources_and_existing_targets(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no such file or folder; check the path"):
        import_checkpoints(tmp_path / "nothing", tmp_path / "run")
    source = write_npz(tmp_path / "files", {1: machine(1)})
    import_checkpoints(source, tmp_path / "run")
    with pytest.raises(OutputExists, match="already exists"):
        import_checkpoints(source, tmp_path / "run")
    assert len(import_checkpoints(source, tmp_path / "run", force=True)) == 1


@pytest.mark.parametrize(
    ("deed", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the HDF5 library crashed on it"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "does not come back from it"),
        ("print('{', end='')", "the HDF5 library crashed on it"),
    ],
)
def test_a_reader_that_dies_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str, message: str
) -> None:
    # the library's crashes are rare and depend on its version; these are as it would crash
    (tmp_path / "reader.py").write_text(deed)
    monkeypatch.setattr(_foreign_hdf5, "_READER", tmp_path / "reader.py")
    file = write_file(tmp_path / "file.h5", {"update_1": machine(1)})
    with pytest.raises(CorruptStore, match=message):
        import_checkpoints(file, tmp_path / "run")


def test_a_reader_that_does_not_come_back_is_ended_by_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _foreign_hdf5._READER.read_text().replace("SECONDS = 30", "SECONDS = 1")
    spinning = source.replace("with h5py.File(path", "while True: pass\n        with h5py.File(path")
    assert spinning != source
    (tmp_path / "reader.py").write_text(spinning)
    monkeypatch.setattr(_foreign_hdf5, "_READER", tmp_path / "reader.py")
    file = write_file(tmp_path / "file.h5", {"update_1": machine(1)})
    with pytest.raises(CarvingError, match="the HDF5 library does not come back from it"):
        import_checkpoints(file, tmp_path / "run")
