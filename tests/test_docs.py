"""What the documentation says is done: its examples run, and the reference names everything public."""

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

import carving
from carving import physics
from carving_cli.commands.demo import TRAINING
from carving_cli.main import carve

DOCS = Path(__file__).resolve().parent.parent / "docs"
ROOMS = (
    "checkpoints",
    "client",
    "data",
    "export",
    "meanfield",
    "physics",
    "physics.models",
    "report",
    "sampling",
    "statistics",
    "training",
    "training.likelihood",
    "training.quality",
    "tree",
    "tree.compare",
    "tree.reshape",
    "units",
)
# tables of other names, constants and helpers of other rooms, which have no page of their own
NOT_LISTED = {
    "STARTS",
    "NODE_LABELS",
    "PROTEIN_ALPHABET",
    "ScalarUnit",
    "State",
    "Sweeps",
    "generators",
    "models",
    "resolve_unit",
    *ROOMS,
}


def examples(page: str) -> dict[str, str]:
    """The Python examples of a page by the heading above each."""
    found = re.findall(
        r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    blocks = {
        heading: "".join(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
        for heading, text in found
    }
    return {heading: code for heading, code in blocks.items() if code}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("heading", "tree"),
    [
        pytest.param("scikit-learn", "sklearn-tree.zarr", marks=pytest.mark.slow),
        ("A plain torch loop", "torch-tree.zarr"),
    ],
)
def test_a_training_loop_of_ones_own_ends_with_a_tree(tmp_path, heading, tree):
    script = examples("own_machine.md")[heading]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    groups = carving.load_tree(tmp_path / tree).ages.groups
    # the data have about 15 states at their finest level, and an untrained machine has one
    assert groups[0] >= 5
    assert groups[-1] == 1


def run_examples(page: str) -> dict[str, Any]:
    """What the Python examples of a page leave behind, run where the test is."""
    names: dict[str, Any] = {}
    for heading, code in examples(page).items():
        exec(compile(code, f"{page}: {heading}", "exec"), names)
    return names


@pytest.fixture
def names(request, tmp_path, monkeypatch) -> dict[str, Any]:
    """Of the page that the test is for."""
    monkeypatch.chdir(tmp_path)
    return run_examples(request.param)


def of_page(page: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("names", [page], indirect=True, ids=[page])


@pytest.mark.slow
@of_page("transitions.md")
def test_births_lie_where_the_checkpoints_say(names, tmp_path):
    tree = names["births"]
    assert len(names["cascade"].splits) >= 2
    assert (tmp_path / "cascade.png").stat().st_size > 0
    ages = np.sort(tree.ages.updates)
    for age, birth in zip(tree.nodes.age, tree.nodes.birth_age, strict=True):
        # a node's branches are together at its own age and apart at the next
        assert age <= birth <= ages[min(np.searchsorted(ages, age) + 1, len(ages) - 1)]


@of_page("susceptibility.md")
def test_both_susceptibilities_are_those_of_many_sites(names):
    theory = 1 / np.array(names["distances"])
    assert names["response"] == pytest.approx(theory, rel=0.02)
    assert names["sampled"] == pytest.approx(theory, rel=0.08)
    assert names["law"].exponent == pytest.approx(-1, abs=0.06)


@of_page("relaxation.md")
def test_a_long_run_finds_the_gap_and_a_short_one_knows_that_it_is(names):
    found = names["found"]
    assert float(found.time) == pytest.approx(names["exact"], abs=4 * float(found.standard_error))
    assert not bool(found.lower_bound)
    assert bool(names["short"].lower_bound)


@pytest.mark.slow
@of_page("hysteresis.md")
def test_the_loop_jumps_at_the_spinodals_and_below_the_transition_there_is_none(names):
    spinodal = names["model"].spinodal_field()
    assert names["loop"].up.jumps.tolist() == pytest.approx([spinodal], rel=1e-5)
    assert names["loop"].down.jumps.tolist() == pytest.approx([-spinodal], rel=1e-5)
    assert names["none"].area == pytest.approx(0, abs=1e-9)


@of_page("landscape.md")
def test_memories_are_the_minima_and_barriers_vanish_as_they_should(names):
    found, patterns = names["found"], names["data"].patterns
    overlaps = np.abs(patterns @ found.visible[found.weight > 0].numpy().T) / patterns.shape[1]
    assert (overlaps.max(0) > 0.8).all()
    assert len(found) >= 2 * len(patterns)
    assert bool((found.barriers > 0).all())
    way, field = names["way"], names["magnet"].spinodal_field()
    assert way.spinodal == pytest.approx(-field, rel=1e-5)
    law = physics.fit_power_law((way.place - way.spinodal)[-8:], way.barrier[-8:])
    assert law.exponent == pytest.approx(1.5, abs=0.02)


@pytest.mark.slow
@of_page("known-models.md")
def test_outliers_and_thresholds_are_those_of_theory(names):
    assert names["measured"].tolist() == pytest.approx(names["model"].outliers(), rel=0.03)
    assert names["factor"] * float(names["measured"][0]) == pytest.approx(1, rel=1e-6)
    assert names["patterns"].transition_temperatures() == pytest.approx((1.2, 0.8))


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_the_reference_lists_every_public_name(room):
    module = import_module(f"carving.{room}" if room else "carving")
    listed = set(re.findall(r"^   (\w+)$", (DOCS / "api.md").read_text("utf-8"), re.MULTILINE))
    assert set(module.__all__) - listed - NOT_LISTED == set()


def test_every_link_between_pages_leads_somewhere():
    root = DOCS.parent
    pages = [root / "README.md", *DOCS.glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not re.match(r"https?://", target):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def commands(page: Path) -> list[str]:
    """The carve commands of a page, each as one line."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ carve ")]


@pytest.mark.parametrize("page", [DOCS.parent / "README.md", *DOCS.glob("*.md")], ids=lambda page: page.name)
def test_every_command_on_a_page_is_understood(page: Path):
    for line in commands(page):
        _, name, *arguments = shlex.split(line, comments=True)
        command = carve.get_command(click.Context(carve), name)
        assert command is not None, line
        if not {"--help", "--list"} & set(arguments):
            command.make_context(name, arguments)


def test_the_tutorial_trains_as_the_demo_does():
    (line,) = [line for line in commands(DOCS / "tutorial.md") if line.startswith("carve train")]
    assert shlex.split(line)[4:] == TRAINING.split()
