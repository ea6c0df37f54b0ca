"""SIGKILL at random moments after the first write, and what is left: for every room that writes.

    for folder, ended in killed_runs(write_something, (argument,), tmp_path, number=10, seed=0):
        assert …                     # about what ``write_something(folder, argument)`` left in ``folder``

``write_something`` is a function of a module (not a closure), for it runs in another process. That comes from
a fork server which has imported what is slow to import, so that a run costs what it does and no more.
"""

import multiprocessing
import multiprocessing.process
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

_LONGEST = 120.0


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["carving.checkpoints.sequence", "carving.training", "carving.tree"])
    return context


def _quietly(target: Callable[..., None], folder: Path, arguments: tuple) -> None:
    # what a killed process had to say does not matter, and a failing one says it by its exit code
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    target(folder, *arguments)


def _start(
    target: Callable[..., None], folder: Path, arguments: tuple
) -> multiprocessing.process.BaseProcess:
    process = _context().Process(target=_quietly, args=(target, folder, arguments), daemon=False)
    process.start()
    return process


def _wait_for_first_write(process: multiprocessing.process.BaseProcess, folder: Path) -> float:
    """The moment at which something appeared in the folder."""
    begin = time.monotonic()
    while not os.listdir(folder):
        assert process.is_alive() or os.listdir(folder), "ended without having written anything"
        assert time.monotonic() - begin < _LONGEST, "has not written anything"
        time.sleep(0.0005)
    return time.monotonic()


def _whole_run(target: Callable[..., None], arguments: tuple, folder: Path) -> float:
    """Seconds from the first write to the end of a run that is left alone."""
    folder.mkdir()
    process = _start(target, folder, arguments)
    first = _wait_for_first_write(process, folder)
    process.join(_LONGEST)
    assert process.exitcode == 0, "fails even when it is left alone"
    return time.monotonic() - first


def killed_runs(
    target: Callable[..., None], arguments: tuple, root: Path, *, number: int, seed: int
) -> Iterator[tuple[Path, bool]]:
    """Run ``target(folder, *arguments)`` again and again, each time killed at another moment.

    Parameters
    ----------
    target
        What writes: a function of a module.
    arguments
        What it is called with, after the folder.
    root
        Where the folders are made, one a run, each empty at first.
    number
        How many runs.
    seed
        Of the moments, which are uniform between the first write and the end of a whole run.

    Yields
    ------
    The folder, and whether the run had ended before it could be killed.
    """
    random = np.random.default_rng(seed)
    duration = _whole_run(target, arguments, root / "whole")
    for attempt in range(number):
        folder = root / f"run{attempt}"
        folder.mkdir()
        process = _start(target, folder, arguments)
        moment = _wait_for_first_write(process, folder) + random.uniform(0, duration)
        time.sleep(max(0.0, moment - time.monotonic()))
        process.kill()
        process.join(_LONGEST)
        assert process.exitcode in (0, -signal.SIGKILL), f"fails by itself: exit code {process.exitcode}"
        yield folder, process.exitcode == 0
