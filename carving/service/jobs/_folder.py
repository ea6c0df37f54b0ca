"""The folder of a job: what its process writes, and how a result appears whole or not at all.

A process works in ``work`` and leaves what it has made in ``result``. Once that is whole and on the disk it
writes ``outcome.json``, and then moves ``result`` to its place in the workspace by one rename. So a job whose
service was killed at any moment can be told apart: without ``outcome.json`` it is unfinished; with it and
with ``result`` it has only to be moved; with it and without ``result`` it is done.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from carving.errors import OutputExists
from carving.service.jobs._disk import sync_folder, write_document
from carving.service.jobs._lock import FileLock

if TYPE_CHECKING:
    from carving.service.workspace import Workspace

JOBS_FOLDER = "jobs"
# the process of a service that was killed notices that at once; it may be in the middle of a long write
ORPHAN_SECONDS = 60.0


class JobFolder:
    """The folder of one job.

    Parameters
    ----------
    workspace
        Where it belongs.
    id
        The job.
    """

    def __init__(self, workspace: Workspace, id: str) -> None:
        self._workspace = workspace
        self.path = workspace.own_folder / JOBS_FOLDER / id
        self.result = self.path / "result"
        self.work = self.path / "work"
        self.log = self.path / "log.txt"
        self._outcome = self.path / "outcome.json"

    def make(self) -> None:
        """Make the folder."""
        self.path.mkdir(parents=True, exist_ok=True)

    def lock(self) -> FileLock:
        """The right to work in it, or to take it away; waits for a process whose service is gone.

        Raises
        ------
        TimeoutError
            If that does not end.
        """
        return FileLock(self.path / "lock", patience=ORPHAN_SECONDS)

    def begin(self) -> None:
        """Take away what an earlier attempt left unfinished, but for the work that can be gone on from."""
        _remove(self.result)
        self.work.mkdir(exist_ok=True)
        self.result.mkdir()

    # ---- the result

    def finish(self, outcome: dict[str, Any]) -> None:
        """Say that ``result`` is whole: a mapping of ``kind``, ``name`` and ``media_type``."""
        for folder, _, files in os.walk(self.result):
            for name in files:
                _sync(Path(folder) / name)
            sync_folder(Path(folder))
        write_document(self._outcome, outcome)

    def publish(self) -> None:
        """Move a result that is whole to its place, if it belongs in the workspace and is not there yet.

        Raises
        ------
        OutputExists
            If something else has come there meanwhile.
        """
        outcome = self.outcome()
        assert outcome is not None
        if outcome["kind"] == "file" or not self.result.exists():
            return
        target = self._workspace.folder / outcome["name"]
        if os.path.lexists(target):
            raise OutputExists(f"{outcome['name']!r}: has come to be there meanwhile; choose another name")
        os.rename(self.result, target)
        sync_folder(target.parent)
        sync_folder(self.path)

    def outcome(self) -> dict[str, Any] | None:
        """What was made, if it is whole."""
        try:
            return orjson.loads(self._outcome.read_bytes())
        except (OSError, ValueError):
            return None

    def published(self) -> dict[str, Any] | None:
        """What was made, if it is in its place."""
        outcome = self.outcome()
        if outcome is None or (outcome["kind"] != "file" and self.result.exists()):
            return None
        return outcome

    # ---- the end

    def tidy(self, *, keep_result: bool) -> None:
        """Take away what is no longer needed: everything, but for a result that is to be fetched."""
        if not self.path.is_dir():
            return
        if keep_result:
            _remove(self.work)
            self.log.unlink(missing_ok=True)
            return
        try:
            with self.lock():
                _remove(self.path)
        except (OSError, TimeoutError):
            # the next start tries again
            return

    def last_words(self, most: int = 2000) -> str:
        """The end of what the process wrote to its standard error."""
        try:
            return self.log.read_bytes()[-most:].decode(errors="replace").strip()
        except OSError:
            return ""


def job_folders(workspace: Workspace) -> list[str]:
    """Names of all folders of jobs."""
    try:
        return sorted(
            entry.name for entry in os.scandir(workspace.own_folder / JOBS_FOLDER) if entry.is_dir()
        )
    except OSError:
        return []


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
