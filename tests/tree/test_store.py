"""The tree store: what is read is what was written, or an error that says why not."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from carving.errors import CorruptStore, InvalidInput, MissingFile, OutputExists
from carving.tree import Tree, load_tree
from carving.tree._columns import Nodes
from tests.trees import random_tree, small_tree

REPOSITORY = Path(__file__).resolve().parents[2]


def assert_same(tree: Tree, other: Tree) -> None:
    for table in ("nodes", "leaves", "states", "ages"):
        mine, others = getattr(tree, table), getattr(other, table)
        for column in mine.column_types:
            np.testing.assert_array_equal(
                getattr(mine, column), getattr(others, column), err_msg=f"{table}/{column}"
            )
            assert getattr(mine, column).dtype == getattr(others, column).dtype
    assert list(tree.labels) == list(other.labels)
    for name, labels in tree.labels.items():
        np.testing.assert_array_equal(labels, other.labels[name])
    for name in ("colors", "options", "provenance", "visible_unit", "hidden_unit"):
        assert getattr(tree, name) == getattr(other, name)


texts = st.text(min_size=1, max_size=8).filter(lambda text: all(not 0xD800 <= ord(c) < 0xE000 for c in text))


# each example writes and reads some thirty arrays
@settings(max_examples=15)
@given(
    names=st.lists(texts, min_size=1, max_size=9, unique=True),
    label=texts,
    seed=st.integers(0, 10**6),
    potts=st.sampled_from([None, 3]),
)
def test_a_tree_reads_back_as_it_was(
    tmp_path_factory, names: list[str], label: str, seed: int, potts: int | None
):
    tree = random_tree(
        len(names),
        generator=np.random.default_rng(seed),
        names=names,
        labels={label: ["", *names[1:]], label + "2": names},
        colors={label: {names[0]: "#0094ff"}},
        added_root=bool(seed % 2) and len(names) > 1,
        potts_states=potts,
    )
    path = tmp_path_factory.mktemp("store") / "tree.zarr"
    tree.save(path)
    assert_same(load_tree(path), tree)


def test_births_read_back_as_they_were(tmp_path: Path):
    tree = small_tree()
    age = np.linspace(1.5, 9.5, len(tree.nodes))
    age[0] = np.nan
    uncertainty = np.linspace(0.0, 0.3, len(tree.nodes))
    born = tree.with_births(age, uncertainty)
    np.testing.assert_array_equal(born.nodes.birth_age, age)
    assert born.nodes.name.tolist() == tree.nodes.name.tolist()
    born.save(tmp_path / "tree.zarr")
    assert_same(load_tree(tmp_path / "tree.zarr"), born)


def test_births_of_another_number_of_nodes_are_refused():
    tree = small_tree()
    short = np.zeros(len(tree.nodes) - 1)
    with pytest.raises(InvalidInput, match="birth_age"):
        tree.with_births(short, np.zeros(len(tree.nodes)))


def test_a_store_of_an_earlier_version_has_no_births(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tree = random_tree(7, generator=np.random.default_rng(3))
    earlier = {name: kind for name, kind in Nodes.column_types.items() if not name.startswith("birth")}
    with monkeypatch.context() as patch:
        patch.setattr(Nodes, "column_types", earlier)
        tree.save(tmp_path / "tree.zarr")
    names = {path.name for path in (tmp_path / "tree.zarr/nodes").iterdir()}
    assert not any(name.startswith("birth") for name in names)
    found = load_tree(tmp_path / "tree.zarr")
    for column in (found.nodes.birth_age, found.nodes.birth_uncertainty):
        assert column.shape == (len(tree.nodes),)
        assert np.isnan(column).all()
    unknown = np.full(len(tree.nodes), np.nan)
    assert_same(found, tree.with_births(unknown, unknown))


def test_many_label_columns_keep_their_order(tmp_path: Path):
    tree = dataclasses.replace(small_tree(), labels={f"c{i}": ["x"] * 5 for i in range(12)}, colors={})
    tree.save(tmp_path / "tree.zarr")
    assert list(load_tree(tmp_path / "tree.zarr").labels) == [f"c{i}" for i in range(12)]


def test_the_folder_that_build_tree_wrote_is_read_as_the_tree_in_it(tmp_path: Path):
    small_tree().save(tmp_path / "tree.zarr")
    assert_same(load_tree(tmp_path), small_tree())


def test_zarr_alone_reads_the_columns_where_the_format_says(tmp_path: Path):
    small_tree().save(tmp_path / "tree.zarr")
    group = zarr.open_group(str(tmp_path / "tree.zarr"), mode="r")
    assert {name for name, _ in group.arrays()} == set()
    found = {f"{group_name}/{name}" for group_name, inside in group.groups() for name, _ in inside.arrays()}
    columns = ("name", "parent", "age", "size", "free_energy", "error", "converged", "stable")
    columns += ("birth_age", "birth_uncertainty", "support")
    states = ("node", "age", "visible", "hidden", "free_energy", "error", "converged")
    expected = {f"nodes/{name}" for name in columns} | {f"states/{name}" for name in states}
    expected |= {"fixed_points/visible", "fixed_points/hidden", "labels/0"}
    expected |= {f"leaves/{name}" for name in ("name", "node", "distance", "error", "size")}
    expected |= {
        f"ages/{name}" for name in ("updates", "groups", "largest_step", "smallest_gap", "unconverged")
    }
    assert found == expected
    assert group["labels/0"].attrs["name"] == "continent"
    assert (group.attrs["format"], group.attrs["format_version"]) == ("carving-tree", 1)


def test_numbers_of_numpy_in_options_are_stored_as_numbers(tmp_path: Path):
    tree = dataclasses.replace(
        small_tree(), options={"tolerance": np.float64(1e-6), "ages": (1, np.int64(2))}
    )
    tree.save(tmp_path / "tree.zarr")
    assert load_tree(tmp_path / "tree.zarr").options == {"tolerance": 1e-6, "ages": [1, 2]}


def test_options_that_json_cannot_carry_are_refused_and_nothing_is_written(tmp_path: Path):
    tree = dataclasses.replace(small_tree(), options={"tolerance": float("nan")})
    with pytest.raises(InvalidInput, match="options"):
        tree.save(tmp_path / "tree.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_there_is_replaced_only_when_forced(tmp_path: Path):
    small_tree().save(tmp_path / "tree.zarr")
    with pytest.raises(OutputExists):
        small_tree().save(tmp_path / "tree.zarr")
    other = random_tree(3, generator=np.random.default_rng(0))
    other.save(tmp_path / "tree.zarr", force=True)
    assert_same(load_tree(tmp_path / "tree.zarr"), other)


def test_no_store_is_a_missing_file(tmp_path: Path):
    with pytest.raises(MissingFile, match="does not exist"):
        load_tree(tmp_path / "tree.zarr")


def test_a_file_is_no_store(tmp_path: Path):
    (tmp_path / "tree.nwk").write_text("(A,B);")
    with pytest.raises(CorruptStore, match="is a file, not a tree store"):
        load_tree(tmp_path / "tree.nwk")


def test_an_empty_folder_is_no_store(tmp_path: Path):
    with pytest.raises(CorruptStore, match=r"no zarr\.json"):
        load_tree(tmp_path)


def test_another_kind_of_store_is_named(tmp_path: Path):
    zarr.create_group(str(tmp_path / "x.zarr"), attributes={"format": "carving-checkpoints"})
    with pytest.raises(CorruptStore, match="'carving-checkpoints', not 'carving-tree'"):
        load_tree(tmp_path / "x.zarr")


def test_a_newer_version_asks_for_an_upgrade(tmp_path: Path):
    small_tree().save(tmp_path / "tree.zarr")
    document = tmp_path / "tree.zarr" / "zarr.json"
    content = json.loads(document.read_text())
    content["attributes"]["format_version"] = 2
    document.write_text(json.dumps(content))
    with pytest.raises(CorruptStore, match="upgrade"):
        load_tree(tmp_path / "tree.zarr")


def test_a_healthy_chunk_in_the_place_of_another_is_noticed(tmp_path: Path):
    small_tree().save(tmp_path / "tree.zarr")
    store = tmp_path / "tree.zarr"
    (store / "nodes/age/c/0").write_bytes((store / "nodes/size/c/0").read_bytes())
    with pytest.raises(CorruptStore, match="nodes/age: its chunks differ"):
        load_tree(store)


def _corrupt(folder: Path, first: int, number: int) -> None:
    """Damage a store over and over in a process of its own; see ``tests.tree.corruption``."""
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "tests.tree.corruption",
        str(folder),
        str(first),
        str(number),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=1800)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"ended with {done.returncode} after {lines[-1:]}: {done.stderr[-2000:]}"
    assert [line for line in lines if line.startswith("wrong")] == []


def test_no_random_damage_goes_unnoticed_or_ends_in_a_traceback(tmp_path: Path):
    _corrupt(tmp_path / "tree.zarr", 0, 50)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_no_random_damage_of_thousands_goes_unnoticed_or_ends_in_a_traceback(tmp_path: Path, part: int):
    _corrupt(tmp_path / "tree.zarr", 150 + 1500 * part, 1500)
