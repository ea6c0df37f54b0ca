"""What the documentation says is done: its examples run, and the reference names everything public."""

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

import carving
from carving_cli.commands.demo import TRAINING
from carving_cli.main import carve

DOCS = Path(__file__).resolve().parent.parent / "docs"
ROOMS = (
    "checkpoints",
    "data",
    "export",
    "meanfield",
    "report",
    "sampling",
    "training",
    "training.likelihood",
    "training.quality",
    "tree",
    "units",
)
# tables of other names, constants and helpers of other rooms, which have no page of their own
NOT_LISTED = {"STARTS", "PROTEIN_ALPHABET", "ScalarUnit", "generators", "resolve_unit", *ROOMS}


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


@pytest.mark.parametrize(
    ("heading", "tree"), [("scikit-learn", "sklearn-tree.zarr"), ("A plain torch loop", "torch-tree.zarr")]
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
