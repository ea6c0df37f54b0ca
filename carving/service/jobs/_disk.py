"""Disks that are full or may not be written to, told apart from everything else that can go wrong."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from carving.service._problems import Refusal

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)
NO_ROOM = "no room is left on the disk of the workspace; make room and try again"


def has_no_room(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that the disk is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        # what else SQLite cannot write, its files beside the database, it calls an I/O error
        if isinstance(error, sqlite3.OperationalError) and _code(error) in (
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def may_not_write(error: BaseException) -> bool:
    """Whether an error is that the disk may not be written to."""
    if isinstance(error, sqlite3.OperationalError):
        return _code(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
    return isinstance(error, OSError) and error.errno in _NOT_ALLOWED


def _code(error: sqlite3.Error) -> int:
    """The error's kind, without what SQLite adds to it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Refuse what the disk does not take: 507 where it is full, 403 where it may not be written to."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if has_no_room(error):
            raise Refusal(507, f"{what}: {NO_ROOM}") from error
        if may_not_write(error):
            raise Refusal(
                403, f"{what}: the workspace cannot be written to; let the service write there"
            ) from error
        raise


def write_document(path: Path, document: Any) -> None:
    """Write a small JSON document, whole and on the disk when this returns."""
    beside = path.with_name(f"{path.name}.partial")
    with open(beside, "wb") as file:
        file.write(orjson.dumps(document))
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder last, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
