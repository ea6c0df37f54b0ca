"""The flat tables as pyarrow and pandas read them."""

import csv
import dataclasses
import sys
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

import carving.export.parquet
from carving.errors import MissingDependency, OutputExists
from carving.export import (
    write_leaves_csv,
    write_leaves_parquet,
    write_nodes_csv,
    write_nodes_parquet,
)
from tests.trees import random_tree, small_tree


def test_pandas_reads_the_nodes_in_their_types_and_to_the_last_bit(tmp_path: Path):
    tree = random_tree(30, generator=np.random.default_rng(5), added_root=True)
    write_nodes_parquet(tree, tmp_path / "nodes.parquet")
    table = pandas.read_parquet(tmp_path / "nodes.parquet")
    for name in ("age", "size", "free_energy", "error", "converged", "stable", "birth_age", "support"):
        expected = getattr(tree.nodes, name)
        assert table[name].dtype == expected.dtype
        np.testing.assert_array_equal(table[name], expected)
    assert table["name"].tolist() == tree.nodes.name.tolist()
    assert pandas.isna(table["parent"].iloc[-1])


def test_columns_are_those_of_the_csv(tmp_path: Path):
    for write, read, name in (
        (write_nodes_csv, write_nodes_parquet, "nodes"),
        (write_leaves_csv, write_leaves_parquet, "leaves"),
    ):
        write(small_tree(), tmp_path / f"{name}.csv")
        read(small_tree(), tmp_path / f"{name}.parquet")
        with open(tmp_path / f"{name}.csv", newline="") as file:
            header = next(csv.reader(file))
        assert pyarrow.parquet.read_schema(tmp_path / f"{name}.parquet").names == header


def test_unknown_labels_are_null(tmp_path: Path):
    write_leaves_parquet(small_tree(), tmp_path / "leaves.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "leaves.parquet")
    assert table["continent"].to_pylist() == ["EUR", "EUR", None, "AFR", "AFR"]
    assert table["continent_color"].to_pylist() == ["#0094ff", "#0094ff", None, "#ff8800", "#ff8800"]


def test_rows_come_in_groups_that_can_be_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(carving.export.parquet, "ROW_GROUP", 2)
    write_leaves_parquet(small_tree(), tmp_path / "leaves.parquet")
    file = pyarrow.parquet.ParquetFile(tmp_path / "leaves.parquet")
    assert [file.read_row_group(index)["name"].to_pylist() for index in range(3)] == [
        ["A", "B"],
        ["C", "D"],
        ["E"],
    ]


@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=5, max_size=5, unique=True
    )
)
def test_any_names_read_back(names: list[str], tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.getbasetemp() / "leaves.parquet"
    tree = dataclasses.replace(small_tree(), leaves=dataclasses.replace(small_tree().leaves, name=names))
    write_leaves_parquet(tree, path, force=True)
    assert pyarrow.parquet.read_table(path)["name"].to_pylist() == names


def test_a_file_that_is_there_is_replaced_only_when_forced(tmp_path: Path):
    (tmp_path / "nodes.parquet").write_text("mine")
    with pytest.raises(OutputExists):
        write_nodes_parquet(small_tree(), tmp_path / "nodes.parquet")
    write_nodes_parquet(small_tree(), tmp_path / "nodes.parquet", force=True)
    assert len(pyarrow.parquet.read_table(tmp_path / "nodes.parquet")) == 5


def test_without_pyarrow_the_extra_that_has_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependency, match=r"^pyarrow: .*pip install 'carving\[parquet\]'$"):
        write_nodes_parquet(small_tree(), tmp_path / "nodes.parquet")
    assert list(tmp_path.iterdir()) == []
