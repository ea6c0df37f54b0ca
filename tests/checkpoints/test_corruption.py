"""Random damage: our own stores notice all of it, other programs' files lead to one line or to machines."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
# a process that has not read one damaged file in this time hangs; import ends its reader after 30 s of work
PATIENCE = 300


def wrongs(subject: str, folder: Path, number: int) -> list[str]:
    """What went wrong in attempts 0 … number - 1, each crash and each hang included."""
    found, attempt = [], 0
    while attempt < number:
        count = min(250, number - attempt)
        command = [sys.executable, "-m", "tests.checkpoints.corruption", subject]
        arguments = [str(folder / f"{subject}{attempt}"), str(attempt), str(count)]
        try:
            child = subprocess.run(
                command + arguments, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE + count
            )
            output, end = child.stdout, f"ended with exit code {child.returncode}: {child.stderr[-2000:]}"
            ended = child.returncode == 0
        except subprocess.TimeoutExpired as error:
            output, end, ended = (error.stdout or b"").decode(), "hung", False
        lines = output.splitlines()
        found += [line for line in lines if line.startswith("wrong")]
        attempts = [int(line.split()[1]) for line in lines if line.startswith("attempt")]
        if not ended:
            found.append(f"{subject}: after {attempts[-1:]} attempts: {end}")
            if not attempts:
                break
        attempt = attempts[-1] + 1
    return found


@pytest.mark.parametrize(("subject", "number"), [("folder", 40), ("zip", 15), ("hdf5", 4)])
def test_random_damage_is_noticed(subject: str, number: int, tmp_path: Path) -> None:
    assert wrongs(subject, tmp_path, number) == []


@pytest.mark.slow
@pytest.mark.parametrize(("subject", "number"), [("folder", 13_000), ("zip", 4_000), ("hdf5", 3_000)])
def test_20000_random_damages_are_noticed(subject: str, number: int, tmp_path: Path) -> None:
    assert wrongs(subject, tmp_path, number) == []
