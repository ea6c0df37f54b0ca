"""Trees at URLs: whole or not at all, and the same as in a folder."""

import fsspec
import numpy as np
import pytest

import carving
from carving import _place
from carving.errors import CorruptStore, InvalidInput, MissingDependency, MissingFile, OutputExists
from carving.tree import Tree, build_tree, load_tree
from tests.tree.runs import assert_equal, pattern_samples
from tests.trees import small_tree


@pytest.fixture
def memory():
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


def test_a_tree_comes_back_from_a_url(memory):
    tree = small_tree()
    tree.save("memory://trees/small.zarr")
    again = load_tree("memory://trees/small.zarr")
    assert_equal(again, tree)
    assert (again.labels["continent"].tolist(), again.colors) == (
        tree.labels["continent"].tolist(),
        tree.colors,
    )


def test_the_folder_of_build_tree_may_be_named(memory):
    small_tree().save("memory://out/tree.zarr")
    assert_equal(load_tree("memory://out"), small_tree())


def test_the_files_are_those_of_a_folder(memory, tmp_path):
    small_tree().save("memory://small.zarr")
    small_tree().save(tmp_path / "small.zarr")
    inside = {
        path.relative_to(tmp_path / "small.zarr").as_posix()
        for path in (tmp_path / "small.zarr").rglob("*")
        if path.is_file()
    }
    assert {path.removeprefix("/small.zarr/") for path in memory.find("/small.zarr")} == inside


def test_what_is_there_is_kept_unless_forced(memory, run):
    small_tree().save("memory://tree.zarr")
    other = build_tree(run, pattern_samples(5))
    with pytest.raises(OutputExists, match="already exists"):
        other.save("memory://tree.zarr")
    assert_equal(load_tree("memory://tree.zarr"), small_tree())
    other.save("memory://tree.zarr", force=True)
    assert_equal(load_tree("memory://tree.zarr"), other)


@pytest.mark.parametrize("written", [0, 1, 60, -1])
def test_a_tree_that_was_cut_off_is_none(memory, monkeypatch, written):
    small_tree().save("memory://tree.zarr")
    written %= len(memory.find("/tree.zarr"))
    done, put = [], type(memory).pipe_file

    def pipe(self, path, value, **options):
        if len(done) == written:
            raise OSError("no connection")
        done.append(path)
        put(self, path, value, **options)

    monkeypatch.setattr(type(memory), "pipe_file", pipe)
    with pytest.raises(InvalidInput, match="no connection"):
        small_tree().save("memory://tree.zarr", force=True)
    # neither the new one, nor the old one, nor some of both
    with pytest.raises((CorruptStore, MissingFile)):
        load_tree("memory://tree.zarr")


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("memory://nothing", MissingFile, "memory://nothing"),
        ("nonsense://tree", MissingFile, "nonsense"),
        ("s3://bucket/tree", MissingDependency, "s3fs"),
    ],
)
def test_urls_that_cannot_be_used_are_named(memory, url, error, words):
    with pytest.raises(error, match=words) as refusal:
        load_tree(url)
    assert "\n" not in str(refusal.value)


def test_damage_is_told_by_the_url(memory):
    small_tree().save("memory://tree.zarr")
    memory.pipe_file("/tree.zarr/nodes/age/zarr.json", b"{}")
    with pytest.raises(CorruptStore, match="memory://tree.zarr"):
        load_tree("memory://tree.zarr")


def test_no_file_is_written_outside_of_the_copy(memory, tmp_path, monkeypatch):
    monkeypatch.setattr(_place.tempfile, "tempdir", str(tmp_path / "in" / "here"))
    (tmp_path / "in" / "here").mkdir(parents=True)
    monkeypatch.setattr(type(memory), "find", lambda self, root, **_: [f"{root}/../../outside"])
    monkeypatch.setattr(type(memory), "cat_file", lambda self, path, **_: b"x")
    with pytest.raises(CorruptStore, match="outside"):
        load_tree("memory://tree.zarr")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "here"]


# ---- samples at URLs


def test_samples_at_a_url_give_the_tree_of_samples_in_memory(memory, run):
    import zarr

    values = pattern_samples(20)
    group = zarr.create_group("memory://data.zarr")
    group.create_array("samples", data=values, chunks=(6, values.shape[1]))
    names = [f"genome {number}" for number in range(20)]
    group.create_array("names", data=np.array(names, dtype=np.dtypes.StringDType()))
    samples = carving.open_samples("memory://data.zarr")
    tree: Tree = build_tree(run, samples)
    assert tree.leaves.name.tolist() == names
    assert_equal(tree, build_tree(run, values, names=names))
    assert len(samples) == 20


@pytest.mark.parametrize("url", ["memory://nothing", "memory://empty"])
def test_samples_that_are_not_there_are_named(memory, url):
    import zarr

    zarr.create_group("memory://empty")
    with pytest.raises(ValueError, match=url):
        carving.open_samples(url)
