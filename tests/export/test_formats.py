"""The registry of formats."""

import sys
from pathlib import Path

import pytest

import carving.export
from carving.errors import InvalidInput
from carving.export import ExportOptions, formats
from tests.trees import small_tree


def test_formats_are_known_by_name():
    nested = {"newick", "nhx", "nexus", "phyloxml", "auspice", "microreact"}
    assert set(formats()) >= {*nested, "graphml", "itol", "csv", "parquet"}


@pytest.mark.parametrize("name", sorted(formats()))
def test_every_format_writes_under_its_own_name_in_a_folder(name: str, tmp_path: Path):
    formats()[name].write_into(small_tree(), tmp_path, ExportOptions())
    suffixes = {"csv", "parquet"}
    expected = {f"nodes.{name}", f"leaves.{name}"} if name in suffixes else {formats()[name].target}
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_one_new_file_is_a_new_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "sizes.py").write_text(
        "from carving.export import Format\n"
        "def write(tree, target, options):\n"
        "    target.write_text(str(len(tree.leaves)))\n"
        "FORMAT = Format(name='sizes', target='tree.sizes', description='', write=write)\n"
    )
    monkeypatch.setattr(carving.export, "__path__", [*carving.export.__path__, str(tmp_path)])
    carving.export._found.cache_clear()
    try:
        formats()["sizes"].write_into(small_tree(), tmp_path, ExportOptions())
    finally:
        carving.export._found.cache_clear()
        sys.modules.pop("carving.export.sizes")
    assert (tmp_path / "tree.sizes").read_text() == "5"


def test_options_reach_the_format(tmp_path: Path):
    options = ExportOptions(
        branch_length="free-energy", keep_unary=True, precision=3, node_labels="age", force=True
    )
    (tmp_path / "tree.nwk").write_text("old")
    formats()["newick"].write_into(small_tree(), tmp_path, options)
    assert "(C:0)100:1" in (tmp_path / "tree.nwk").read_text()


@pytest.mark.parametrize("name", sorted(formats()))
def test_no_format_fails_for_an_option_that_it_has_no_use_for(name: str, tmp_path: Path):
    options = ExportOptions("log-age", True, 3, "age", "continent")
    formats()[name].write_into(small_tree(), tmp_path, options)


@pytest.mark.parametrize("name", ["newick", "nhx", "nexus", "phyloxml", "microreact"])
def test_precision_is_in_significant_digits(name: str, tmp_path: Path):
    formats()[name].write_into(small_tree(), tmp_path, ExportOptions(precision=3))
    path = tmp_path / formats()[name].target
    text = (path / "tree.nwk" if path.is_dir() else path).read_text()
    # the length from A's and B's node to its parent, √(1/8)
    assert "0.354" in text
    assert "0.3535" not in text


@pytest.mark.parametrize("precision", [0, 18, -1])
@pytest.mark.parametrize("name", ["newick", "nhx", "nexus", "phyloxml", "microreact"])
def test_a_precision_that_no_number_has_is_refused(name: str, precision: int, tmp_path: Path):
    with pytest.raises(InvalidInput, match=f"precision {precision}: give 1 to 17 significant digits"):
        formats()[name].write_into(small_tree(), tmp_path, ExportOptions(precision=precision))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nexus", "phyloxml", "auspice", "itol"])
def test_a_column_of_colours_that_is_not_there_is_refused(name: str, tmp_path: Path):
    with pytest.raises(InvalidInput, match="label column 'x': unknown; choose from continent"):
        formats()[name].write_into(small_tree(), tmp_path, ExportOptions(color_by="x"))
    assert list(tmp_path.iterdir()) == []
