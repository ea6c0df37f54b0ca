"""Begins jobs, as many as may run at once, and sees to their ends."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from carving.service.jobs._child import Child
from carving.service.jobs._disk import NO_ROOM, has_no_room
from carving.service.jobs._folder import JobFolder

if TYPE_CHECKING:
    from carving.service._settings import Settings
    from carving.service.jobs._board import Board
    from carving.service.jobs._job import JobProgress
    from carving.service.jobs._store import Row
    from carving.service.workspace import Workspace

MOST_CRASHES = 3
_PATIENCE_SECONDS = 1.0

log = logging.getLogger("carving.service.jobs")


@dataclass
class _Run:
    """A job that is being seen to."""

    task: asyncio.Task[None] | None = None
    child: Child | None = None
    # why its process is ended, if it is
    is_stopped: bool = False
    is_cancelled: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def end(self) -> None:
        if self.child is not None:
            await self.child.end()
        await self.done.wait()


class Supervisor:
    """Runs jobs in processes of their own.

    Parameters
    ----------
    workspace, settings
        ``jobs_at_once``, ``job_threads`` and ``device`` are used.
    board
        Where jobs wait, and where it is written down what becomes of them.
    """

    def __init__(self, workspace: Workspace, settings: Settings, board: Board) -> None:
        self._workspace = workspace
        self._settings = settings
        self._board = board
        self._running: dict[str, _Run] = {}
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    # ---- from start to stop

    def start(self) -> None:
        """Take up what an earlier service has left, and begin to work."""
        self._task = asyncio.create_task(self._supervise())
        self.wake()

    async def stop(self) -> None:
        """End all processes; their jobs wait for the next start."""
        self._is_stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        runs = list(self._running.values())
        for run in runs:
            run.is_stopped = True
        # who waits for room on the disk has waited long enough
        self._board.close()
        await asyncio.gather(*(run.end() for run in runs))

    def wake(self) -> None:
        """Look again whether there is something to do."""
        self._something.set()

    @property
    def at_work(self) -> int:
        """Jobs under way."""
        return len(self._running)

    async def cancel(self, row: Row) -> None:
        """See a job to its end that is marked to be cancelled."""
        run = self._running.get(row.job.id)
        if run is not None:
            run.is_cancelled = True
            await run.end()
            row = await asyncio.to_thread(self._board.store.get, row.job.id)
        if not row.job.has_ended:
            # it waited, or was just about to be begun
            await self._settle(row.job.id)

    # ---- the loop

    async def _supervise(self) -> None:
        left_running = True
        while True:
            await self._something.wait()
            self._something.clear()
            try:
                if left_running:
                    await self._take_up()
                    left_running = False
                await self._begin_jobs()
            except sqlite3.Error as error:
                log.warning("waiting jobs could not be looked up: %s", error)
                await asyncio.sleep(_PATIENCE_SECONDS)
                self.wake()

    async def _take_up(self) -> None:
        """Let jobs wait again that an earlier service was running."""
        for row in await asyncio.to_thread(self._board.store.unfinished):
            if row.job.state == "running":
                # a process of that service may still be dying: the next one waits for it
                await self._board.change(row.job.id, state="waiting", progress=None)

    async def _begin_jobs(self) -> None:
        for row in await asyncio.to_thread(self._board.store.unfinished):
            if row.cancelling and row.job.id not in self._running:
                await self._settle(row.job.id)
        while len(self._running) < self._settings.jobs_at_once:
            row = await asyncio.to_thread(self._board.store.next_waiting, set(self._running))
            if row is None or row.job.id in self._running:
                return
            run = self._running[row.job.id] = _Run()
            run.task = asyncio.create_task(self._see_to(row, run))

    async def _see_to(self, row: Row, run: _Run) -> None:
        id = row.job.id
        try:
            await self._attempt(row, run)
        except Exception:
            log.exception("job %s cannot be seen to", id)
            await self._give_up(id, run)
        finally:
            self._running.pop(id, None)
            run.done.set()
            self.wake()

    async def _give_up(self, id: str, run: _Run) -> None:
        """End a job that nobody sees to any more, as soon as that can be written down."""
        while not self._is_stopping:
            await asyncio.sleep(_PATIENCE_SECONDS)
            try:
                return await self._settle(id, run, error="unexpected error; the log of the service says more")
            except Exception:
                log.exception("job %s cannot be ended", id)

    async def _attempt(self, waiting: Row, run: _Run) -> None:
        id = waiting.job.id
        row = await self._board.change(
            id,
            where="state = 'waiting' AND NOT cancelling",
            state="running",
            started=time.time(),
            attempts=waiting.job.attempts + 1,
            progress=None,
        )
        if row is None:
            return
        log.info("job %s, %s: begun", id, row.job.kind)
        folder, error, code = JobFolder(self._workspace, id), None, None
        try:
            run.child = await Child.start(self._workspace, folder, id, self._order(row))
        except OSError as problem:
            error = f"cannot be begun: {NO_ROOM if has_no_room(problem) else problem.strerror}"
        else:
            try:
                if run.is_stopped or run.is_cancelled:
                    await run.child.end()

                async def report(progress: JobProgress) -> None:
                    await self._board.report(id, progress)

                code, error = await run.child.follow(report), run.child.error
            finally:
                await run.child.end()
        if error is None and code != 0 and not (run.is_stopped or run.is_cancelled):
            words = await asyncio.to_thread(folder.last_words)
            log.warning("the process of job %s has ended by itself with code %s: %s", id, code, words)
        await self._settle(id, run, error=error, code=code)

    def _order(self, row: Row) -> dict[str, Any]:
        return {
            "kind": row.job.kind,
            "parameters": row.job.parameters,
            "output": row.job.output,
            "device": self._settings.device,
            "threads": self._settings.job_threads,
        }

    # ---- how a job ends

    async def _settle(
        self, id: str, run: _Run | None = None, *, error: str | None = None, code: int | None = None
    ) -> None:
        """Write down what has become of a job that no process works on."""
        folder = JobFolder(self._workspace, id)
        row = await asyncio.to_thread(self._board.store.get, id)
        outcome = await asyncio.to_thread(_published, folder)
        columns: dict[str, Any] = {"ended": time.time()}
        if outcome is not None:
            columns |= {"state": "done", "result": json.dumps(outcome), "error": None}
        elif row.cancelling:
            columns |= {"state": "cancelled"}
        elif run is not None and run.is_stopped:
            columns = {"state": "waiting", "progress": None}
        elif error is not None:
            columns |= {"state": "failed", "error": error}
        elif row.crashes + 1 >= MOST_CRASHES:
            columns |= {"state": "failed", "error": _crashed(row.crashes + 1, code)}
        else:
            columns = {"state": "waiting", "crashes": row.crashes + 1, "progress": None}
        ends = columns["state"] != "waiting"
        if ends:
            # first, since on a disk that is full of it nothing can be written down
            await asyncio.to_thread(folder.tidy, keep_result=outcome is not None)
        changed = await self._board.change(id, **columns)
        if changed is not None and ends and not _has_file(outcome):
            await asyncio.to_thread(folder.tidy, keep_result=False)


def _published(folder: JobFolder) -> dict[str, Any] | None:
    """What was made, after a process of a service that is gone has had its end."""
    if not folder.path.is_dir():
        return None
    with folder.lock():
        return folder.published()


def _has_file(outcome: dict[str, Any] | None) -> bool:
    return outcome is not None and outcome["kind"] == "file"


def _crashed(times: int, code: int | None) -> str:
    reason = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return (
        f"its process was ended {times} times by something else ({reason}), perhaps for want of memory; "
        "submit fewer samples, or give the service more memory"
    )
