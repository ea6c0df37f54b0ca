"""The process of one job: ``python -m carving.service.jobs._worker WORKSPACE JOB``.

Its standard input begins with a line of JSON that says what to do, and ends when the service does: then so
does this process, at once. Its standard output is lines of JSON: ``{"progress": [stage, done, total,
message]}`` and at most one ``{"error": text}``. What was made, it says in the folder of the job.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from typing import Any

import orjson

from carving._progress import Progress
from carving.errors import CarvingError
from carving.service._settings import Settings
from carving.service.jobs._disk import NO_ROOM, has_no_room
from carving.service.jobs._folder import JobFolder
from carving.service.jobs._kind import Task
from carving.service.jobs.kinds import kinds
from carving.service.jobs.uploads import Uploads
from carving.service.workspace import Workspace

DONE, FAILED, ORPHANED = 0, 1, 3
_NICENESS = 10
_LONGEST_MESSAGE = 200
_LONGEST_ERROR = 1000


class _Service:
    """The service at the other end of the pipes."""

    def __init__(self) -> None:
        # whatever libraries print must not get between the lines
        self._output = os.dup(1)
        os.dup2(2, 1)
        self.order: dict[str, Any] = orjson.loads(self._line())
        threading.Thread(target=self._end_with_it, daemon=True).start()

    def _line(self) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n"):
            block = os.read(0, 1)
            if not block:
                os._exit(ORPHANED)
            line += block
        return bytes(line)

    def _end_with_it(self) -> None:
        while os.read(0, 4096):
            pass
        os._exit(ORPHANED)

    def progress(self, report: Progress) -> None:
        stage, message = report.stage[:_LONGEST_MESSAGE], report.message[:_LONGEST_MESSAGE]
        self._send({"progress": [stage, int(report.done), int(report.total), message]})

    def error(self, text: str) -> None:
        self._send({"error": text})

    def _send(self, document: dict[str, Any]) -> None:
        rest = orjson.dumps(document) + b"\n"
        try:
            while rest:
                rest = rest[os.write(self._output, rest) :]
        except OSError:
            os._exit(ORPHANED)


def main(workspace_folder: str, id: str) -> int:
    """Do the job, and say how it went."""
    service = _Service()
    order = service.order
    if hasattr(os, "nice"):
        # queries come first
        os.nice(_NICENESS)
    workspace = Workspace(workspace_folder)
    os.chdir(workspace.folder)
    folder = JobFolder(workspace, id)
    try:
        with folder.lock():
            if folder.outcome() is None:
                _work(service, workspace, folder, order)
            folder.publish()
    except BaseException as error:
        if not isinstance(error, CarvingError) and not has_no_room(error):
            traceback.print_exc()
        service.error(_described(error, workspace, folder, order["output"]))
        return FAILED
    return DONE


def _work(service: _Service, workspace: Workspace, folder: JobFolder, order: dict[str, Any]) -> None:
    kind = kinds()[order["kind"]]
    folder.begin()
    task = Task(
        workspace=workspace,
        parameters=kind.Parameters.model_validate(order["parameters"]),
        folder=folder,
        device=order["device"],
        uploads=Uploads(workspace, Settings()),
        send=service.progress,
    )
    made = kind.run(task)
    folder.finish({"kind": kind.makes, "name": order["output"] if made is None else made})


def _described(error: BaseException, workspace: Workspace, folder: JobFolder, output: str | None) -> str:
    """One line that says what is wrong and what to do, and not where the service keeps its files."""
    if has_no_room(error):
        return f"{NO_ROOM}, by submitting the job again"
    if isinstance(error, CarvingError):
        text = str(error)
    elif isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        text = "out of memory; submit fewer samples, or give the service more memory"
    elif isinstance(error, TimeoutError):
        text = "another process is at work on this job; submit it again"
    else:
        text = f"unexpected {type(error).__name__}; the log of the service says more"
    for place in (folder.result, folder.work / "store"):
        for name in (str(place), os.path.relpath(place, workspace.folder)):
            text = text.replace(name, output or "result")
    return " ".join(text.replace(f"{workspace.folder}{os.sep}", "").split())[:_LONGEST_ERROR]


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.stderr.flush()
    # at once: nothing is left to do, and taking torch apart takes a while
    os._exit(code)
