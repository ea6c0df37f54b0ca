"""Files that clients have sent for their jobs: kept for a day, or as long as a job needs them."""

from __future__ import annotations

import asyncio
import os
import re
import time
import uuid
from collections.abc import AsyncIterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from carving.errors import InvalidInput, MissingFile
from carving.service._bodies import BODIES, check_archive
from carving.service._problems import Refusal
from carving.service.jobs._disk import refusals, sync_folder

if TYPE_CHECKING:
    from carving.service._settings import Settings
    from carving.service.workspace import Workspace

UPLOAD_ID = r"[0-9a-f]{32}"
_FOLDER = "uploads"
_PARTIAL = ".partial"
_KEPT_SECONDS = 24 * 3600.0
_BLOCK = 2**20


class Uploads:
    """The uploads of a workspace.

    Parameters
    ----------
    workspace
        Where they are kept.
    settings
        ``upload_bytes`` is used.
    """

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._settings = settings

    @property
    def _folder(self) -> Path:
        return self._workspace.own_folder / _FOLDER

    async def keep(self, blocks: AsyncIterable[bytes], suffix: str) -> str:
        """Keep a file, whole or not at all.

        Parameters
        ----------
        blocks
            Its content.
        suffix
            How its name ends, which says what it is.

        Returns
        -------
        str
            What it is called from now on.

        Raises
        ------
        Refusal
            413 if it is too large, 403 or 507 if the disk does not take it, 400 if it is damaged.
        """
        suffixes = [body.suffix for body in BODIES.values()]
        if suffix not in suffixes:
            raise InvalidInput(f"upload {suffix!r}: is no kind of file; take one of {', '.join(suffixes)}")
        if not self._workspace.is_writable:
            raise Refusal(403, "upload: the workspace cannot be written to; name a file that it holds")
        id = uuid.uuid4().hex
        with refusals("upload"):
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
            partial = self._folder / f"{id}{_PARTIAL}"
            try:
                await self._receive(blocks, partial)
                await asyncio.to_thread(self._accept, partial, self._folder / f"{id}{suffix}")
            finally:
                partial.unlink(missing_ok=True)
        return id

    async def _receive(self, blocks: AsyncIterable[bytes], partial: Path) -> None:
        most, size, waiting = self._settings.upload_bytes, 0, bytearray()
        with open(partial, "xb", buffering=0) as file:
            async for block in blocks:
                size += len(block)
                if size > most:
                    raise Refusal(413, f"upload: is larger than the {most:,} bytes that are taken")
                waiting += block
                if len(waiting) >= _BLOCK:
                    await asyncio.to_thread(_write, file, bytes(waiting))
                    waiting.clear()
            await asyncio.to_thread(_write, file, bytes(waiting))
        if not size:
            raise Refusal(400, "upload: is empty; send the file as the body")

    def _accept(self, partial: Path, target: Path) -> None:
        if target.suffix == ".npz":
            with open(partial, "rb") as file:
                check_archive(file, self._settings.upload_bytes, source="upload")
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.rename(partial, target)
        sync_folder(self._folder)

    def path(self, id: str) -> Path:
        """Where an upload lies.

        Raises
        ------
        MissingFile
            If there is none of that name any more.
        """
        found = list(self._folder.glob(f"{id}.*")) if re.fullmatch(UPLOAD_ID, id) else []
        whole = [path for path in found if path.suffix != _PARTIAL]
        if not whole:
            raise MissingFile(f"upload {id[:100]!r}: is not there, or no longer; send the file again")
        return whole[0]

    def hold(self, id: str) -> None:
        """Let the day that an upload is kept begin anew."""
        os.utime(self.path(id))

    def sweep(self, in_use: set[str]) -> None:
        """Take away what is older than a day and used by no job that has not ended."""
        try:
            entries = list(os.scandir(self._folder))
        except OSError:
            return
        for entry in entries:
            try:
                old = time.time() - entry.stat(follow_symlinks=False).st_mtime > _KEPT_SECONDS
                if old and entry.name.partition(".")[0] not in in_use:
                    os.unlink(entry.path)
            except OSError:
                continue


def uploads_in(parameters: Any) -> set[str]:
    """Names of all uploads in parameters, as JSON gives them."""
    if isinstance(parameters, dict):
        own = {parameters["upload"]} if isinstance(parameters.get("upload"), str) else set()
        return own.union(*map(uploads_in, parameters.values()))
    return set()


def _write(file: IO[bytes], content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        # an unbuffered file may take less than it is given
        rest = rest[file.write(rest) :]
