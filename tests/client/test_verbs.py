"""Every verb of the client against the library: the same names, types and numbers."""

from collections.abc import Sequence
from dataclasses import fields

import dask.array
import numpy as np
import pytest
import torch
import zarr

import carving
from carving.export import ExportOptions, formats
from carving.tree import TrainingEnergies, trajectories
from tests.client.conftest import STORE_OF, VISIBLE
from tests.client.serving import served
from tests.service.workspaces import ALPHABET, NAMES
from tests.tree.runs import pattern_samples
from tests.trees import random_tree

TREES = ["tree", "families"]


def same_columns(ours: object, theirs: object) -> None:
    """Two tables, or results, of the same type and the very same values."""
    assert type(ours) is type(theirs)
    for field in fields(ours):  # pyright: ignore[reportArgumentType]
        one, other = getattr(ours, field.name), getattr(theirs, field.name)
        if isinstance(other, np.ndarray | torch.Tensor):
            assert one.dtype == other.dtype, field.name
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=field.name)


def same_within_error(ours: object, theirs: object) -> None:
    """Two results whose points were found in other company: the same but for their estimated errors."""
    assert type(ours) is type(theirs)
    for field in fields(ours):  # pyright: ignore[reportArgumentType]
        one, other = getattr(ours, field.name), getattr(theirs, field.name)
        if isinstance(other, np.ndarray | torch.Tensor):
            assert (one.dtype, one.shape) == (other.dtype, other.shape), field.name
        if field.name in ("error", "sweeps", "method", "spent"):
            continue
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=0, atol=2e-6, err_msg=field.name)


# ---- stores


def test_stores_and_trees_are_listed(both):
    assert both.remote.stores == ["checkpoints", "gaussian", "sequences"]
    assert both.remote.trees == ["families", "tree"]


@pytest.mark.parametrize("store", ["checkpoints", "sequences", "gaussian"])
def test_a_store_says_what_the_library_says(both, store):
    ours, theirs = both.remote.open_checkpoints(store), both.run(store)
    for name in (
        "visible", "hidden", "visible_size", "hidden_size", "beta", "alphabet", "has_samples", "fingerprint",
        "being_written",
    ):  # fmt: skip
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("ages", "elapsed_seconds"):
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert list(ours.metrics) == list(theirs.metrics)
    for name, values in theirs.metrics.items():
        np.testing.assert_array_equal(ours.metrics[name], values)
    assert len(ours) == len(theirs)
    assert ours.select("log:2").tolist() == theirs.select("log:2").tolist()


@pytest.mark.parametrize("store", ["checkpoints", "sequences", "gaussian"])
def test_machines_are_the_library_s(both, store):
    ours, theirs = both.remote.open_checkpoints(store), both.run(store)
    for one, other in [
        (ours[-1], theirs[-1]),
        (ours.at_age(10), theirs.at_age(10)),
        *zip(ours, theirs, strict=True),
    ]:
        for name in ("weights", "visible_bias", "hidden_bias"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert (one.visible, one.hidden, one.beta) == (other.visible, other.hidden, other.beta)
    with pytest.raises(carving.CarvingError, match="999"):
        ours.at_age(999)
    with pytest.raises(IndexError):
        ours[4]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("store", ["checkpoints", "sequences", "gaussian"])
def test_fixed_points_are_the_library_s(both, store, order):
    theirs = both.run(store)
    samples = pattern_samples(7, visible=theirs.visible.name, seed=3)
    run = both.remote.open_checkpoints(store)
    same_columns(
        run.fixed_points(samples, age=100, order=order),
        carving.fixed_points(theirs.at_age(100), samples, order=order),
    )
    same_columns(both.remote.fixed_points(store, samples), carving.fixed_points(theirs[-1], samples))


@pytest.mark.parametrize("ages", ["all", [1, 100, 1000]])
def test_trajectories_are_the_library_s(both, ages):
    samples = pattern_samples(3, visible="potts", seed=5)
    same_columns(
        both.remote.open_checkpoints("sequences").trajectories(samples, ages=ages),
        trajectories(both.run("sequences"), samples, ages=ages),
    )


# ---- trees


@pytest.mark.parametrize("name", TREES)
def test_columns_of_a_tree_are_the_library_s(both, name):
    ours, theirs = both.remote.load_tree(name), both.trees[name]
    for table in ("nodes", "leaves", "ages"):
        same_columns(getattr(ours, table), getattr(theirs, table))
    assert ours.options == theirs.options
    assert ours.summary() == theirs.summary()
    assert ours.store == STORE_OF[name]


def test_a_tree_whose_root_was_added_comes_as_it_is(tmp_path):
    # the label has the name of an argument of numpy.savez
    labels: dict[str, Sequence[str]] = {"file": [""] * 39 + ["last"]}
    tree = random_tree(40, generator=np.random.default_rng(1), added_root=True, labels=labels)
    tree.save(tmp_path / "tree.zarr")
    with served(tmp_path) as address, carving.connect(address) as remote:
        ours = remote.load_tree("tree.zarr")
        same_columns(ours.nodes, tree.nodes)
        same_columns(ours.leaves, tree.leaves)
        same_columns(ours.local().states, tree.states)
        with pytest.raises(carving.CarvingError, match="not in the workspace"):
            ours.place([[0, 1]])


@pytest.mark.parametrize("age", [1, 10, 11, 1000])
def test_partitions(both, age):
    np.testing.assert_array_equal(
        both.remote.load_tree("tree").partition(age), both.trees["tree"].partition(age)
    )


def test_paths(both):
    ours, theirs = both.remote.load_tree("tree"), both.trees["tree"]
    for leaf in [*NAMES, 0, -1]:
        assert ours.path(leaf).tolist() == theirs.path(leaf).tolist()
    for leaf in ("nobody", 30):
        with pytest.raises(carving.CarvingError) as ours_said:
            ours.path(leaf)
        with pytest.raises(carving.CarvingError) as theirs_said:
            theirs.path(leaf)
        assert str(ours_said.value) == str(theirs_said.value)


@pytest.mark.parametrize("name", TREES)
def test_placements_are_the_library_s(both, name):
    run, samples = both.run(STORE_OF[name]), pattern_samples(9, visible=VISIBLE[name], seed=11)
    theirs = both.trees[name].place(samples, run)
    tree = both.remote.load_tree(name)
    for ours in (
        tree.place(samples),
        tree.place(samples, both.remote.open_checkpoints(STORE_OF[name])),
        both.remote.place(name, samples),
    ):
        same_columns(ours, theirs)


@pytest.mark.parametrize("name", TREES)
def test_novelty_is_the_library_s(both, name):
    strange = np.zeros((1, 24), dtype=np.uint8)
    samples = np.vstack([pattern_samples(5, visible=VISIBLE[name], seed=11), strange])
    theirs = TrainingEnergies(both.run(STORE_OF[name])).novelty(samples)
    same_columns(both.remote.load_tree(name).novelty(samples), theirs)


def test_checkpoints_of_another_tree_are_refused(both):
    samples = pattern_samples(1)
    run = both.remote.open_checkpoints("sequences")
    with pytest.raises(carving.CarvingError, match="not the checkpoints that the tree was built from"):
        both.remote.load_tree("tree").place(samples, run)


def test_the_whole_tree_comes(both, tmp_path):
    name = "families"
    remote, theirs = both.remote.load_tree(name), both.trees[name]
    ours = remote.local()
    for table in ("nodes", "leaves", "states", "ages"):
        same_columns(getattr(ours, table), getattr(theirs, table))
    assert ours.labels["colour"].tolist() == theirs.labels["colour"].tolist()
    assert ours.provenance == {k: v for k, v in theirs.provenance.items() if k != "checkpoints"}
    # what it was made of is known by more than a path
    samples = pattern_samples(5, visible=VISIBLE[name], seed=4)
    run = both.run(STORE_OF[name])
    same_columns(ours.place(samples, run), theirs.place(samples, run))
    remote.save(tmp_path / "tree.zarr")
    same_columns(carving.load_tree(tmp_path / "tree.zarr").nodes, theirs.nodes)
    with pytest.raises(FileExistsError):
        remote.save(tmp_path / "tree.zarr")


@pytest.mark.parametrize("format", [each for each in formats().values() if each.suffix], ids=lambda x: x.name)
def test_exports_are_the_library_s(both, format, tmp_path):
    both.remote.load_tree("tree").export(format.name, tmp_path / "ours", keep_unary=True, precision=5)
    options = ExportOptions(keep_unary=True, precision=5)
    format.write(both.trees["tree"], tmp_path / f"theirs{format.suffix}", options)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / f"theirs{format.suffix}").read_bytes()


def test_an_export_that_is_refused_leaves_nothing(both, tmp_path):
    tree = both.remote.load_tree("tree")
    with pytest.raises(carving.CarvingError, match="precision"):
        tree.export("newick", tmp_path / "tree.nwk", precision=99)
    assert list(tmp_path.iterdir()) == []


# ---- what samples may be


def test_samples_may_be_whatever_the_library_takes(both):
    codes = pattern_samples(6, visible="potts", seed=2)
    one_hot = np.eye(3, dtype=np.uint8)[codes]
    letters = ["".join(ALPHABET[code] for code in row) for row in codes.tolist()]
    names = np.array([f"s{number}" for number in range(6)], dtype=object)
    theirs = both.trees["families"].place(codes, both.run("sequences"))
    tree = both.remote.load_tree("families")
    for samples in (
        codes.astype(float),
        one_hot,
        torch.from_numpy(codes),
        torch.from_numpy(one_hot),
        zarr.array(codes, chunks=(2, 24)),
        dask.array.from_array(codes, chunks=(4, 12)),  # pyright: ignore[reportArgumentType]
        carving.Samples(codes, names, ALPHABET),
        codes.tolist(),
        list(codes),
        letters,
    ):
        same_columns(tree.place(samples), theirs)


@pytest.mark.parametrize(
    "samples",
    [
        np.full((3, 24), 0.5),
        np.full((3, 24), np.nan),
        [],
        [[0, 1], [1]],
        np.zeros((0, 24)),
        3,
        np.zeros((2, 23)),
    ],
    ids=["halves", "nan", "none", "ragged", "no rows", "a number", "narrow"],
)
def test_what_is_no_samples_is_refused_in_one_line(both, samples):
    with pytest.raises(carving.CarvingError) as error:
        both.remote.place("tree", samples)
    assert isinstance(error.value, ValueError)
    assert "\n" not in str(error.value)


def test_a_wrong_cell_is_named_by_its_row_among_all(both, monkeypatch):
    monkeypatch.setattr("carving.client.tree._MOST_PLACED", 2)
    samples = pattern_samples(5).astype(float)
    samples[4, 3] = 0.5
    with pytest.raises(carving.CarvingError, match="row 4, column 3"):
        both.remote.place("tree", samples)
