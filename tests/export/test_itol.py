"""iTOL annotations: read by the rules of iTOL's own templates."""

import colorsys
import dataclasses
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from carving.errors import InvalidInput, OutputExists
from carving.export import write_itol
from carving.tree import Tree
from carving.tree.colors import OTHER, PALETTE, label_colors
from tests.trees import small_tree


def labelled(column: str, labels: list[str], colors: dict[str, str] | None = None) -> Tree:
    return dataclasses.replace(
        small_tree(),
        labels={column: np.array(labels, dtype=object)},
        colors={column: colors} if colors else {},
    )


def strip(path: Path, template: str = "DATASET_COLORSTRIP") -> tuple[dict[str, list[str]], list[list[str]]]:
    """Settings and data of a template file with ``SEPARATOR TAB``."""
    head, data = path.read_text(encoding="utf-8").split("\nDATA\n")
    lines = head.split("\n")
    assert lines[:2] == [template, "SEPARATOR TAB"]
    settings = {line.split("\t")[0]: line.split("\t")[1:] for line in lines[2:]}
    return settings, [line.split("\t") for line in data.splitlines()]


def test_every_known_label_is_a_row_with_the_given_colour(tmp_path: Path):
    write_itol(small_tree(), tmp_path / "itol")
    _, data = strip(tmp_path / "itol" / "continent.txt")
    assert data == [
        ["A", "#0094ff", "EUR"],
        ["B", "#0094ff", "EUR"],
        ["D", "#ff8800", "AFR"],
        ["E", "#ff8800", "AFR"],
    ]


def test_the_legend_has_a_shape_a_colour_and_a_label_each(tmp_path: Path):
    write_itol(small_tree(), tmp_path / "itol")
    settings, _ = strip(tmp_path / "itol" / "continent.txt")
    assert settings["LEGEND_TITLE"] == ["continent"]
    assert settings["LEGEND_SHAPES"] == ["1", "1"]
    assert settings["LEGEND_LABELS"] == ["AFR", "EUR"]
    assert settings["LEGEND_COLORS"] == ["#ff8800", "#0094ff"]


def test_labels_without_colours_get_different_ones(tmp_path: Path):
    write_itol(labelled("c", list("abcde"), {"a": PALETTE[0]}), tmp_path / "itol")
    _, data = strip(tmp_path / "itol" / "c.txt")
    assert [color for _, color, _ in data] == list(PALETTE[:5])


def test_forty_labels_get_forty_colours():
    assert len(set(label_colors([str(i) for i in range(40)], distinct=True).values())) == 40


# Viénot, Brettel and Mollon (1999): linear RGB as red- and green-blind eyes see it
_DICHROMATS = {
    "protanope": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deuteranope": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


@pytest.mark.parametrize("kind", _DICHROMATS)
def test_the_palette_stays_distinct_for_the_colour_blind(kind: str):
    seen = []
    for color in PALETTE:
        rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]) ** 2.2
        seen.append(np.clip(np.array(_DICHROMATS[kind]) @ rgb, 0, 1) ** (1 / 2.2))
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 0.1


def test_invented_colours_are_neither_white_nor_black():
    for color in set(label_colors([str(i) for i in range(60)], distinct=True).values()) - set(PALETTE):
        red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
        assert 0.2 < colorsys.rgb_to_hls(red, green, blue)[1] < 0.8


def test_a_column_name_that_no_file_can_have_is_escaped_and_kept_in_the_legend(tmp_path: Path):
    write_itol(labelled("../a/b c", ["x"] * 5), tmp_path / "itol")
    names = {path.name for path in (tmp_path / "itol").iterdir()}
    name = "%2E.%2Fa%2Fb c"
    assert names == {f"{name}.txt", f"{name}-branches.txt", "states.txt", "collapsed.txt"}
    assert strip(tmp_path / "itol" / f"{name}.txt")[0]["DATASET_LABEL"] == ["../a/b c"]


def test_a_tree_without_labels_has_its_states_in_grey(tmp_path: Path):
    write_itol(dataclasses.replace(small_tree(), labels={}, colors={}), tmp_path / "itol")
    assert {path.name for path in (tmp_path / "itol").iterdir()} == {"states.txt", "collapsed.txt"}
    settings, data = strip(tmp_path / "itol" / "states.txt", "DATASET_SYMBOL")
    assert "LEGEND_TITLE" not in settings
    assert {row[3] for row in data} == {OTHER}


def test_states_are_circles_whose_area_is_their_size(tmp_path: Path):
    write_itol(small_tree(), tmp_path / "itol")
    settings, data = strip(tmp_path / "itol" / "states.txt", "DATASET_SYMBOL")
    assert settings["DATASET_LABEL"] == ["states"]
    assert settings["LEGEND_LABELS"] == ["AFR", "EUR"]
    assert float(settings["MAXIMUM_SIZE"][0]) > 0
    # node, symbol, size, colour, filled, place on the branch, label; t100.1, of one leaf, is joined with it
    found = {name: (symbol, float(size) ** 2, color, rest) for name, symbol, size, color, *rest in data}
    sizes = {"t100.0": 2, "t100.2": 2, "t10.0": 3, "t1.0": 5}
    colors = {"t100.0": "#0094ff", "t100.2": "#ff8800", "t10.0": "#0094ff", "t1.0": OTHER}
    assert found == {
        name: ("2", pytest.approx(size, rel=1e-4), colors[name], ["1", "1", f"{size} samples"])
        for name, size in sizes.items()
    }


def test_branches_have_the_colour_of_more_than_half_below(tmp_path: Path):
    write_itol(small_tree(), tmp_path / "itol")
    text = (tmp_path / "itol" / "continent-branches.txt").read_text()
    head, rows = text.split("DATA\n")
    assert head == "TREE_COLORS\nSEPARATOR TAB\n"
    found = {name: rest for name, *rest in (row.split("\t") for row in rows.splitlines())}
    blue, orange = dict.fromkeys(["A", "B", "t100.0", "t10.0"], "#0094ff"), dict.fromkeys("DE", "#ff8800")
    colors = {**blue, **orange, "t100.2": "#ff8800", "C": OTHER, "t1.0": OTHER}
    assert found == {name: ["branch", color, "normal", "1"] for name, color in colors.items()}


def test_states_of_the_oldest_age_can_be_collapsed(tmp_path: Path):
    write_itol(small_tree(), tmp_path / "itol")
    assert (tmp_path / "itol" / "collapsed.txt").read_text() == "COLLAPSE\nDATA\nt100.0\nt100.2\n"


def test_bars_show_how_many_samples_a_leaf_stands_for(tmp_path: Path):
    tree = small_tree()
    tree = dataclasses.replace(
        tree,
        leaves=dataclasses.replace(tree.leaves, size=np.array([1, 2, 3, 4, 5])),
        nodes=dataclasses.replace(tree.nodes, size=np.array([3, 3, 9, 6, 15])),
    )
    write_itol(tree, tmp_path / "itol")
    _, data = strip(tmp_path / "itol" / "sizes.txt", "DATASET_SIMPLEBAR")
    assert data == [[name, size] for name, size in zip("ABCDE", "12345", strict=True)]


def test_files_never_hide_one_another(tmp_path: Path):
    names = ["states", "collapsed", "x", "x-branches", "y" * 300, "y" * 299]
    tree = dataclasses.replace(
        small_tree(), labels=dict.fromkeys(names, np.array(list("abcde"), dtype=object)), colors={}
    )
    write_itol(tree, tmp_path / "itol")
    assert len(list((tmp_path / "itol").iterdir())) == 2 + 2 * len(names)


def test_a_column_of_unknown_labels_has_no_legend(tmp_path: Path):
    write_itol(labelled("c", [""] * 5), tmp_path / "itol")
    settings, data = strip(tmp_path / "itol" / "c.txt")
    assert data == []
    assert "LEGEND_TITLE" not in settings


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "#1"])
def test_names_that_itol_cannot_read_are_refused_and_nothing_is_written(tmp_path: Path, name: str):
    leaves = dataclasses.replace(small_tree().leaves, name=np.array([name, "B", "C", "D", "E"], dtype=object))
    with pytest.raises(InvalidInput, match="export as csv instead"):
        write_itol(dataclasses.replace(small_tree(), leaves=leaves), tmp_path / "itol")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_replaced_only_when_forced(tmp_path: Path):
    write_itol(labelled("old", ["x"] * 5), tmp_path / "itol")
    with pytest.raises(OutputExists):
        write_itol(small_tree(), tmp_path / "itol")
    write_itol(small_tree(), tmp_path / "itol", force=True)
    names = {path.name for path in (tmp_path / "itol").iterdir()}
    assert names == {"continent.txt", "continent-branches.txt", "states.txt", "collapsed.txt"}
