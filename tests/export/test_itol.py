"""iTOL colour strips: read by the rules of iTOL's own templates."""

import colorsys
import dataclasses
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from carving.errors import InvalidInput, OutputExists
from carving.export import write_itol
from carving.tree import Tree
from carving.tree.colors import PALETTE, label_colors
from tests.trees import small_tree


def labelled(column: str, labels: list[str], colors: dict[str, str] | None = None) -> Tree:
    return dataclasses.replace(
        small_tree(),
        labels={column: np.array(labels, dtype=object)},
        colors={column: colors} if colors else {},
    )


def strip(path: Path) -> tuple[dict[str, list[str]], list[list[str]]]:
    """Settings and data of a template file with ``SEPARATOR TAB``."""
    head, data = path.read_text(encoding="utf-8").split("\nDATA\n")
    lines = head.split("\n")
    assert lines[:2] == ["DATASET_COLORSTRIP", "SEPARATOR TAB"]
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
    (path,) = (tmp_path / "itol").iterdir()
    assert path.name == "%2E.%2Fa%2Fb c.txt"
    assert strip(path)[0]["DATASET_LABEL"] == ["../a/b c"]


def test_a_tree_without_labels_writes_nothing(tmp_path: Path):
    write_itol(dataclasses.replace(small_tree(), labels={}, colors={}), tmp_path / "itol")
    assert list(tmp_path.iterdir()) == []


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
    assert [path.name for path in (tmp_path / "itol").iterdir()] == ["continent.txt"]
