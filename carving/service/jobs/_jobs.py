"""Jobs: accepted, run in processes of their own, and kept until they are forgotten."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from carving.errors import CarvingError, CorruptStore, InvalidInput, MissingFile
from carving.service._problems import Refusal
from carving.service.jobs._board import Board
from carving.service.jobs._disk import refusals
from carving.service.jobs._folder import JobFolder, job_folders
from carving.service.jobs._job import Event, Job, Result, State
from carving.service.jobs._lock import FileLock
from carving.service.jobs._store import JobStore, Row, canonical
from carving.service.jobs._supervisor import Supervisor
from carving.service.jobs.kinds import kinds
from carving.service.jobs.uploads import Uploads, uploads_in

if TYPE_CHECKING:
    from carving.service._settings import Settings
    from carving.service.jobs._kind import JobParameters, Kind
    from carving.service.workspace import Workspace

KEPT_SECONDS = 30 * 24 * 3600.0
MOST_KEPT = 10_000
_SECONDS_BETWEEN_SWEEPS = 3600.0
_DATABASE = "jobs.sqlite"
_MEDIA_TYPES = {".npz": "application/x-npz", ".csv": "text/csv", ".zip": "application/zip"}
# a service that was just killed holds its lock for a moment longer
_LOCK_SECONDS = 3.0
_NO_ROOM = 507
_PATIENCE_SECONDS = 5.0

log = logging.getLogger("carving.service.jobs")


class Jobs:
    """The jobs of a workspace.

    Nothing is written before the first job is submitted. One service at a time works on the jobs of a
    workspace; others, and those that may not write there, can look at them.

    Parameters
    ----------
    workspace
        What they work on, and where they are kept.
    settings
        ``jobs_at_once``, ``job_threads``, ``jobs_waiting`` and ``device`` are used.
    """

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._settings = settings
        self._uploads = Uploads(workspace, settings)
        self._database = workspace.own_folder / _DATABASE
        self._board = Board(JobStore(None, writable=False))
        # that others may still be reading
        self._replaced: list[JobStore] = []
        self._supervisor: Supervisor | None = None
        self._lock: FileLock | None = None
        self._opening = asyncio.Lock()
        self._opening_later: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None

    # ---- from start to stop

    async def start(self) -> None:
        """Go on with what an earlier service has left, and begin to work."""
        if not self._database.exists():
            return
        try:
            await self._open()
        except (CarvingError, OSError, sqlite3.Error) as error:
            log.warning("jobs can only be looked at: %s", error)
            await self._look_only()
            if isinstance(error, Refusal) and error.status == _NO_ROOM:
                self._opening_later = asyncio.create_task(self._open_later())

    async def _open_later(self) -> None:
        """Begin to work when there is room on the disk."""
        while self._supervisor is None:
            await asyncio.sleep(_PATIENCE_SECONDS)
            with suppress(Refusal):
                await self._open()

    async def _look_only(self) -> None:
        try:
            self._replace(await asyncio.to_thread(JobStore, self._database, writable=False))
        except (CorruptStore, sqlite3.Error) as error:
            log.warning("jobs cannot be looked at: %s", error)

    def _replace(self, store: JobStore) -> None:
        self._replaced.append(self._board.store)
        self._board.store = store

    async def _open(self) -> Supervisor:
        """Begin to work, if that has not been done yet.

        Raises
        ------
        Refusal
            If another service does, or the workspace cannot be written to.
        """
        async with self._opening:
            if self._supervisor is not None:
                return self._supervisor
            if not self._workspace.is_writable:
                raise Refusal(403, "jobs: the workspace cannot be written to; let the service write there")
            with refusals("jobs"):
                store = await asyncio.to_thread(self._open_store)
            self._replace(store)
            supervisor = Supervisor(self._workspace, self._settings, self._board)
            supervisor.start()
            self._supervisor = supervisor
            self._sweeping = asyncio.create_task(self._sweep())
            return supervisor

    def _open_store(self) -> JobStore:
        folder = self._workspace.own_folder
        folder.mkdir(exist_ok=True)
        try:
            self._lock = FileLock(folder / "service.lock", patience=_LOCK_SECONDS)
        except TimeoutError:
            raise Refusal(
                409, "jobs: another service works on those of this workspace; submit them there"
            ) from None
        try:
            return JobStore(self._database, writable=True)
        except BaseException:
            self._lock.release()
            raise

    async def stop(self) -> None:
        """End all processes; their jobs wait for the next start."""
        for task in (self._opening_later, self._sweeping):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._supervisor is not None:
            await self._supervisor.stop()
        self._board.close()
        for store in (*self._replaced, self._board.store):
            store.close()
        if self._lock is not None:
            self._lock.release()

    # ---- what can be asked

    @property
    def at_work(self) -> int:
        """Jobs under way."""
        return 0 if self._supervisor is None else self._supervisor.at_work

    def get(self, id: str) -> Job:
        """One job.

        Raises
        ------
        MissingFile
            If there is none of that name, or no longer.
        """
        return self._board.event(id).job

    def list(
        self, state: State | None = None, kind: str | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[Job], int]:
        """Some of the jobs, the newest first, and how many there are of that state and kind."""
        return self._board.list(state=state, kind=kind, offset=offset, limit=limit)

    async def events(self, id: str, after: int = 0) -> AsyncIterator[Event]:
        """A job as it is, and again whenever it has changed, until it has ended.

        Parameters
        ----------
        id
            The job.
        after
            Number of the last event that is known already.
        """
        async for event in self._board.events(id, after):
            yield event

    def result(self, id: str) -> Result:
        """What a finished job has made.

        Raises
        ------
        Refusal
            409 if it is not finished, 410 if its file was taken away.
        """
        row = self._board.store.get(id)
        job, made = row.job, row.result
        if job.state != "done" or made is None:
            reason = f": {job.error}" if job.error else ""
            remedy = "submit it again" if job.has_ended else "wait until it is done"
            raise Refusal(409, f"job {id}: is {job.state}, so has no result{reason}; {remedy}")
        if made["kind"] != "file":
            return Result(made["kind"], made["name"])
        path = JobFolder(self._workspace, id).result / made["name"]
        if not path.is_file():
            raise Refusal(410, f"job {id}: its result was taken away; submit it again")
        return Result("file", made["name"], path, _MEDIA_TYPES[path.suffix])

    # ---- what can be done

    async def submit(
        self, kind: str, parameters: dict[str, Any] | BaseModel, idempotency_key: str | None = None
    ) -> Job:
        """Accept a job; it is on the disk when this returns.

        Parameters
        ----------
        kind
            Name of its kind.
        parameters
            What that kind asks for.
        idempotency_key
            Submitted again with the same key, it is the same job.

        Raises
        ------
        Refusal
            403 if the workspace cannot be written to, 409 if the key was used for another job or the output
            is being made by one, 429 if too many jobs wait, 507 if the disk is full.
        CarvingError
            If the job would fail, as far as that is quickly seen.
        """
        found = kinds().get(kind)
        if found is None:
            raise MissingFile(f"{kind[:100]!r}: is no kind of job; choose from {', '.join(kinds())}")
        asked = _validated(found, parameters)
        plain = asked.model_dump(mode="json")
        if not self._workspace.is_writable:
            raise Refusal(403, "jobs: the workspace cannot be written to; let the service write there")
        supervisor = await self._open()
        loop = asyncio.get_running_loop()

        def accept() -> Row:
            with refusals("jobs"):
                row = self._accept(found, asked, plain, idempotency_key)
            # also if whoever submitted it has gone away meanwhile
            loop.call_soon_threadsafe(supervisor.wake)
            return row

        return (await asyncio.to_thread(accept)).job

    def _accept(self, kind: Kind, asked: JobParameters, plain: dict[str, Any], key: str | None) -> Row:
        store = self._board.store
        earlier = store.by_key(key) if key is not None else None
        if earlier is None:
            kind.check(self._workspace, self._settings, asked)
            output = getattr(asked, "output", None)
            if output is not None:
                self._workspace.new_output(output)
            job = Job(
                id=uuid.uuid4().hex,
                kind=kind.name,
                parameters=plain,
                state="waiting",
                created=time.time(),
                output=output,
            )
            earlier = store.add(job, key, most=self._settings.jobs_waiting)
        if earlier.job.kind != kind.name or canonical(earlier.job.parameters) != canonical(plain):
            raise Refusal(409, f"idempotency key {key!r}: was used for another job; take a new one")
        return earlier

    async def cancel(self, id: str) -> Job:
        """End a job; what it had done so far is thrown away.

        Raises
        ------
        Refusal
            409 if it has ended otherwise, 403 if the workspace cannot be written to.
        """
        job = await asyncio.to_thread(self.get, id)
        if not job.has_ended:
            supervisor = await self._open()
            with refusals("jobs"):
                row = await asyncio.to_thread(self._board.store.change, id, cancelling=True)
            if row is not None:
                await asyncio.shield(supervisor.cancel(row))
            job = await asyncio.to_thread(self.get, id)
        if job.state != "cancelled":
            raise Refusal(409, f"job {id}: is {job.state}; only jobs that have not ended can be cancelled")
        return job

    # ---- what is forgotten

    async def _sweep(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._forget)
            except (OSError, sqlite3.Error) as error:
                log.warning("old jobs were not swept away: %s", error)
            await asyncio.sleep(_SECONDS_BETWEEN_SWEEPS)

    def _forget(self) -> None:
        """Forget old jobs, and take away what belongs to no job that is known."""
        store = self._board.store
        # before the jobs are looked up: those that are submitted meanwhile have no folder among these
        folders = job_folders(self._workspace)
        store.forget(before=time.time() - KEPT_SECONDS, most=MOST_KEPT)
        known = store.states()
        for id in folders:
            state, output = known.get(id, ("forgotten", None))
            if state == "done" and output is None:
                JobFolder(self._workspace, id).tidy(keep_result=True)
            elif state not in ("waiting", "running"):
                JobFolder(self._workspace, id).tidy(keep_result=False)
        in_use = (uploads_in(row.job.parameters) for row in store.unfinished())
        self._uploads.sweep(set().union(*in_use))


def _validated(kind: Kind, parameters: dict[str, Any] | BaseModel) -> JobParameters:
    if isinstance(parameters, kind.Parameters):
        return parameters
    given = parameters.model_dump() if isinstance(parameters, BaseModel) else parameters
    try:
        return kind.Parameters.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "parameters"
        raise InvalidInput(f"{place}: {first['msg']}") from None
