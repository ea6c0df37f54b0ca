"""The table of all jobs, in SQLite: what is committed there is on the disk."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carving.errors import CorruptStore, MissingFile
from carving.service._problems import Refusal
from carving.service.jobs._job import ENDED, Job, JobProgress

VERSION = 1
_BUSY_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE jobs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    parameters TEXT NOT NULL,
    key TEXT UNIQUE,
    state TEXT NOT NULL,
    number INTEGER NOT NULL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    progress TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    cancelling INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    output TEXT,
    result TEXT
);
CREATE INDEX jobs_by_state ON jobs (state, sequence);
CREATE UNIQUE INDEX reserved_outputs ON jobs (output) WHERE state IN ('waiting', 'running');
"""
_ENDED = ", ".join(f"'{state}'" for state in ENDED)


@dataclass(frozen=True)
class Row:
    """A job, and what only the service needs to know of it.

    Attributes
    ----------
    job
        The job.
    number
        Of the last change.
    crashes
        How often its process ended by itself before the job did.
    cancelling
        Whether it shall be ended.
    result
        What it has made: ``kind``, ``name`` and ``media_type``.
    """

    job: Job
    number: int
    crashes: int
    cancelling: bool
    result: dict[str, Any] | None


def canonical(parameters: dict[str, Any]) -> str:
    """JSON that is the same for equal parameters."""
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class JobStore:
    """The table, used by one service at a time, from any of its threads.

    Parameters
    ----------
    path
        The database; None: an empty one in memory.
    writable
        Whether to write; it is made where it is missing.

    Raises
    ------
    CorruptStore
        If there is something else, or a table of a newer version.
    sqlite3.OperationalError
        If it cannot be opened.
    """

    def __init__(self, path: Path | None, *, writable: bool) -> None:
        self.writable = writable
        self._lock = threading.RLock()
        try:
            if path is None:
                self._connection = _connect(":memory:")
            elif writable:
                self._connection = _connect(str(path))
            else:
                self._connection = _read_only(path)
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise CorruptStore(
                f"{path}: is damaged ({error}); stop the service and move it away; its jobs are lost"
            ) from None

    def _prepare(self, path: Path | None) -> None:
        connection = self._connection
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise CorruptStore(
                f"{path}: was written by a newer version of this program ({found}); use that version"
            )
        if self.writable and path is not None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        if found == 0:
            with self._transaction():
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; on the disk when the block has ended."""
        with self._lock:
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # a full disk may have rolled back already
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        with self._lock:
            cursor = self._connection.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [_row(dict(zip(names, values, strict=True))) for values in cursor.fetchall()]

    # ---- reading

    def get(self, id: str) -> Row:
        """One job.

        Raises
        ------
        MissingFile
            If there is none of that name.
        """
        found = self._rows("SELECT * FROM jobs WHERE id = ?", (id,))
        if not found:
            raise MissingFile(
                f"{id[:100]!r}: there is no job of that name, or it was forgotten; list the jobs"
            )
        return found[0]

    def by_key(self, key: str) -> Row | None:
        """The job that was submitted with an idempotency key."""
        found = self._rows("SELECT * FROM jobs WHERE key = ?", (key,))
        return found[0] if found else None

    def list(self, *, state: str | None, kind: str | None, offset: int, limit: int) -> tuple[list[Row], int]:
        """Some of the jobs, the newest first, and how many there are."""
        where = "WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR kind = ?2)"
        with self._lock:
            total = self._connection.execute(f"SELECT count(*) FROM jobs {where}", (state, kind)).fetchone()[
                0
            ]
            rows = self._rows(
                f"SELECT * FROM jobs {where} ORDER BY sequence DESC LIMIT ?3 OFFSET ?4",
                (state, kind, limit, offset),
            )
        return rows, total

    def unfinished(self) -> list[Row]:
        """All jobs that have not ended, the oldest first."""
        return self._rows(f"SELECT * FROM jobs WHERE state NOT IN ({_ENDED}) ORDER BY sequence")

    def next_waiting(self, busy: set[str]) -> Row | None:
        """The job that has waited longest, those apart that are being seen to."""
        marks = ", ".join("?" * len(busy))
        found = self._rows(
            "SELECT * FROM jobs WHERE state = 'waiting' AND NOT cancelling "
            f"AND id NOT IN ({marks}) ORDER BY sequence LIMIT 1",
            list(busy),
        )
        return found[0] if found else None

    def states(self) -> dict[str, tuple[str, str | None]]:
        """State and output of every job."""
        with self._lock:
            found = self._connection.execute("SELECT id, state, output FROM jobs").fetchall()
        return {id: (state, output) for id, state, output in found}

    # ---- writing

    def add(self, job: Job, key: str | None, *, most: int) -> Row:
        """Accept a job; or the one that the key was used for, whatever that is.

        Raises
        ------
        Refusal
            429 if as many as ``most`` have not ended, 409 if one of them makes an output of that name.
        """
        with self._transaction() as connection:
            earlier = self.by_key(key) if key is not None else None
            if earlier is not None:
                return earlier
            waiting = connection.execute(
                f"SELECT count(*) FROM jobs WHERE state NOT IN ({_ENDED})"
            ).fetchone()[0]
            if waiting >= most:
                raise Refusal(
                    429,
                    f"{waiting:,} jobs have not ended yet; submit this one when some have",
                    headers={"Retry-After": "10"},
                )
            if job.output is not None:
                taken = connection.execute(
                    f"SELECT id FROM jobs WHERE output = ? AND state NOT IN ({_ENDED})", (job.output,)
                ).fetchone()
                if taken is not None:
                    raise Refusal(409, f"{job.output!r}: job {taken[0]} is making that; choose another name")
            connection.execute(
                "INSERT INTO jobs (id, kind, parameters, key, state, number, created, output) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (job.id, job.kind, canonical(job.parameters), key, job.state, now_number(), job.created,
                 job.output),
            )  # fmt: skip
        return self.get(job.id)

    def change(self, id: str, *, where: str = "TRUE", number: int = 0, **columns: Any) -> Row | None:
        """Change a job that has not ended; None if it had, or something else was not as it should be.

        Parameters
        ----------
        id
            The job.
        where
            A condition on its columns, besides that it has not ended.
        number
            Of the last event about it.
        columns
            What is changed.
        """
        names = ", ".join(f"{name} = ?" for name in columns)
        with self._transaction() as connection:
            changed = connection.execute(
                f"UPDATE jobs SET number = max(number + 1, ?, ?), {names} "
                f"WHERE id = ? AND state NOT IN ({_ENDED}) AND {where}",
                (number, now_number(), *columns.values(), id),
            ).rowcount
        return self.get(id) if changed else None

    def forget(self, *, before: float, most: int) -> None:
        """Forget jobs that ended before a moment, and all but the newest of those that have ended."""
        with self._transaction() as connection:
            connection.execute(f"DELETE FROM jobs WHERE state IN ({_ENDED}) AND ended < ?", (before,))
            connection.execute(
                f"DELETE FROM jobs WHERE sequence IN (SELECT sequence FROM jobs WHERE state IN ({_ENDED}) "
                "ORDER BY sequence DESC LIMIT -1 OFFSET ?)",
                (most,),
            )


def now_number() -> int:
    """The number of an event that happens now."""
    return time.time_ns() // 1_000_000


def _connect(name: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        name, uri=uri, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def _read_only(path: Path) -> sqlite3.Connection:
    """The database as it is, also where no file may be put beside it."""
    place = path.as_uri()
    for options in ("mode=ro", "mode=ro&immutable=1"):
        connection = _connect(f"{place}?{options}", uri=True)
        try:
            connection.execute("SELECT count(*) FROM jobs").fetchone()
            return connection
        except sqlite3.OperationalError:
            connection.close()
    return _connect(":memory:")


def _row(columns: dict[str, Any]) -> Row:
    progress = columns["progress"]
    fields = ("id", "kind", "state", "created", "started", "ended", "attempts", "error", "output")
    job = Job(
        **{name: columns[name] for name in fields},
        parameters=json.loads(columns["parameters"]),
        progress=None if progress is None else JobProgress(**json.loads(progress)),
    )
    result = columns["result"]
    return Row(
        job=job,
        number=columns["number"],
        crashes=columns["crashes"],
        cancelling=bool(columns["cancelling"]),
        result=None if result is None else json.loads(result),
    )
