"""Ctrl-C and other ends before the end: what is kept, what is said, and that going on gives the same."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import carving
from carving.tree import descent
from tests.cli.workspace import run, succeed


def stop_at(age: int, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> list[int]:
    """Make the walk fail when it comes to an age; the list fills with the ages that were solved."""
    solved: list[int] = []
    solve: Callable = descent._carve

    def carve(*arguments: object):
        (stage,) = (one for one in arguments if isinstance(one, descent.Stage))
        here = int(stage.name.split()[1])
        if here == age:
            raise error
        solved.append(here)
        return solve(*arguments)

    monkeypatch.setattr(descent, "_carve", carve)
    return solved


def test_an_interrupted_tree_goes_on_where_it_was(here: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        stop_at(1, patch, KeyboardInterrupt)
        result = run("build-tree", "ck", "-o", "out")
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == (
        "Error: interrupted; what was finished is in out.partial; the same command goes on from there"
    )
    assert not (here / "out").exists()
    solved = stop_at(-1, monkeypatch, KeyboardInterrupt)
    result = succeed("build-tree", "ck", "-o", "out")
    assert solved == [1]
    assert "out.partial: an earlier run was interrupted" in result.stderr
    assert not (here / "out.partial").exists()
    resumed, whole = carving.load_tree("out"), carving.load_tree("tree")
    assert np.array_equal(resumed.nodes.visible, whole.nodes.visible)
    assert resumed.nodes.name.tolist() == whole.nodes.name.tolist()


def test_other_settings_do_not_go_on_from_what_was_kept(here: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        stop_at(1, patch, KeyboardInterrupt)
        run("build-tree", "ck", "-o", "out")
    solved = stop_at(-1, monkeypatch, KeyboardInterrupt)
    succeed("build-tree", "ck", "--order", 1, "-o", "out")
    assert solved == [100, 10, 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ZeroDivisionError])
def test_a_tree_without_a_finished_age_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
):
    before = sorted(here.iterdir())
    stop_at(100, monkeypatch, error)
    assert run("build-tree", "ck", "-o", "out").exit_code in (1, 130)
    assert sorted(here.iterdir()) == before


def test_an_interruption_while_writing_keeps_the_ages_and_no_tree(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = set(here.iterdir())
    monkeypatch.setattr("carving.export.graphml.topology", interrupted)
    assert run("build-tree", "ck", "-o", "out").exit_code == 130
    assert set(here.iterdir()) - before == {here / "out.partial"}


def test_a_failure_keeps_the_old_tree(here: Path, monkeypatch: pytest.MonkeyPatch):
    before = (here / "tree" / "tree.nwk").read_bytes()
    stop_at(10, monkeypatch, KeyboardInterrupt)
    assert run("build-tree", "ck", "-o", "tree", "--force").exit_code == 130
    assert (here / "tree" / "tree.nwk").read_bytes() == before


def test_somebody_elses_folder_is_not_used_for_finished_ages(here: Path):
    (here / "out.partial").mkdir()
    (here / "out.partial" / "thesis.tex").write_text("precious")
    result = run("build-tree", "ck", "-o", "out")
    assert result.exit_code == 1
    assert "out.partial" in result.stderr
    assert (here / "out.partial" / "thesis.tex").read_text() == "precious"


@pytest.mark.parametrize("arguments", [("build-tree", "ck"), ("demo",)], ids=lambda words: words[0])
def test_force_does_not_replace_a_folder_that_is_no_earlier_output(here: Path, arguments: tuple[str, ...]):
    (here / "home").mkdir()
    (here / "home" / "thesis.tex").write_text("precious")
    result = run(*arguments, "-o", "home", "--force")
    assert result.exit_code == 1
    assert "home: holds no tree" in result.stderr
    assert (here / "home" / "thesis.tex").read_text() == "precious"


def committed(store: Path) -> int:
    try:
        return json.loads((store / "zarr.json").read_text(encoding="utf-8"))["attributes"]["committed"]
    except FileNotFoundError:
        return 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)],
    ids=lambda number: number.name,
)
def test_a_training_that_is_stopped_goes_on_to_the_same_machine(here: Path, number: signal.Signals):
    settings = ["train", "samples.npz", "new", "--updates", "240", "--save", "linear:30"]
    settings += ["--hidden", "5", "--chains", "10", "--batch-size", "10", "--threads", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "carving_cli", *settings]
    process = subprocess.Popen(command, cwd=here, env=environment, stderr=subprocess.PIPE, text=True)
    while committed(here / "new") == 0:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == (
        "Error: interrupted; what was saved is safe in new; the same command with --resume goes on from there"
    )
    assert 0 < len(carving.open_checkpoints("new")) <= 30
    succeed(*settings, "--resume")
    succeed(*["whole" if word == "new" else word for word in settings])
    resumed, whole = carving.open_checkpoints("new"), carving.open_checkpoints("whole")
    # the machine that the signal stopped at is one more
    assert set(whole.ages.tolist()) <= set(resumed.ages.tolist())
    assert len(resumed) <= len(whole) + 1
    for age in whole.ages.tolist():
        assert resumed.at_age(age).weights.equal(whole.at_age(age).weights)
