"""Jobs at the real service, against the library doing the same here."""

import shutil
import threading
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest

import carving
from carving import physics
from carving.client import Connection, RemoteCheckpoints, RemoteTree
from carving.errors import InvalidInput, MissingFile, OutputExists
from tests.client.serving import served
from tests.client.test_verbs import same_columns
from tests.service.workspaces import ALPHABET
from tests.tree.runs import pattern_samples


@pytest.fixture(scope="module")
def here(both, tmp_path_factory) -> Iterator[tuple[Connection, carving.CheckpointSequence]]:
    """A service that jobs may change, and its store."""
    folder = tmp_path_factory.mktemp("jobs") / "workspace"
    shutil.copytree(both.folder, folder)
    with served(folder) as address, carving.connect(address) as remote:
        yield remote, carving.open_checkpoints(folder / "sequences")


@pytest.mark.slow
def test_a_tree_is_built_as_the_library_builds_it(here):
    remote, run = here
    codes = pattern_samples(8, visible="potts", seed=3)
    letters = ["".join(ALPHABET[code] for code in row) for row in codes.tolist()]
    names = [f'odd, "name" {number}' for number in range(8)]
    labels = {"colour, or so": ["red", "", "=1", "blue"] * 2}
    seen = []
    ours = remote.build_tree(
        remote.open_checkpoints("sequences"), letters, output="letters", names=names, labels=labels,
        order=1, ages=[1, 100, 1000], progress=seen.append,
    )  # fmt: skip
    theirs = carving.build_tree(run, codes, names=names, labels=labels, order=1, ages=[1, 100, 1000])
    whole = ours.local()
    for table in ("nodes", "leaves", "states", "ages"):
        same_columns(getattr(whole, table), getattr(theirs, table))
    assert {name: column.tolist() for name, column in whole.labels.items()} == labels
    assert seen
    assert "letters" in remote.trees
    with pytest.raises(OutputExists, match="letters"):
        remote.build_tree("sequences", output="letters")


@pytest.mark.slow
def test_a_submission_with_the_same_key_is_the_same_job(here):
    remote, run = here
    parameters = {"store": "sequences", "output": "kept", "order": np.int64(2)}
    job = remote.submit("build-tree", parameters, key="one")
    assert remote.submit("build-tree", parameters, key="one").id == job.id
    made = remote.job(job.id).result()
    assert isinstance(made, RemoteTree)
    assert made.name == job.output == "kept"
    same_columns(made.nodes, carving.build_tree(run, run.samples).nodes)
    job.refresh()
    assert job.state == "done"
    assert job.id in [each.id for each in remote.jobs]
    with pytest.raises(InvalidInput):
        job.download("nothing")


@pytest.mark.slow
def test_files_are_fetched_when_they_are_made(here, tmp_path):
    remote, run = here
    samples = pattern_samples(5, visible="potts", seed=6)
    parameters = {"tree": "families", "samples": remote.upload(samples)}
    job = remote.submit("placements", parameters)
    job.download(tmp_path / "placed.npz")
    theirs = remote.load_tree("families").local().place(samples, run)
    with np.load(tmp_path / "placed.npz", allow_pickle=False) as file:
        for name in ("node", "age", "distance"):
            np.testing.assert_array_equal(file[name], getattr(theirs, name))
    with pytest.raises(InvalidInput, match="download"):
        job.result()


def test_what_cannot_be_done_is_refused(here):
    remote, _ = here
    for kind, parameters, error in [
        ("no-such-kind", {}, carving.CarvingError),
        ("build-tree", {"store": "none", "output": "x"}, MissingFile),
        ("build-tree", {"store": "sequences", "output": "../x"}, InvalidInput),
        ("build-tree", {"store": "sequences", "output": "x", "speed": 11}, InvalidInput),
        ("build-tree", {"store": "sequences", "output": "x", "order": float("nan")}, InvalidInput),
        ("build-tree", {"store": "sequences", "output": "x", "order": object()}, InvalidInput),
        ("placements", {"tree": "families", "samples": {"upload": "0" * 32}}, MissingFile),
    ]:
        with pytest.raises(error):
            remote.submit(kind, parameters)
    with pytest.raises(InvalidInput, match="samples"):
        remote.build_tree("sequences", output="x", labels={"a": ["b"]})
    with pytest.raises(MissingFile):
        remote.job("0" * 32)


@pytest.mark.slow
def test_a_job_that_fails_says_why(here):
    remote, _ = here
    wide = remote.upload(np.zeros((3, 7), dtype=np.uint8))
    job = remote.submit("build-tree", {"store": "sequences", "output": "never", "samples": wide})
    with pytest.raises(carving.CarvingError, match="7 sites"):
        job.wait()
    assert job.state == "failed"
    assert "never" not in remote.trees


def test_a_job_that_is_cancelled_ends(here):
    remote, _ = here
    samples = pattern_samples(50)
    job = remote.submit(
        "train", {"samples": remote.upload(samples), "output": "endless", "updates": 10**9, "hidden": 4}
    )
    failures = []

    def waiting() -> None:
        try:
            remote.job(job.id).wait()
        except carving.CarvingError as error:
            failures.append(str(error))

    thread = threading.Thread(target=waiting)
    thread.start()
    job.cancel()
    thread.join(30)
    assert not thread.is_alive()
    assert "cancelled" in failures[0]
    assert "endless" not in remote.stores
    job.cancel()
    assert job.state == "cancelled"


@pytest.mark.slow
def test_a_training_is_the_library_s(here, tmp_path):
    remote, _ = here
    samples = pattern_samples(60, seed=2)
    settings = {
        "hidden": 5,
        "updates": 20,
        "save": "exponential:4",
        "chains": 20,
        "batch_size": 20,
        "seed": 3,
    }
    ours = remote.train(samples, "trained", **settings)
    assert isinstance(ours, RemoteCheckpoints)
    with carving.train(samples, tmp_path / "trained", **settings) as theirs:
        assert ours.fingerprint == theirs.fingerprint


@pytest.mark.slow
def test_transitions_come_as_a_folder(here, tmp_path):
    remote, run = here
    remote.transitions("sequences", tmp_path / "transitions.zip", tree="families", directions=2)
    theirs = physics.transitions(run, remote.load_tree("families").local(), run.samples, directions=2)
    physics.write_cascade(theirs, tmp_path)
    with zipfile.ZipFile(tmp_path / "transitions.zip") as archive:
        for name in ("spectrum.csv", "splits.csv", "states.csv"):
            assert archive.read(f"transitions/{name}") == (tmp_path / name).read_bytes()
