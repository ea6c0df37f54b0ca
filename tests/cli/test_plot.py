"""``carve plot``: every kind, its options, and files that are whole or not there."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from carving.report import plots
from tests.cli.workspace import run, succeed

KINDS = sorted(plots())


def refused(*arguments: object) -> str:
    """The line of a command that is bad usage."""
    result = run("plot", *arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line


def size_of(path: Path) -> tuple[int, int]:
    """Of a PNG, in pixels."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def test_the_list_names_every_kind_and_what_it_shows():
    lines = succeed("plot", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == KINDS
    assert all(plots()[line.split()[0]].description in line for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_beside_the_tree(here: Path, kind: str):
    result = succeed("plot", kind, "tree", "--json", "--width", "4", "--dpi", "50")
    facts = json.loads(result.stdout)
    assert facts["output"] == f"tree/{kind}.png"
    assert facts["kind"] == kind
    assert size_of(here / "tree" / f"{kind}.png")[0] == 200


@pytest.mark.parametrize(("suffix", "begin"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_ending_says_what_kind_of_file_it_is(here: Path, suffix: str, begin: bytes):
    succeed("plot", "river", "tree/tree.zarr", "-o", f"picture{suffix}", "--title", "Forty samples")
    content = (here / f"picture{suffix}").read_bytes()
    assert content.startswith(begin)
    if suffix == ".svg":
        assert b">Forty samples</text>" in content


@pytest.mark.parametrize(
    "arguments",
    [
        ("states", "--image", "4x6", "--age", "100", "--count", "2", "--column", "group"),
        ("split", "--image", "4x6", "--node", "t1.0"),
        ("split", "--sites", "sites.txt", "--count", "3"),
        ("pca", "--samples", "samples.npz", "--count", "1"),
        ("rectangular", "--column", "group", "--branch-length", "log-age", "--leaves", "states"),
        ("radial", "--branch-length", "free-energy", "--rotate", "size"),
        ("river", "--image", "4x6", "--at-age", "10"),
    ],
    ids=" ".join,
)
def test_options_are_understood(here: Path, arguments: tuple[str, ...]):
    Path("sites.txt").write_text("".join(f"rs{number}\n" for number in range(24)), encoding="utf-8")
    kind, *options = arguments
    if "t1.0" in options:
        options[-1] = root_name(here)
    succeed("plot", kind, "tree", *options, "-o", "picture.svg")
    content = (here / "picture.svg").read_text("utf-8")
    if "--sites" in options:
        assert ">rs" in content


def root_name(here: Path) -> str:
    import carving

    return str(carving.load_tree(here / "tree" / "tree.zarr").nodes.name[-1])


def test_an_option_that_says_nothing_to_a_kind_is_refused_with_those_it_is_for(here: Path):
    assert "--image says nothing to icicle; it is for river, split, states" in refused(
        "icicle", "tree", "--image", "4x6"
    )
    assert "it is for pca" in refused("river", "tree", "--samples", "samples.npz")
    assert "it is for radial, rectangular" in refused("river", "tree", "--branch-length", "log-age")
    assert not list(here.glob("*.png"))


def test_bad_values_are_refused_in_a_line(here: Path):
    assert ", ".join(KINDS) in refused("cake", "tree")
    assert "ROWSxCOLUMNS" in refused("states", "tree", "--image", "4")
    assert "--output" in refused("river", "tree", "-o", "picture.gif")
    assert "one label column" in refused("icicle", "tree", "--column", "group", "--column", "group2")
    assert "number" in refused("icicle", "tree", "--width", "wide")


def test_what_the_tree_does_not_have_leaves_no_file(here: Path):
    for arguments in (
        ("states", "--image", "5x5"),
        ("icicle", "--column", "nothing"),
        ("split", "--node", "nothing"),
        ("icicle", "--width", "0.1"),
    ):
        result = run("plot", arguments[0], "tree", *arguments[1:], "-o", "picture.png")
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
    np.savez(here / "other.npz", samples=np.zeros((3, 24), dtype=np.uint8))
    result = run("plot", "pca", "tree", "--samples", "other.npz", "-o", "picture.png")
    assert "none of its names" in result.stderr
    assert not list(here.glob("*picture*"))


def test_a_picture_that_is_there_stays_unless_forced(here: Path):
    Path("picture.png").write_text("mine", encoding="utf-8")
    result = run("plot", "river", "tree", "-o", "picture.png")
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert Path("picture.png").read_text("utf-8") == "mine"
    succeed("plot", "river", "tree", "-o", "picture.png", "--force")
    assert size_of(here / "picture.png")[0] == 2000


def test_commands_of_the_gallery_are_understood_and_their_pictures_are_there():
    from carving_cli.commands.plot import command

    repository = Path(__file__).resolve().parents[2]
    page = (repository / "docs" / "gallery.md").read_text("utf-8")
    lines = re.findall(r"^\$ carve plot (.*)$", page, re.MULTILINE)
    shown = re.findall(r"fixtures/gallery/([\w-]+\.png)", page)
    assert [shlex.split(line)[-1] for line in lines] == shown
    assert {shlex.split(line)[0] for line in lines} == set(KINDS)
    for line, picture in zip(lines, shown, strict=True):
        command.make_context("plot", shlex.split(line))
        assert (repository / "fixtures" / "gallery" / picture).stat().st_size < 150_000


def test_kinds_complete_in_a_shell():
    from carving_cli.commands.plot import command

    context = command.make_context("plot", ["--list"], resilient_parsing=True)
    kind = command.params[0]
    offered = kind.type.shell_complete(context, kind, "r")
    assert [item.value for item in offered] == ["radial", "rectangular", "river"]
