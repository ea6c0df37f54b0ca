"""``carve info --plot``: the picture is written whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carving import create_checkpoints
from tests.cli.workspace import AGES, machine, run, succeed


@pytest.fixture
def measured(here: Path) -> Path:
    with create_checkpoints(here / "measured") as store:
        for age, strength in AGES.items():
            store.append(machine(strength), updates=age, metrics={"weight_norm": strength})
    return here


@pytest.mark.parametrize(("name", "begins"), [("x.png", b"\x89PNG"), ("x.PDF", b"%PDF"), ("x.svg", b"<?xml")])
def test_the_kind_of_picture_is_what_its_name_says(measured: Path, name: str, begins: bytes):
    before = set(measured.iterdir())
    printed = json.loads(succeed("info", "measured", "--plot", name, "--json").stdout)
    assert printed["plot"] == name
    assert printed["checkpoints"] == len(AGES)
    assert (measured / name).read_bytes().startswith(begins)
    # nothing else is left beside it
    assert set(measured.iterdir()) - before == {measured / name}


def test_a_picture_shows_something(measured: Path):
    assert "drawn in      x.png" in succeed("info", "measured", "--plot", "x.png").stdout
    pixels = np.asarray(Image.open("x.png").convert("L"))
    assert 0.005 < (pixels < 128).mean() < 0.2


def test_force_replaces_a_picture(measured: Path):
    (measured / "x.png").write_text("old")
    assert "--force" in run("info", "measured", "--plot", "x.png").stderr
    assert (measured / "x.png").read_text() == "old"
    succeed("info", "measured", "--plot", "x.png", "--force")
    assert (measured / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("measured", "--plot", "x.docx"), ("--plot", "x.docx", ".png .svg .pdf"), 2),
        (("measured", "--plot", "x"), ("--plot", ".png"), 2),
        (("measured", "--plot", "no/where.png"), ("no/where.png", "create"), 1),
        (("ck", "--plot", "x.png"), ("ck", "no metrics"), 1),
        (("tree", "--plot", "x.png"), ("tree", "checkpoints"), 1),
        (("gone", "--plot", "x.png"), ("gone", "no such file"), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_drawn_is_refused_in_one_line_and_writes_nothing(
    measured: Path, arguments: tuple[str, ...], words: tuple[str, ...], code: int
):
    before = set(measured.iterdir())
    result = run("info", *arguments)
    assert result.exit_code == code, result.output
    message = result.stderr.splitlines()[-1]
    assert message.startswith("Error: ")
    for word in words:
        assert word in message
    assert set(measured.iterdir()) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError(28, "No space left on device")])
def test_an_interruption_leaves_the_old_picture(
    measured: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    def broken(_: object, file, **__: object) -> None:
        file.write(b"half")
        raise error

    (measured / "x.png").write_text("old")
    before = set(measured.iterdir())
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", broken)
    result = run("info", "measured", "--plot", "x.png", "--force")
    assert result.exit_code in (1, 130)
    assert len(result.stderr.splitlines()) == 1
    assert (measured / "x.png").read_text() == "old"
    assert set(measured.iterdir()) == before
