"""What a kind of job is: its parameters, what is checked when it is submitted, and what its process does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from carving._progress import Progress
from carving.service.jobs._job import Made

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.service._settings import Settings
    from carving.service.jobs._folder import JobFolder
    from carving.service.jobs.uploads import Uploads
    from carving.service.workspace import Workspace

_SECONDS_BETWEEN_REPORTS = 0.1


class JobParameters(BaseModel):
    """Parameters of a job: nothing that is not described, and no numbers that are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


P = TypeVar("P", bound=JobParameters)


@dataclass(frozen=True)
class Task(Generic[P]):
    """One attempt at a job, in a process of its own.

    Attributes
    ----------
    workspace
        The workspace, which is also the working directory: paths are relative, so that no message and no
        store says where it is.
    parameters
        Of the job.
    folder
        ``folder.work`` keeps what a later attempt can go on from; what is made is written into
        ``folder.result``.
    device
        Where to compute.
    uploads
        What clients have sent.
    send
        Takes a report to the service.
    """

    workspace: Workspace
    parameters: P
    folder: JobFolder
    device: str
    uploads: Uploads
    send: Callable[[Progress], None]
    _last: list[Any] = field(default_factory=lambda: ["", -float("inf")], repr=False)

    def progress(self, report: Progress) -> None:
        """Pass on what a loop reports: every stage, but not more than some reports a second."""
        stage, sent = self._last
        now = time.monotonic()
        if report.stage == stage and report.done != report.total and now - sent < _SECONDS_BETWEEN_REPORTS:
            return
        self._last[:] = report.stage, now
        self.send(report)

    def store(self, name: str) -> CheckpointSequence:
        """A checkpoint store that is complete: one that is still being written is refused."""
        return open_store(self.workspace, name, relative=True)

    def relative(self, path: Path) -> str:
        """A path as messages and stores may say it."""
        return os.path.relpath(path, self.workspace.folder)


@dataclass(frozen=True)
class Kind:
    """A kind of job; one file in ``kinds/`` that defines ``KIND``.

    ``name`` is what it is called in addresses, ``title`` and ``description`` say what it does, in a few words
    and in some sentences, and ``Parameters`` what can be asked for. It ``makes`` a file, or a tree or a store
    under the name that the parameter ``output`` gives. ``check`` raises, before a job is accepted, what would
    make it fail and is quickly seen. ``run`` does it, in a process of its own, and gives the name of the file
    in ``task.folder.result`` that was made; None for trees and stores, which are that folder.
    """

    name: str
    title: str
    description: str
    Parameters: type[JobParameters]
    makes: Made
    check: Callable[[Workspace, Settings, Any], None]
    run: Callable[[Task[Any]], str | None]


def open_store(workspace: Workspace, name: str, *, relative: bool = False) -> CheckpointSequence:
    """A checkpoint store of the workspace that holds machines and is not being written."""
    from carving.checkpoints import open_checkpoints
    from carving.errors import InvalidInput

    if relative:
        run = open_checkpoints(os.path.relpath(workspace.store_path(name), workspace.folder))
    else:
        run = workspace.store(name)
    if run.being_written:
        raise InvalidInput(f"{name}: is still being written by another program; wait until it has finished")
    if not len(run):
        raise InvalidInput(f"{name}: holds no checkpoint yet; take one that does")
    return run
