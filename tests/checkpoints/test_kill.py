"""Whatever moment a writer is killed at, what it had committed is there, and nothing else."""

import os
from pathlib import Path

import numpy as np
import pytest

from carving import CheckpointSequence, create_checkpoints, import_checkpoints, open_checkpoints
from tests.checkpoints.machines import machine
from tests.kill import killed_runs

AGES = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987]


def resume_state(age: int) -> dict[str, np.ndarray]:
    """Large enough that a kill falls into the writing of it."""
    random = np.random.default_rng(age)
    return {"chains": random.integers(0, 2, (500, 100), np.uint8), "momentum": random.normal(size=(300, 100))}


def append_all(folder: Path) -> None:
    """The loop of somebody's training, which notes beside the store what was committed."""
    with create_checkpoints(folder / "store") as run, open(folder / "log", "wb", buffering=0) as log:
        append(run, AGES, log.fileno())


def append(run: CheckpointSequence, ages: list[int], log: int | None = None) -> None:
    for age in ages:
        run.append(
            machine(age),
            updates=age,
            elapsed_seconds=age / 10,
            metrics={"likelihood": -age, **({"late": age} if age > 20 else {})},
            resume=resume_state(age),
        )
        if log is not None:
            os.write(log, f"{age} ".encode())


def import_file(folder: Path, source: Path) -> None:
    import_checkpoints(source, folder / "store")


def assert_whole(run: CheckpointSequence) -> None:
    """Everything committed is what was appended."""
    ages = run.ages.tolist()
    assert ages == AGES[: len(ages)]
    for age, rbm in zip(ages, run, strict=True):
        np.testing.assert_array_equal(rbm.weights, machine(age).weights)
        np.testing.assert_array_equal(rbm.visible_bias, machine(age).visible_bias)
        np.testing.assert_array_equal(rbm.hidden_bias, machine(age).hidden_bias)
    np.testing.assert_array_equal(run.elapsed_seconds, np.array(ages) / 10)
    if ages:
        np.testing.assert_array_equal(run.metrics["likelihood"], -np.float32(ages))
        state = run.resume_state()
        assert state is not None
        for name, values in resume_state(ages[-1]).items():
            np.testing.assert_array_equal(state[name], values)


def assert_appends_survive(tmp_path: Path, number: int) -> None:
    seen = set()
    for folder, _ in killed_runs(append_all, (), tmp_path, number=number, seed=1):
        if not (folder / "store").exists():
            continue
        noted = (folder / "log").read_text().split() if (folder / "log").exists() else []
        run = open_checkpoints(folder / "store")
        assert len(run) in (len(noted), len(noted) + 1)
        assert not run.being_written
        assert_whole(run)
        seen.add(len(run))
        with open_checkpoints(folder / "store", writable=True) as again:
            append(again, AGES[len(run) :])
        finished = open_checkpoints(folder / "store")
        assert finished.ages.tolist() == AGES
        assert_whole(finished)
        finished.verify()
        assert not list(folder.rglob("*.partial"))
    # the kills fell into many different appends
    assert len(seen) > min(number, len(AGES)) // 3


def assert_imports_are_whole_or_absent(tmp_path: Path, number: int) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for age in AGES:
        rbm = machine(age, visible_size=60, hidden_size=40)
        np.savez(
            source / f"{age}.npz",
            weights=rbm.weights,
            visible_bias=rbm.visible_bias,
            hidden_bias=rbm.hidden_bias,
            updates=age,
        )
    expected = import_checkpoints(source, tmp_path / "expected").fingerprint
    absent = 0
    for folder, _ in killed_runs(import_file, (source,), tmp_path, number=number, seed=2):
        if (folder / "store").exists():
            run = open_checkpoints(folder / "store")
            assert run.fingerprint == expected
            run.verify()
        else:
            absent += 1
            assert import_checkpoints(source, folder / "store").fingerprint == expected
    assert absent > number // 4


def test_a_killed_writer_leaves_all_that_it_committed(tmp_path: Path) -> None:
    assert_appends_survive(tmp_path, 2)


def test_a_killed_import_is_whole_or_absent(tmp_path: Path) -> None:
    assert_imports_are_whole_or_absent(tmp_path, 4)


@pytest.mark.slow
def test_a_writer_killed_at_200_moments_leaves_all_that_it_committed(tmp_path: Path) -> None:
    assert_appends_survive(tmp_path, 200)


@pytest.mark.slow
def test_an_import_killed_at_200_moments_is_whole_or_absent(tmp_path: Path) -> None:
    assert_imports_are_whole_or_absent(tmp_path, 200)
