"""Help texts, completion, and what every command has in common."""

import json
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from carving_cli.main import COMMANDS, carve
from tests.cli.workspace import run, succeed


def command_of(name: str) -> click.Command:
    command = carve.get_command(click.Context(carve), name)
    assert command is not None
    return command


def examples(name: str) -> list[str]:
    """The lines of a help text that are commands."""
    lines = [line.strip() for line in succeed(name, "--help").stdout.splitlines()]
    return [line for line in lines if line.startswith("carve ")]


def test_the_help_lists_every_command_with_a_sentence():
    text = succeed("--help").stdout
    for name in COMMANDS:
        assert re.search(rf"^  {name} +[A-Z].*\.$", text, re.MULTILINE), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_it_understands(name: str):
    lines = examples(name)
    if name == "completion":
        lines = ["carve completion bash"]
    assert lines
    for line in lines:
        program, asked, *arguments = shlex.split(line)
        assert (program, asked) == ("carve", name)
        command = command_of(name)
        if "--list" not in arguments:
            # understood, but not run
            command.make_context(name, arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str):
    for parameter in command_of(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_the_version(name: str):
    assert succeed(name, "--version").stdout == f"carve {version('carving')}\n"


def test_options_that_recur_are_spelt_and_explained_alike():
    seen: dict[str, tuple[str, str]] = {}
    for name in COMMANDS:
        for parameter in command_of(name).params:
            if isinstance(parameter, click.Option) and parameter.name in {
                "samples_path", "labels_path", "rows", "order", "tolerance", "device", "force", "seed",
                "branch_length", "unknown_letters",
            }:  # fmt: skip
                text = re.sub(r" *\[default.*", "", str(parameter.help))
                assert seen.setdefault(str(parameter.name), (parameter.opts[0], text)) == (
                    parameter.opts[0],
                    text,
                )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_of_the_shell(shell: str):
    assert "_CARVE_COMPLETE" in succeed("completion", shell).stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("carve bui", "build-tree"),
        ("carve build-tree --branch-length lo", "log-age"),
        ("carve build-tree --dev", "--device"),
        ("carve build-tree --device cu", "cuda:0"),
        ("carve export tree --format new", "newick"),
    ],
)
def test_completion_knows_commands_options_and_values(words: str, expected: str):
    environment = {
        "_CARVE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
        "PYTHONPATH": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", "from carving_cli.main import carve; carve.main(prog_name='carve')"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"plain,{expected}" in done.stdout.splitlines()


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (("info", "ck"), {"kind", "ages", "visible_unit", "samples"}),
        (("info", "tree"), {"kind", "samples", "groups", "unconverged"}),
        (("build-tree", "ck", "-o", "out"), {"output", "groups", "unconverged", "sensitive_ages", "files"}),
        (("query", "ck"), {"output", "age", "samples", "unconverged"}),
        (("place", "tree", "ck", "--samples", "samples.npz"), {"output", "samples", "unconverged"}),
        (("export", "tree", "--format", "newick", "-o", "x.nwk"), {"files", "formats"}),
        (("export-checkpoints", "ck", "--to", "rbms", "-o", "x.h5"), {"output", "ages"}),
        (("train", "samples.npz", "new", "--updates", "3", "--save", "linear:2"), {"checkpoints", "ages"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_json_is_all_that_standard_output_holds(here: Path, arguments: tuple[str, ...], keys: set[str]):
    for order in ((*arguments, "--json"), ("--json", *arguments, "--force")):
        if arguments[0] == "info" and order[0] == "--json":
            order = order[:-1]
        assert keys <= set(json.loads(succeed(*order).stdout))


def test_summary_json_is_what_json_prints(here: Path):
    printed = json.loads(succeed("build-tree", "ck", "-o", "out", "--json").stdout)
    written = json.loads((here / "out" / "summary.json").read_text(encoding="utf-8"))
    assert {key: printed[key] for key in written} == written


def test_quiet_says_nothing(here: Path):
    result = succeed("build-tree", "ck", "-o", "out", "-q")
    assert (result.stdout, result.stderr) == ("", "")


def test_verbose_says_a_line_for_each_age(here: Path):
    lines = succeed("build-tree", "ck", "-o", "out", "-v").stderr.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("age ")] == ["age 100", "age 10", "age 1"]


@pytest.mark.parametrize(("processor", "words"), [("avx2", "compiled for avx2"), (None, "by torch")])
def test_verbose_says_how_sweeps_are_made(
    here: Path, monkeypatch: pytest.MonkeyPatch, processor: str | None, words: str
):
    monkeypatch.setattr("carving.units.compiled_for", lambda: processor)
    result = succeed("build-tree", "ck", "-o", "out", "-v")
    assert any(words in line for line in result.stderr.splitlines() if line.strip().startswith("made"))


def test_an_unexpected_error_is_one_line_and_with_v_its_traceback(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("carving.tree.build_tree", broken)
    result = run("build-tree", "ck", "-o", "out")
    assert result.exit_code == 1
    error = "Error: unexpected ZeroDivisionError: division by zero; run again with -v for the traceback"
    assert result.stderr.splitlines()[-1] == error
    assert "Traceback" not in result.stderr
    assert "Traceback" in run("build-tree", "ck", "-o", "out", "-v").stderr


@pytest.mark.parametrize("kind", ["MemoryError()", "torch.OutOfMemoryError('CUDA out of memory')"])
def test_no_memory_is_one_line_with_the_remedy(here: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    import torch

    def hungry(*_: object, **__: object) -> None:
        raise eval(kind, {"torch": torch})

    monkeypatch.setattr("carving.tree.build_tree", hungry)
    result = run("build-tree", "ck", "-o", "out")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: out of memory; use a smaller --batch-size")


def test_a_reader_that_goes_away_is_no_error(here: Path):
    script = f"{sys.executable} -m carving_cli info ck --json | head -c 1"
    done = subprocess.run(["bash", "-c", script], cwd=here, capture_output=True, text=True, check=False)
    assert done.stderr == ""
