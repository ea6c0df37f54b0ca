"""The flat tables as pandas reads them."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pandas
import pytest

from carving.export import write_leaves_csv, write_nodes_csv
from carving.tree.topology import branch_lengths
from tests.trees import random_tree, small_tree


def test_pandas_reads_the_nodes_in_their_types(tmp_path: Path):
    tree = random_tree(30, generator=np.random.default_rng(5), added_root=True)
    write_nodes_csv(tree, tmp_path / "nodes.csv")
    table = pandas.read_csv(tmp_path / "nodes.csv")
    for name in ("age", "size", "free_energy", "error", "converged", "stable"):
        np.testing.assert_allclose(table[name], getattr(tree.nodes, name), rtol=1e-15)
    assert table["converged"].dtype == bool
    assert table["name"].tolist() == tree.nodes.name.tolist()


def test_support_is_in_the_nodes_and_empty_where_it_is_unknown(tmp_path: Path):
    write_nodes_csv(
        small_tree().with_support(np.array([1, np.nan, 0.5, 0.25, np.nan])), tmp_path / "nodes.csv"
    )
    with open(tmp_path / "nodes.csv", newline="") as file:
        assert [row["support"] for row in csv.DictReader(file)] == ["1.0", "", "0.5", "0.25", ""]


def test_nodes_name_their_parents_and_the_root_has_none(tmp_path: Path):
    write_nodes_csv(small_tree(), tmp_path / "nodes.csv")
    table = pandas.read_csv(tmp_path / "nodes.csv", keep_default_na=False)
    assert table["parent"].tolist() == ["t10.0", "t10.0", "t1.0", "t1.0", ""]


@pytest.mark.parametrize(
    ("column", "kind"),
    [("distance", "distance"), ("log_age", "log-age"), ("free_energy_change", "free-energy")],
)
def test_nodes_have_all_three_branch_lengths(tmp_path: Path, column: str, kind: str):
    write_nodes_csv(small_tree(), tmp_path / "nodes.csv")
    table = pandas.read_csv(tmp_path / "nodes.csv")
    np.testing.assert_allclose(table[column], branch_lengths(small_tree(), kind)[:5], rtol=1e-15)


def test_pandas_reads_the_leaves_with_labels_and_colours(tmp_path: Path):
    write_leaves_csv(small_tree(), tmp_path / "leaves.csv")
    table = pandas.read_csv(tmp_path / "leaves.csv", keep_default_na=False)
    assert table.to_dict("list") == {
        "name": ["A", "B", "C", "D", "E"],
        "node": ["t100.0", "t100.0", "t100.1", "t100.2", "t100.2"],
        "distance": [0.0, 0.1, 0.2, 0.3, 0.4],
        "error": [0.0] * 5,
        "size": [1] * 5,
        "continent": ["EUR", "EUR", "", "AFR", "AFR"],
        "continent_color": ["#0094ff", "#0094ff", "", "#ff8800", "#ff8800"],
    }


def test_label_columns_never_hide_one_another(tmp_path: Path):
    column = np.array(["x"] * 5, dtype=object)
    names = ["name", "name_", "continent", "continent_color"]
    tree = dataclasses.replace(
        small_tree(), labels=dict.fromkeys(names, column), colors={"continent": {"x": "#000000"}}
    )
    write_leaves_csv(tree, tmp_path / "leaves.csv")
    table = pandas.read_csv(tmp_path / "leaves.csv")
    assert len(set(table.columns)) == len(table.columns) == 10


def test_numbers_read_back_to_the_last_bit(tmp_path: Path):
    tree = random_tree(30, generator=np.random.default_rng(5))
    write_leaves_csv(tree, tmp_path / "leaves.csv")
    with open(tmp_path / "leaves.csv", newline="") as file:
        found = [float(row["distance"]) for row in csv.DictReader(file)]
    assert found == tree.leaves.distance.tolist()
