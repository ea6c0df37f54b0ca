"""``carve labels``: what it says and leaves, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score

import carving
from tests.cli.workspace import NAMES, SITES, run, succeed

ALL = ["composition.csv", "enrichment.csv", "levels.csv", "separations.csv", "sites.csv", "splits.csv"]


def left(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_it_says_which_age_agrees_and_writes_nothing(here: Path):
    before = left(".")
    text = succeed("labels", "tree").stdout
    assert left(".") == before
    assert "40 samples fall into 4 states at age 100" in text
    assert text.splitlines()[-1].split() == ["group", "100", "4", "1.000", "0.001"]
    assert max(map(len, text.splitlines())) <= 100


def test_json_holds_the_numbers(here: Path):
    said = json.loads(succeed("labels", "tree", "--permutations", 49, "--json").stdout)
    tree = carving.load_tree("tree/tree.zarr")
    group = said["columns"]["group"]
    expected = [
        adjusted_mutual_info_score(tree.labels["group"], tree.partition(age))
        for age in tree.ages.updates.tolist()
    ]
    assert [level["score"] for level in group["levels"]] == pytest.approx(expected, abs=1e-9)
    assert group["best"] == {"age": 100, "groups": 4, "score": pytest.approx(1), "p_value": 0.02}
    assert (group["samples"], group["permutations"], said["files"]) == (40, 49, [])
    assert len(group["last_to_part"]) == 5
    assert said["words"].startswith("40 samples fall into 4 states")


def test_the_seed_decides(here: Path):
    rng = np.random.default_rng(1)
    rows = "".join(f"{name},{rng.integers(3)}\n" for name in NAMES)
    Path("random.csv").write_text(f"name,random\n{rows}")
    succeed("build-tree", "ck", "--labels", "random.csv", "-o", "random")
    one, again, other = (
        json.loads(succeed("labels", "random", "--seed", seed, "--json").stdout) for seed in (5, 5, 6)
    )
    assert one == again
    assert one["columns"]["random"]["levels"] != other["columns"]["random"]["levels"]
    assert "do not agree with the labels of random better than shuffled labels do" in one["words"]


def test_tables_are_written_whole_and_not_over_others(here: Path):
    Path("sites.txt").write_text("".join(f"rs{site}\n" for site in range(SITES)))
    result = succeed("labels", "tree", "--column", "group", "--sites", "sites.txt", "-o", "out")
    assert left("out") == ALL
    assert result.stdout.splitlines()[-1].startswith("out: ")
    assert set(pd.read_csv("out/sites.csv")["name"]) <= {f"rs{site}" for site in range(SITES)}
    assert "rs" in result.stdout
    again = run("labels", "tree", "-o", "out")
    assert (again.exit_code, "already exists" in again.stderr) == (1, True)
    succeed("labels", "tree", "-o", "out", "--force")
    assert set(pd.read_csv("out/sites.csv")["name"]) <= set(range(SITES))
    Path("home").mkdir()
    Path("home/letter.txt").write_text("dear")
    assert "holds no splits.csv" in run("labels", "tree", "-o", "home", "--force").stderr


def without_labels(here: Path) -> str:
    succeed("build-tree", "ck", "-o", "bare-tree")
    return "bare-tree"


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["--column", "colour"], "'colour' is no label column of this tree; choose from group", 1),
        (["--sites", "none.txt"], "none.txt: no such file", 1),
        (["--sites", "short.txt"], f"short.txt: has 2 names for {SITES} sites", 1),
        (["--sites", "hole.txt"], "hole.txt: line 2 is empty", 1),
        (["--alphabet", "protein"], "the sites of this tree have two states", 1),
        (["--permutations", "0"], "0 is not in the range", 2),
        (["-o", "no/where"], "create it first", 1),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(here: Path, arguments, words, code):
    Path("short.txt").write_text("a\nb\n")
    Path("hole.txt").write_text("a\n\nb\n")
    before = left(".")
    result = run("labels", "tree", "-o", "out", *arguments)
    assert result.exit_code == code
    assert words in result.stderr.splitlines()[-1]
    assert result.stdout == ""
    assert left(".") == before


def test_a_tree_without_labels_is_told_how_to_get_some(here: Path):
    tree = without_labels(here)
    result = run("labels", tree)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "carve build-tree ... --labels CSV" in result.stderr


def test_an_interruption_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("carving.statistics.tables._sites", interrupted)
    before = left(".")
    result = run("labels", "tree", "-o", "out")
    assert result.exit_code == 130
    assert "nothing was written" in result.stderr
    assert left(".") == before
