"""The pair for Microreact: every leaf of the tree has a row, and every known label a colour."""

import csv
import dataclasses
from pathlib import Path

import dendropy
import numpy as np
import pytest

from carving.errors import InvalidInput
from carving.export import write_microreact
from carving.tree import Tree
from carving.tree.colors import PALETTE
from tests.trees import small_tree


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "metadata.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def weighed() -> Tree:
    tree = small_tree()
    return dataclasses.replace(
        tree,
        leaves=dataclasses.replace(tree.leaves, size=np.array([1, 2, 3, 4, 5])),
        nodes=dataclasses.replace(tree.nodes, size=np.array([3, 3, 9, 6, 15])),
    )


def test_ids_of_rows_are_the_leaves_of_the_tree(tmp_path: Path):
    write_microreact(small_tree(), tmp_path / "out")
    tree = dendropy.Tree.get(path=tmp_path / "out" / "tree.nwk", schema="newick")
    assert [leaf.taxon.label for leaf in tree.leaf_node_iter()] == [
        row["id"] for row in table(tmp_path / "out")
    ]


def test_labels_have_their_colours_beside_them(tmp_path: Path):
    write_microreact(small_tree(), tmp_path / "out")
    blue = {"continent": "EUR", "continent__colour": "#0094ff"}
    orange = {"continent": "AFR", "continent__colour": "#ff8800"}
    unknown = {"continent": "", "continent__colour": ""}
    rows = [blue, blue, unknown, orange, orange]
    assert table(tmp_path / "out") == [{"id": name, **row} for name, row in zip("ABCDE", rows, strict=True)]


def test_labels_without_colours_get_some(tmp_path: Path):
    tree = dataclasses.replace(small_tree(), labels={"c": np.array(list("abcde"), dtype=object)}, colors={})
    write_microreact(tree, tmp_path / "out")
    assert [row["c__colour"] for row in table(tmp_path / "out")] == list(PALETTE[:5])


def test_sizes_are_there_when_leaves_stand_for_several_samples(tmp_path: Path):
    write_microreact(weighed(), tmp_path / "out")
    assert [row["size"] for row in table(tmp_path / "out")] == list("12345")


def test_label_columns_never_hide_one_another(tmp_path: Path):
    column = np.array(["x"] * 5, dtype=object)
    names = ["id", "id_", "size", "c", "c__colour"]
    tree = dataclasses.replace(weighed(), labels=dict.fromkeys(names, column), colors={})
    write_microreact(tree, tmp_path / "out")
    with open(tmp_path / "out" / "metadata.csv", newline="") as file:
        header = next(csv.reader(file))
    assert len(set(header)) == len(header) == 2 + 2 * len(names)


def test_a_refused_name_is_said_of_the_folder_that_was_asked_for_and_nothing_is_left(tmp_path: Path):
    leaves = dataclasses.replace(small_tree().leaves, name=["A\n", "B", "C", "D", "E"])
    with pytest.raises(InvalidInput) as refused:
        write_microreact(dataclasses.replace(small_tree(), leaves=leaves), tmp_path / "out")
    assert str(refused.value).startswith(f"{tmp_path / 'out' / 'tree.nwk'}: name 'A\\n': ")
    assert list(tmp_path.iterdir()) == []
