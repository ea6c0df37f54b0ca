"""What is known of all jobs at this moment, and who waits for it to change."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson

from carving.errors import MissingFile
from carving.service.jobs._disk import NO_ROOM, has_no_room
from carving.service.jobs._job import ENDED, Event, Job, JobProgress
from carving.service.jobs._store import JobStore, Row, now_number

_PATIENCE_SECONDS = 1.0
_SECONDS_BETWEEN_COMMITS = 1.0

log = logging.getLogger("carving.service.jobs")


@dataclass
class _Live:
    """Progress that is newer than what was committed."""

    number: int
    progress: JobProgress
    committed: float


class Board:
    """Jobs as they are: committed ones, and what their processes have reported since.

    Parameters
    ----------
    store
        Where they are committed; another one can take its place.
    """

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self.is_closed = False
        self._live: dict[str, _Live] = {}
        self._changes: dict[str, asyncio.Event] = {}

    # ---- reading, from any thread

    def event(self, id: str) -> Event:
        """A job as it is now."""
        return self._with_progress(self.store.get(id))

    def list(self, *, state: str | None, kind: str | None, offset: int, limit: int) -> tuple[list[Job], int]:
        """Some of the jobs, the newest first, and how many there are."""
        rows, total = self.store.list(state=state, kind=kind, offset=offset, limit=limit)
        return [self._with_progress(row).job for row in rows], total

    def _with_progress(self, row: Row) -> Event:
        live = self._live.get(row.job.id)
        if live is None or row.job.state != "running" or live.number <= row.number:
            return Event(row.number, row.job)
        return Event(live.number, row.job.model_copy(update={"progress": live.progress}))

    async def events(self, id: str, after: int) -> AsyncIterator[Event]:
        """A job whenever it has changed, until it has ended."""
        last = after
        while not self.is_closed:
            # asked for first, so that no change is missed
            change = self._changes.setdefault(id, asyncio.Event())
            try:
                event = await asyncio.to_thread(self.event, id)
            except MissingFile:
                self._notify(id)
                raise
            if event.number != last or event.job.has_ended:
                yield event
                last = event.number
            if event.job.has_ended:
                self._changes.pop(id, None)
                return
            await change.wait()

    # ---- changing, in the thread of the loop

    async def report(self, id: str, progress: JobProgress) -> None:
        """Take note of progress; it is committed at most once a second."""
        live, now = self._live.get(id), time.monotonic()
        number = max(now_number(), 0 if live is None else live.number + 1)
        committed = now if live is None else live.committed
        self._live[id] = live = _Live(number, progress, committed)
        self._notify(id)
        if now - committed >= _SECONDS_BETWEEN_COMMITS:
            live.committed = now
            try:
                document = _document(progress)
                await asyncio.to_thread(self.store.change, id, number=number, progress=document)
            except sqlite3.OperationalError as error:
                log.warning("progress of job %s was not written down: %s", id, error)

    async def change(self, id: str, *, where: str = "TRUE", **columns: Any) -> Row | None:
        """Commit a change; None if the job had ended, or ``where`` was not so.

        A disk that is full is waited for, so that nothing that has happened is lost.
        """
        has_warned = False
        while True:
            live = self._live.get(id)
            if live is not None and "state" in columns:
                columns.setdefault("progress", _document(live.progress))
            number = 0 if live is None else live.number + 1
            try:
                row = await asyncio.to_thread(self.store.change, id, where=where, number=number, **columns)
                break
            except sqlite3.OperationalError as error:
                if self.is_closed or not has_no_room(error):
                    raise
                if not has_warned:
                    log.warning("a change of job %s waits to be written down: %s", id, NO_ROOM)
                has_warned = True
                await asyncio.sleep(_PATIENCE_SECONDS)
        if row is not None:
            if row.job.state != "running":
                self._live.pop(id, None)
            self._notify(id)
            if row.job.state in ENDED:
                log.info("job %s, %s: %s", id, row.job.kind, row.job.state)
        return row

    def close(self) -> None:
        """Let nobody wait any more."""
        self.is_closed = True
        for id in list(self._changes):
            self._notify(id)

    def _notify(self, id: str) -> None:
        change = self._changes.pop(id, None)
        if change is not None:
            change.set()


def _document(progress: JobProgress) -> str:
    return orjson.dumps(progress.model_dump()).decode()
