"""Each command does what its help says, on a small workspace."""

import csv
import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import carving
from tests.cli.workspace import AGES, NAMES, succeed


def test_build_tree_leaves_the_folder_that_the_formats_page_names(here: Path):
    succeed("build-tree", "ck", "--samples", "samples.npz", "--labels", "labels.csv", "-o", "out")
    written = {path.relative_to(here / "out").as_posix() for path in (here / "out").glob("*")}
    expected = {"tree.zarr", "tree.nwk", "tree.nhx", "tree.graphml", "nodes.csv", "leaves.csv", "itol"}
    assert written == {*expected, "summary.json"}
    names = {path.name for path in (here / "out" / "itol").iterdir()}
    assert names == {"group.txt", "group-branches.txt", "states.txt", "collapsed.txt"}


def test_build_tree_takes_the_samples_that_the_store_holds(here: Path):
    succeed("build-tree", "ck", "-o", "kept")
    succeed("build-tree", "ck", "--samples", "samples.npz", "-o", "given")
    kept, given = (carving.load_tree(here / name) for name in ("kept", "given"))
    assert kept.leaves.name.tolist() == given.leaves.name.tolist() == NAMES
    assert kept.nodes.parent.tolist() == given.nodes.parent.tolist()


def test_the_finished_work_folder_is_removed(here: Path):
    succeed("build-tree", "ck", "-o", "out")
    assert not (here / "out.partial").exists()


def test_the_patterns_of_the_machine_are_the_groups_of_the_tree(here: Path):
    tree = carving.load_tree(here / "tree")
    groups = tree.partition(max(AGES))
    assert len(set(groups.tolist())) == 4
    assert all(len(set(groups[tree.labels["group"] == f"g{i}"].tolist())) == 1 for i in range(4))


@pytest.mark.parametrize("rows", ["0:7", ":7", "33:"])
def test_rows_choose_samples_from_a_file_and_from_the_store(here: Path, rows: str):
    succeed("build-tree", "ck", "--samples", "samples.npz", "--rows", rows, "-o", "given")
    succeed("build-tree", "ck", "--rows", rows, "-o", "kept")
    expected = NAMES[33:] if rows == "33:" else NAMES[:7]
    assert carving.load_tree(here / "given").leaves.name.tolist() == expected
    assert carving.load_tree(here / "kept").leaves.name.tolist() == expected


def test_a_tree_of_one_sample_and_one_checkpoint_is_a_tree(here: Path):
    succeed("build-tree", "ck", "--rows", "0:1", "--ages", "100", "-o", "out")
    tree = carving.load_tree(here / "out")
    assert (len(tree.leaves), len(tree.nodes)) == (1, 1)


def test_options_reach_the_tree(here: Path):
    succeed(
        "build-tree", "ck", "--order", 1, "--tolerance", "1e-5", "--linkage-distance", "0.02",
        "--ages", "1,100", "--batch-size", 3, "--device", "cpu", "-o", "out",
    )  # fmt: skip
    options = carving.load_tree(here / "out").options
    assert options["order"] == 1
    assert options["tolerance"] == 1e-5
    assert options["linkage_distance"] == 0.02
    assert options["ages"] == "1,100"


def test_threads_are_set_for_the_computation(here: Path):
    succeed("query", "ck", "--rows", "0:1", "--threads", 2)
    assert torch.get_num_threads() == 2


def test_the_branch_length_of_exported_files_can_be_chosen(here: Path):
    succeed("build-tree", "ck", "--branch-length", "log-age", "-o", "out")
    assert (here / "out" / "tree.nwk").read_text() != (here / "tree" / "tree.nwk").read_text()
    succeed("export", "out", "--format", "newick", "--branch-length", "distance", "-o", "again.nwk")
    assert (here / "again.nwk").read_text() == (here / "tree" / "tree.nwk").read_text()


def test_force_replaces_an_earlier_tree(here: Path):
    succeed("build-tree", "ck", "--rows", "0:3", "--force", "-o", "tree")
    assert len(carving.load_tree(here / "tree").leaves) == 3


def test_a_format_that_cannot_hold_a_name_is_left_out_with_a_warning(here: Path):
    names = [f"sample\n{number}" for number in range(40)]
    np.savez(here / "odd.npz", samples=np.load(here / "samples.npz")["samples"], names=np.array(names))
    result = succeed("build-tree", "ck", "--samples", "odd.npz", "-o", "out")
    assert not (here / "out" / "tree.nwk").exists()
    assert "Warning: newick was left out: out/tree.nwk: name" in result.stderr
    assert carving.load_tree(here / "out").leaves.name.tolist() == names
    assert "newick" in json.loads((here / "out" / "summary.json").read_text())["left_out"]


def test_rows_about_other_samples_are_counted_in_a_warning(here: Path):
    with open("labels.csv", "a", encoding="utf-8") as file:
        file.write("stranger,g1\nanother,g2\n")
    result = succeed("build-tree", "ck", "--labels", "labels.csv", "-o", "out")
    assert "Warning: labels.csv: 2 rows are about names that are not among the samples" in result.stderr


def test_missing_labels_may_be_allowed(here: Path):
    Path("some.csv").write_text("name,group\nsample 3,g0\n", encoding="utf-8")
    succeed("build-tree", "ck", "--labels", "some.csv", "--missing-labels", "allow", "-o", "out")
    assert carving.load_tree(here / "out").labels["group"].tolist() == [
        "g0" if i == 3 else "" for i in range(40)
    ]


def test_too_little_memory_is_said_before_the_start(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("carving_cli._memory.available", lambda device: 1000)
    result = succeed("build-tree", "ck", "-o", "out")
    assert "Warning: about" in result.stderr
    assert "--batch-size" in result.stderr


def test_query_holds_the_fixed_points_of_one_age(here: Path):
    succeed("query", "ck", "--age", 10, "--samples", "samples.npz", "-o", "points.npz")
    expected = carving.fixed_points(
        carving.open_checkpoints("ck").at_age(10), np.load("samples.npz")["samples"]
    )
    with np.load("points.npz") as points:
        columns = {
            "names",
            "age",
            "visible",
            "hidden",
            "free_energy",
            "error",
            "converged",
            "stable",
            "sweeps",
        }
        assert set(points.files) == columns
        assert points["age"] == 10
        assert points["names"].tolist() == NAMES
        np.testing.assert_array_equal(points["visible"], expected.visible.numpy())
        np.testing.assert_array_equal(points["hidden"], expected.hidden.numpy())


def test_query_takes_the_oldest_age_and_the_kept_samples(here: Path):
    succeed("query", "ck")
    with np.load("points.npz") as points:
        assert points["age"] == max(AGES)
        assert len(points["visible"]) == 40


def test_samples_of_the_tree_are_placed_in_their_own_states(here: Path):
    succeed("place", "tree", "ck", "--samples", "samples.npz", "-o", "placed.csv")
    tree = carving.load_tree(here / "tree")
    with open("placed.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["name", "node", "distance", "converged"]
    assert [row["name"] for row in rows] == NAMES
    assert [row["node"] for row in rows] == tree.nodes.name[tree.leaves.node].tolist()
    assert {row["converged"] for row in rows} == {"true"}


@pytest.mark.parametrize("name", ["tree", "tree/tree.zarr"])
def test_a_tree_may_be_named_by_its_folder_or_its_store(here: Path, name: str):
    succeed("place", name, "ck", "--samples", "samples.npz", "-o", "placed.csv")
    assert "40 samples" in succeed("info", name).stdout
    succeed("export", name, "--format", "newick", "-o", "x.nwk")


def test_export_writes_several_formats_into_a_new_folder(here: Path):
    succeed("export", "tree", "--format", "newick", "--format", "csv", "--format", "itol", "-o", "more")
    assert {path.name for path in (here / "more").iterdir()} == {
        "tree.nwk",
        "nodes.csv",
        "leaves.csv",
        "itol",
    }


def test_export_writes_beside_the_tree_by_default(here: Path):
    (here / "tree" / "tree.nwk").unlink()
    result = succeed("export", "tree", "--format", "newick")
    assert (here / "tree" / "tree.nwk").exists()
    assert result.stdout == "tree/tree.nwk\n"


def test_export_to_standard_output_is_the_file_and_nothing_else(here: Path):
    result = succeed("export", "tree", "--format", "newick", "-o", "-")
    assert result.stdout_bytes == (here / "tree" / "tree.nwk").read_bytes()


def test_export_writes_every_format_that_there_is(here: Path):
    arguments = [word for name in carving.export.formats() for word in ("--format", name)]
    result = succeed("export", "tree", *arguments, "-o", "all")
    targets = {format.target for format in carving.export.formats().values()} - {"."}
    tables = {f"{table}.{name}" for table in ("nodes", "leaves") for name in ("csv", "parquet")}
    assert {path.name for path in (here / "all").iterdir()} == targets | tables
    assert sorted(result.stdout.split()) == sorted(f"all/{name}" for name in targets | tables)


def test_digits_and_labels_of_nodes_can_be_chosen_for_an_export(here: Path):
    succeed("export", "tree", "--format", "newick", "--precision", 3, "--node-labels", "age", "-o", "x.nwk")
    text = (here / "x.nwk").read_text()
    assert not re.search(r"\.\d{7}", text)
    assert {int(age) for age in re.findall(r"\)(\d+)", text)} <= set(AGES)


def test_the_column_of_colours_can_be_chosen_for_an_export(here: Path):
    tree = carving.load_tree(here / "tree")
    other = np.array([f"n{index % 2}" for index in range(40)], dtype=object)
    dataclasses.replace(tree, labels={**tree.labels, "other": other}).save(here / "two.zarr")
    succeed("export", "two.zarr", "--format", "nexus", "-o", "a.nex")
    succeed("export", "two.zarr", "--format", "nexus", "--color-by", "other", "-o", "b.nex")
    colors = [
        set(re.findall(r"'\[&!color=(\S+)\]", (here / name).read_text())) for name in ("a.nex", "b.nex")
    ]
    assert [len(found) for found in colors] == [4, 2]


def test_auspice_has_an_axis_of_log_age_unless_another_is_chosen(here: Path):
    succeed("export", "tree", "--format", "auspice", "-o", "a.json")
    succeed("export", "tree", "--format", "auspice", "--branch-length", "log-age", "-o", "b.json")
    succeed("export", "tree", "--format", "auspice", "--branch-length", "distance", "-o", "c.json")
    texts = [(here / name).read_text() for name in ("a.json", "b.json", "c.json")]
    assert texts[0] == texts[1] != texts[2]


def test_export_lists_the_formats_that_there_are(here: Path):
    result = succeed("export", "--list")
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(carving.export.formats())


def test_export_with_force_replaces_files_and_folders(here: Path):
    (here / "tree" / "itol" / "old.txt").write_text("old")
    succeed("export", "tree", "--format", "newick", "--format", "itol", "--force")
    names = {path.name for path in (here / "tree" / "itol").iterdir()}
    assert names == {"group.txt", "group-branches.txt", "states.txt", "collapsed.txt"}


def test_checkpoints_go_to_rbms_and_come_back(here: Path):
    succeed("export-checkpoints", "ck", "--to", "rbms", "-o", "out.h5")
    succeed("import", "out.h5", "back")
    there, back = carving.open_checkpoints("ck"), carving.open_checkpoints("back")
    assert back.ages.tolist() == there.ages.tolist()
    np.testing.assert_array_equal(back[-1].weights.numpy(), there[-1].weights.numpy())


def test_info_tells_the_machine_and_the_ages(here: Path):
    text = succeed("info", "ck").stdout
    assert "24 bernoulli visible units, 24 bernoulli hidden units" in text
    assert "3, at ages 1 10 100" in text
    assert "40 kept" in text


def test_info_of_a_store_without_checkpoints_says_so(here: Path):
    carving.create_checkpoints("empty").close()
    assert "none yet" in succeed("info", "empty").stdout


def test_train_and_build_tree_work_without_any_option(here: Path):
    succeed("train", "samples.npz", "trained", "--updates", 20, "--save", "exponential:4")
    assert carving.open_checkpoints("trained").ages.tolist()[-1] == 20
    shutil.rmtree("tree")
    succeed("build-tree", "trained")
    assert carving.load_tree("tree").leaves.name.tolist() == NAMES


def test_a_longer_training_goes_on_where_the_shorter_ended(here: Path):
    settings = ("--hidden", 5, "--chains", 10, "--batch-size", 10)
    succeed("train", "samples.npz", "short", "--updates", 10, "--save", "linear:5", *settings)
    succeed("train", "samples.npz", "short", "--updates", 20, "--save", "linear:10", "--resume", *settings)
    succeed("train", "samples.npz", "long", "--updates", 20, "--save", "linear:10", *settings)
    resumed, whole = carving.open_checkpoints("short"), carving.open_checkpoints("long")
    assert resumed.ages[-1] == whole.ages[-1] == 20
    assert resumed[-1].weights.equal(whole[-1].weights)
