"""What jobs make, against what the library itself makes of the same: identical numbers."""

import asyncio
import csv
import inspect
import itertools
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from carving import build_tree, fixed_points, load_tree, open_checkpoints, physics, train
from carving._progress import Progress
from carving.data import Samples, read_labels
from carving.errors import InvalidInput, MissingFile
from carving.service import Settings, Workspace
from carving.service.jobs import Uploads, kinds
from carving.service.jobs._folder import JobFolder
from carving.service.jobs._kind import Task
from carving.service.jobs.kinds import _parts
from carving.tree import Tree
from tests.service.job_runs import ended, started
from tests.service.workspaces import ALPHABET, NAMES, STORES, make_workspace
from tests.tree.runs import pattern_samples


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    make_workspace(folder)
    np.savez(folder / "new.npz", samples=pattern_samples(40, seed=1), names=[f"new-{k}" for k in range(40)])
    letters = np.array(list(ALPHABET))[pattern_samples(40, visible="potts", seed=1)]
    text = "".join(f">new-{k}\n{''.join(row)}\n" for k, row in enumerate(letters))
    (folder / "new.fasta").write_text(text)
    rows = [f"new-{k},{'even' if k % 2 == 0 else 'odd'}" for k in range(40)]
    (folder / "labels.csv").write_text("\n".join(["name,parity", *rows]))
    return folder


@pytest.fixture
def workspace(made, monkeypatch) -> Workspace:
    monkeypatch.chdir(made)
    return Workspace(made)


ids = itertools.count()


def task_of(workspace: Workspace, kind: str, send=lambda report: None, id: str = "", **parameters) -> Task:
    folder = JobFolder(workspace, id or f"{next(ids):032x}")
    folder.make()
    folder.begin()
    return Task(
        workspace=workspace,
        parameters=kinds()[kind].Parameters(**parameters),
        folder=folder,
        device="cpu",
        uploads=Uploads(workspace, Settings()),
        send=send,
    )


def made_by(workspace: Workspace, kind: str, **parameters) -> Path:
    """The result of a job, after the checks that it passes when it is submitted."""
    task = task_of(workspace, kind, **parameters)
    kinds()[kind].check(workspace, Settings(), task.parameters)
    name = kinds()[kind].run(task)
    return task.folder.result / (name or "")


def given_samples(made: Path, store: str) -> Samples:
    names = np.array([f"new-{k}" for k in range(40)], dtype=object)
    return Samples(pattern_samples(40, visible=STORES[store], seed=1), names)


def assert_equal(first: Tree, second: Tree) -> None:
    for table in ("nodes", "leaves", "states", "ages"):
        for field in fields(getattr(first, table)):
            one, other = (getattr(getattr(tree, table), field.name) for tree in (first, second))
            assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), (table, field.name)
    assert first.labels.keys() == second.labels.keys()
    for name, column in first.labels.items():
        assert column.tolist() == second.labels[name].tolist()
    assert first.options == second.options


# ---- trees


@pytest.mark.parametrize(("store", "tree"), [("checkpoints", "tree"), ("sequences", "families")])
def test_a_tree_of_kept_samples(workspace, store, tree):
    result = load_tree(made_by(workspace, "build-tree", store=store, output="x"))
    expected = workspace.tree(tree)
    assert result.leaves.name.tolist() == NAMES
    assert np.array_equal(result.nodes.visible, expected.nodes.visible)
    assert np.array_equal(result.leaves.node, expected.leaves.node)
    # where the workspace lies is nobody's business
    assert result.provenance["checkpoints"] == store


@pytest.mark.parametrize(("store", "file"), [("checkpoints", "new.npz"), ("sequences", "new.fasta")])
def test_a_tree_of_given_samples_and_labels(workspace, made, store, file):
    options = {"order": 1, "tolerance": 1e-5, "linkage_distance": 0.1, "ages": "1,10,1000"}
    result = made_by(
        workspace,
        "build-tree",
        store=store,
        output="x",
        samples={"file": file},
        labels={"file": "labels.csv"},
        **options,
    )
    samples = given_samples(made, store)
    labels = read_labels(made / "labels.csv", samples.names)
    assert_equal(load_tree(result), build_tree(workspace.store(store), samples, labels=labels, **options))


def test_a_tree_of_an_upload(workspace, made):
    async def blocks():
        content = (made / "new.npz").read_bytes()
        for low in range(0, len(content), 100):
            yield content[low : low + 100]

    id = asyncio.run(Uploads(workspace, Settings()).keep(blocks(), ".npz"))
    result = load_tree(
        made_by(workspace, "build-tree", store="checkpoints", output="x", samples={"upload": id})
    )
    assert_equal(result, build_tree(workspace.store("checkpoints"), given_samples(made, "checkpoints")))


def test_what_a_process_finds_wrong_says_nothing_of_places(workspace, made):
    np.savez(made / "wide.npz", samples=np.zeros((3, 25), np.uint8))
    np.savez(made / "twos.npz", samples=np.full((3, 24), 2, np.uint8))
    for file, words in (("wide.npz", "25 sites"), ("twos.npz", "row 0"), ("labels.csv", "labels.csv")):
        with pytest.raises(InvalidInput, match=words) as error:
            made_by(workspace, "build-tree", store="checkpoints", output="x", samples={"file": file})
        assert str(made) not in str(error.value)
        assert file in str(error.value)


# ---- tables


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("age", [None, 10])
def test_fixed_points_as_npz(workspace, store, age):
    samples = {"file": {"checkpoints": "new.npz", "sequences": "new.fasta"}[store]}
    path = made_by(workspace, "fixed-points", store=store, samples=samples, age=age, order=1)
    run = workspace.store(store)
    rbm = run[-1] if age is None else run.at_age(age)
    expected = fixed_points(rbm, given_samples(workspace.folder, store).values, order=1)
    with np.load(path, allow_pickle=False) as found:
        assert found["name"].tolist() == [f"new-{k}" for k in range(40)]
        assert set(found.files) == {
            "name", "free_energy", "error", "converged", "stable", "sweeps", "visible", "hidden",
        }  # fmt: skip
        for name in set(found.files) - {"name"}:
            assert np.array_equal(found[name], getattr(expected, name).numpy()), name


def test_fixed_points_as_csv(workspace):
    path = made_by(workspace, "fixed-points", store="checkpoints", format="csv", points=True)
    run = workspace.store("checkpoints")
    expected = fixed_points(run[-1], run.samples)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == NAMES
    for number, row in enumerate(rows):
        assert float(row["free_energy"]) == float(expected.free_energy[number])
        assert row["converged"] == str(bool(expected.converged[number])).lower()
        assert float(row["visible.3"]) == float(expected.visible[number, 3])


@pytest.mark.parametrize("format", ["npz", "csv"])
def test_placements(workspace, made, format):
    path = made_by(workspace, "placements", tree="tree", samples={"file": "new.npz"}, format=format)
    tree = workspace.tree("tree")
    expected = tree.place(given_samples(made, "checkpoints").values, workspace.store("checkpoints"))
    names = tree.nodes.name[expected.node].tolist()
    if format == "csv":
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["node_name"] for row in rows] == names
        assert [float(row["distance"]) for row in rows] == expected.distance.tolist()
        return
    with np.load(path, allow_pickle=False) as found:
        assert found["node_name"].tolist() == names
        for name in ("node", "age", "distance", "converged"):
            assert np.array_equal(found[name], getattr(expected, name)), name


def test_parts_are_not_computed_twice_nor_taken_from_other_inputs(tmp_path):
    values = np.random.default_rng(0).normal(size=(10, 3))
    asked = []

    def solve(rows: slice) -> dict[str, np.ndarray]:
        asked.append(rows.start)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return {"twice": 2 * values[rows], "sum": values[rows].sum(1)}

    def compute(inputs: str) -> _parts.Parts:
        parts = _parts.Parts(tmp_path / "work", 10, inputs, rows=4)
        parts.compute("doubling", solve, lambda report: None)
        return parts

    with pytest.raises(KeyboardInterrupt):
        compute("a")
    parts = compute("a")
    assert asked == [0, 4, 8, 8]
    names = np.array([f"{k}" * (k + 1) for k in range(10)], dtype=object)
    table = {"name": parts.split(_parts.text(names)), **{name: parts.column(name) for name in parts.names()}}
    for suffix in ("npz", "csv"):
        _parts.write(table, 10, tmp_path / f"table.{suffix}")
    with np.load(tmp_path / "table.npz", allow_pickle=False) as found:
        assert found["name"].tolist() == names.tolist()
        assert np.array_equal(found["twice"], 2 * values)
        assert np.array_equal(found["sum"], values.sum(1))
    with open(tmp_path / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == names.tolist()
    assert [float(row["twice.1"]) for row in rows] == (2 * values[:, 1]).tolist()
    compute("b")
    assert asked == [0, 4, 8, 8, 0, 4, 8]
    assert len(list((tmp_path / "work").iterdir())) == 1


# ---- transitions


def compare_transitions(path: Path, cascade: physics.Cascade, folder: Path) -> None:
    files = physics.write_cascade(cascade, folder)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        for name in files:
            assert archive.read(f"transitions/{name}") == (folder / name).read_bytes(), name
        assert {"transitions/cascade.svg", "transitions/cascade.png"} <= names
        assert ("transitions/tree.zarr/zarr.json" in names) == (cascade.tree is not None)
        archive.extractall(folder / "out")
    if cascade.tree is not None and cascade.splits is not None:
        births = cascade.tree.with_births(*physics.birth_ages(cascade.tree, cascade.splits))
        assert_equal(load_tree(folder / "out/transitions"), births)


@pytest.mark.slow
def test_transitions_without_samples(workspace, made, tmp_path):
    from carving.checkpoints import create_checkpoints

    whole = workspace.store("checkpoints")
    if not (made / "bare").exists():
        with create_checkpoints(made / "bare") as bare:
            for age in (1, 10):
                bare.append(whole.at_age(age), updates=age)
    asked = {"directions": 3, "order": 1, "precision": 0.1}
    path = made_by(workspace, "transitions", store="bare", **asked)
    compare_transitions(path, physics.transitions(workspace.store("bare"), **asked), tmp_path)


@pytest.mark.slow
def test_transitions_with_a_tree_and_chains(workspace, tmp_path):
    run = workspace.store("checkpoints")
    samples = Samples(np.asarray(run.samples), np.array(NAMES, dtype=object))
    asked = {"directions": 2, "precision": 0.01}
    path = made_by(
        workspace, "transitions", store="checkpoints", sampling=True, chains=10, steps=100, seed=3, **asked
    )
    cascade = physics.transitions(
        run,
        build_tree(run, samples),
        samples,
        sampling=physics.Sampling(chains=10, steps=100),
        generator=torch.Generator().manual_seed(3),
        **asked,
    )
    compare_transitions(path, cascade, tmp_path)
    with pytest.raises(InvalidInput, match="not the 40 samples"):
        made_by(
            workspace, "transitions", store="checkpoints", tree="tree", samples={"file": "new.npz"}, **asked
        )


# ---- training

TRAINING = {"hidden": 4, "updates": 60, "save": "linear:6", "chains": 20, "batch_size": 20, "k": 2, "seed": 5}


@pytest.mark.slow
def test_a_training(workspace, made, tmp_path):
    result = made_by(workspace, "train", output="x", samples={"file": "new.npz"}, **TRAINING)
    expected = train(given_samples(made, "checkpoints"), tmp_path / "run", **TRAINING)
    found = open_checkpoints(result)
    assert not found.being_written
    assert found.ages.tolist() == expected.ages.tolist()
    assert found.fingerprint == expected.fingerprint
    assert found.samples is not None
    assert found.samples.tolist() == given_samples(made, "checkpoints").values.tolist()
    assert found.provenance["samples"] == "new.npz"


def test_a_training_goes_on_where_it_was(workspace, made, tmp_path):
    class Stopped(Exception):
        """As if the process had been killed."""

    def stop(report: Progress) -> None:
        if report.done >= 30:
            raise Stopped

    id = "e" * 32
    asked = {"output": "x", "samples": {"file": "new.npz"}, **TRAINING}
    task = task_of(workspace, "train", send=stop, id=id, **asked)
    with pytest.raises(Stopped):
        kinds()["train"].run(task)
    kept = open_checkpoints(task.folder.work / "store")
    assert 0 < len(kept) < 6
    first = []
    task = task_of(workspace, "train", send=first.append, id=id, **asked)
    kinds()["train"].run(task)
    assert first[0].done > kept.ages[-1]
    expected = train(given_samples(made, "checkpoints"), tmp_path / "run", **TRAINING)
    found = open_checkpoints(task.folder.result)
    assert found.ages.tolist() == expected.ages.tolist()
    assert found.fingerprint == expected.fingerprint


# ---- parameters


@pytest.mark.parametrize(
    ("kind", "function"),
    [("train", train), ("build-tree", build_tree), ("fixed-points", fixed_points)],
)
def test_defaults_are_those_of_the_library(kind, function):
    theirs = inspect.signature(function).parameters
    ours = kinds()[kind].Parameters.model_fields
    own = {"samples", "labels", "output", "store", "unknown_letters", "age", "points", "format"}
    assert set(ours) - own <= set(theirs)
    for name in set(ours) - own:
        assert ours[name].default == theirs[name].default, name


def test_every_parameter_is_described():
    assert set(kinds()) == {"build-tree", "fixed-points", "placements", "train", "transitions"}
    for kind in kinds().values():
        assert kind.title
        assert kind.description.endswith(".")
        for name, described in kind.Parameters.model_json_schema()["properties"].items():
            assert described.get("description"), (kind.name, name)


@pytest.mark.parametrize(
    ("kind", "parameters", "error"),
    [
        ("build-tree", {"store": "none", "output": "x"}, MissingFile),
        ("build-tree", {"store": "checkpoints", "output": "x", "ages": "every:none"}, InvalidInput),
        ("build-tree", {"store": "checkpoints", "output": "x", "labels": {"file": "none.csv"}}, MissingFile),
        ("fixed-points", {"store": "checkpoints", "age": 7}, InvalidInput),
        ("placements", {"tree": "none", "samples": {"file": "new.npz"}}, MissingFile),
        ("transitions", {"store": "checkpoints", "tree": "none"}, MissingFile),
        ("train", {"samples": {"file": "new.npz"}, "output": "x", "method": "none"}, InvalidInput),
        ("train", {"samples": {"file": "new.npz"}, "output": "x", "save": "never"}, InvalidInput),
        ("train", {"samples": {"file": "new.npz"}, "output": "x", "rate": "none"}, InvalidInput),
        ("train", {"samples": {"file": "new.npz"}, "output": "x", "optimiser": "none"}, InvalidInput),
        ("train", {"samples": {"file": "none.npz"}, "output": "x"}, MissingFile),
    ],
)
def test_what_would_fail_is_found_at_submission(workspace, kind, parameters, error):
    found = kinds()[kind]
    with pytest.raises(error) as caught:
        found.check(workspace, Settings(), found.Parameters(**parameters))
    assert "\n" not in str(caught.value)


# ---- the whole way


@pytest.mark.slow
def test_a_job_from_submission_to_its_tree(tmp_path):
    make_workspace(tmp_path)

    async def main() -> None:
        async with started(tmp_path) as jobs:
            submitted = await jobs.submit("build-tree", {"store": "checkpoints", "output": "grown"})
            job = await ended(jobs, submitted.id)
            assert job.state == "done", job.error
            assert jobs.result(job.id).name == "grown"

    asyncio.run(main())
    workspace = Workspace(tmp_path)
    assert_equal_points(workspace.tree("grown"), workspace.tree("tree"))
    assert workspace.store_of_tree("grown") == "checkpoints"


def assert_equal_points(first: Tree, second: Tree) -> None:
    assert np.array_equal(first.nodes.visible, second.nodes.visible)
    assert np.array_equal(first.leaves.node, second.leaves.node)
    assert first.leaves.name.tolist() == second.leaves.name.tolist()


@pytest.mark.slow
def test_all_kinds_from_submission_to_result(tmp_path):
    make_workspace(tmp_path)
    np.savez(tmp_path / "new.npz", samples=pattern_samples(40, seed=1))
    wanted = {
        "train": {"samples": {"file": "new.npz"}, "output": "trained", **TRAINING},
        "fixed-points": {"store": "sequences", "format": "csv"},
        "placements": {"tree": "tree", "samples": {"file": "new.npz"}},
        "transitions": {"store": "checkpoints", "precision": 0.1},
    }

    async def main() -> None:
        async with started(tmp_path) as jobs:
            submitted = [await jobs.submit(kind, parameters) for kind, parameters in wanted.items()]
            for job in [await ended(jobs, job.id) for job in submitted]:
                assert job.state == "done", job.error
                result = jobs.result(job.id)
                assert result.path is None or result.path.is_file()
            trained = await jobs.submit("build-tree", {"store": "trained", "output": "tree-of-it"})
            assert (await ended(jobs, trained.id)).state == "done"

    asyncio.run(main())
    assert len(Workspace(tmp_path).tree("tree-of-it").leaves) == 40
