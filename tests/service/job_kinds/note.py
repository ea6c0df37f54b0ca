"""A kind of job for tests: writes a text, as slowly and as badly as it is told to."""

import os
import signal
import time
from typing import Annotated, Literal

from pydantic import Field

from carving._progress import Progress
from carving.errors import InvalidInput
from carving.service.jobs._kind import JobParameters, Kind, Task
from carving.service.jobs.kinds._samples import GivenSamples, Output, check_source
from carving.service.workspace import TREE_STORE

REFUSED = 999_999
"""So many lines are refused when they are asked for."""

DOCUMENT = '{"attributes": {"format": "carving-tree"}}'


class Parameters(JobParameters):
    """What can be asked for."""

    output: Output
    lines: Annotated[int, Field(ge=1, le=10**9)] = 3
    pause: Annotated[float, Field(ge=0, le=60)] = 0.0
    behaviour: Literal["good", "refuses", "breaks", "dies", "prints", "ignores", "fills"] = "good"
    samples: GivenSamples | None = None


def text(lines: int) -> str:
    """What is written in the end."""
    return "".join(f"line {number}\n" for number in range(lines))


def _check(workspace, settings, asked):
    if asked.lines == REFUSED:
        raise InvalidInput(f"lines {REFUSED}: is refused; ask for another number")
    check_source(workspace, settings, asked.samples)


def _run(task: Task[Parameters]) -> None:
    asked = task.parameters
    if asked.behaviour == "refuses":
        raise InvalidInput(f"{task.folder.work}: is refused")
    if asked.behaviour == "breaks":
        raise RuntimeError("not foreseen")
    if asked.behaviour == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if asked.behaviour == "prints":
        print("this is no report")
        os.write(1, b'{"error": "nor is this"}\n')
    if asked.behaviour == "ignores":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    store = task.folder.result / TREE_STORE
    store.mkdir()
    with open(store / "note.txt", "w") as file:
        while asked.behaviour == "fills":
            file.write(2**16 * "full ")
        for number in range(asked.lines):
            file.write(f"line {number}\n")
            if asked.pause:
                file.flush()
                time.sleep(asked.pause)
            task.progress(Progress(f"line {number}", number + 1, asked.lines))
    (store / "zarr.json").write_text(DOCUMENT)


KIND = Kind("note", "a note", "A note, for tests.", Parameters, "tree", _check, _run)
