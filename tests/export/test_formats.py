"""The registry of formats."""

import sys
from pathlib import Path

import pytest

import carving.export
from carving.export import ExportOptions, formats
from tests.trees import small_tree


def test_formats_are_known_by_name():
    assert set(formats()) >= {"newick", "nhx", "graphml", "itol", "csv"}


@pytest.mark.parametrize("name", sorted(formats()))
def test_every_format_writes_under_its_own_name_in_a_folder(name: str, tmp_path: Path):
    formats()[name].write_into(small_tree(), tmp_path, ExportOptions())
    expected = {"csv": {"nodes.csv", "leaves.csv"}}.get(name, {formats()[name].target})
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
    options = ExportOptions(branch_length="free-energy", keep_unary=True)
    formats()["newick"].write_into(small_tree(), tmp_path, options)
    assert "(C:0.0)t100.1:1.0" in (tmp_path / "tree.nwk").read_text()
