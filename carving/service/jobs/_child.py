"""A process of a job, as the service sees it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import IO, TYPE_CHECKING, Any

import orjson

from carving.service.jobs._job import JobProgress

if TYPE_CHECKING:
    from carving.service.jobs._folder import JobFolder
    from carving.service.workspace import Workspace

# -P: the folder that the service was started in may be anybody's
WORKER = ("-P", "-m", "carving.service.jobs._worker")
_PATIENCE_SECONDS = 5.0
_LONGEST_LINE = 2**20


class Child:
    """A process under way; made by :meth:`start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.error: str | None = None

    @classmethod
    async def start(cls, workspace: Workspace, folder: JobFolder, id: str, order: dict[str, Any]) -> Child:
        """Begin to work on a job.

        Raises
        ------
        OSError
            If the system does not let it.
        """
        log = await asyncio.to_thread(_opened, folder)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *WORKER,
                str(workspace.folder),
                id,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LONGEST_LINE,
                # Ctrl-C in a terminal is for the service, which sees to its children
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": str(order["threads"])},
            )
        finally:
            log.close()
        child = cls(process)
        assert process.stdin is not None
        process.stdin.write(orjson.dumps(order) + b"\n")
        return child

    async def follow(self, report: Callable[[JobProgress], Awaitable[None]]) -> int:
        """Pass on its reports until it has ended; its exit code comes back."""
        assert self._process.stdout is not None
        try:
            async for line in self._process.stdout:
                document = _read(line)
                if "error" in document:
                    self.error = str(document["error"])
                elif "progress" in document:
                    stage, done, total, message = document["progress"]
                    await report(JobProgress(stage=stage, done=done, total=total, message=message))
        except ValueError:
            # no line of ours is that long; what it made is found in its folder
            await self.end()
        return await self._process.wait()

    async def end(self) -> None:
        """End it: politely, and then at once."""
        for signal in (self._process.terminate, self._process.kill):
            if self._process.returncode is not None:
                return
            try:
                signal()
                await asyncio.wait_for(self._process.wait(), _PATIENCE_SECONDS)
            except (TimeoutError, ProcessLookupError):
                continue


def _opened(folder: JobFolder) -> IO[bytes]:
    folder.make()
    return open(folder.log, "wb")


def _read(line: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(line)
    except ValueError:
        # the last line of a process that was killed
        return {}
    return document if isinstance(document, dict) else {}
