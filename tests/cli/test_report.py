"""``carve report``: the page that it leaves, and what it refuses."""

import json
from pathlib import Path

import pytest

from carving.report.page import _figures
from tests.cli.workspace import SITES, run, succeed
from tests.report.page_of import Page, numbers


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures have tests of their own, and are most of the time that a report takes."""
    monkeypatch.setattr(_figures, "kinds", list)


def refused(*arguments: object) -> str:
    """What a command that must fail says, which is one line, or usage and a line."""
    result = run(*arguments)
    assert result.exit_code in (1, 2), result.output
    return result.stderr.strip().splitlines()[-1]


def test_it_is_left_beside_the_tree(here: Path):
    said = succeed("report", "tree").stdout
    assert said.startswith("tree/report.html")
    page = Page(here / "tree" / "report.html")
    assert "40 samples fall into 4 states at age 100" in page.text
    assert len(page.data["leaves"]["names"]) == 40


def test_options_reach_the_page(here: Path):
    Path("sites.txt").write_text("".join(f"snp {number}\n" for number in range(SITES)))
    arguments = ("--title", "Patterns", "--image", "4x6", "--sites", "sites.txt", "--leaves", "states")
    said = succeed("report", "tree", "-o", "page.html", *arguments, "--permutations", 9, "--json").stdout
    facts = json.loads(said)
    assert facts == {"output": "page.html", "bytes": Path("page.html").stat().st_size, "samples": 40}
    page = Page(Path("page.html"))
    assert "Patterns" in page.text
    assert "of 9 shuffles" in page.text
    assert "snp " in page.data["sites"]["names"][0]
    assert page.data["images"]["shape"] == [4, 6]
    assert numbers(page.data["leaves"]["size"]).tolist() == [10] * 4


def test_the_order_of_leaves_can_be_chosen(here: Path):
    succeed("report", "tree", "-o", "page.html", "--rotate", "size", "--smallest", 2, "--at-age", 10)
    data = Page(Path("page.html")).data
    assert numbers(data["ages"]["updates"])[0] == 10


def test_a_tree_is_built_with_its_report(here: Path):
    said = succeed("build-tree", "ck", "--labels", "labels.csv", "-o", "other", "--report").stdout
    assert "open other/report.html in a browser" in said
    assert "report.html" in json.loads(Path("other/summary.json").read_text())["files"]
    assert Page(Path("other/report.html")).data["columns"][0]["name"] == "group"


def test_a_page_that_is_there_is_kept_unless_forced(here: Path):
    Path("page.html").write_text("mine")
    assert "page.html" in refused("report", "tree", "-o", "page.html")
    assert Path("page.html").read_text() == "mine"
    succeed("report", "tree", "-o", "page.html", "--force")


def test_what_does_not_fit_is_refused_and_leaves_nothing(here: Path):
    Path("sites.txt").write_text("one\n")
    before = sorted(path.name for path in here.iterdir())
    assert "image_shape" in refused("report", "tree", "-o", "page.html", "--image", "3x3")
    assert "1 names for 24 sites" in refused("report", "tree", "-o", "page.html", "--sites", "sites.txt")
    assert "letters" in refused("report", "tree", "-o", "page.html", "--alphabet", "AC")
    assert "nowhere" in refused("report", "nowhere", "-o", "page.html")
    assert sorted(path.name for path in here.iterdir()) == before
