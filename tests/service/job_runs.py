"""Jobs in tests: started and stopped, waited for, and with processes that are only pretended."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import orjson

from carving.service import Settings, Workspace
from carving.service.jobs import Job, Jobs, _child, _supervisor
from carving.service.jobs._folder import JobFolder
from tests.service import job_worker


@contextmanager
def kinds_of_tests() -> Iterator[None]:
    """The kinds in ``job_kinds/``, here and in the processes of jobs."""
    job_worker.more_kinds()
    try:
        with mock.patch.object(_child, "WORKER", job_worker.COMMAND):
            yield
    finally:
        job_worker.fewer_kinds()


@asynccontextmanager
async def started(folder: Path, **settings: Any) -> AsyncIterator[Jobs]:
    jobs = Jobs(Workspace(folder), Settings(**settings))
    await jobs.start()
    try:
        yield jobs
    finally:
        await jobs.stop()


async def ended(jobs: Jobs, id: str) -> Job:
    """The job, when it has ended."""
    async with asyncio.timeout(60):
        async for event in jobs.events(id):
            if event.job.has_ended:
                return event.job
    raise AssertionError("events ended before the job")


async def reached(jobs: Jobs, id: str, done: int) -> None:
    """Wait until a job has reported so much."""
    async with asyncio.timeout(60):
        async for event in jobs.events(id):
            if event.job.progress is not None and event.job.progress.done >= done:
                return
    raise AssertionError(f"ended before {done}")


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


class PretendedChild:
    """Takes the place of ``Child``: nothing runs, and the test says what happens."""

    all: dict[str, "PretendedChild"]

    def __init__(self, folder: JobFolder, order: dict[str, Any]) -> None:
        self.folder, self.order = folder, order
        self.code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.error: str | None = None
        self.report: Any = None

    @classmethod
    async def start(cls, workspace: Workspace, folder: JobFolder, id: str, order: dict[str, Any]) -> Any:
        folder.make()
        child = cls.all[id] = cls(folder, orjson.loads(orjson.dumps(order)))
        return child

    async def follow(self, report: Any) -> int:
        self.report = report
        return await self.code

    async def end(self) -> None:
        self.ends(-15)

    # ---- what the test lets happen

    def ends(self, code: int, error: str | None = None) -> None:
        if not self.code.done():
            self.error = error
            self.code.set_result(code)

    def makes(self, *, publish: bool = True) -> None:
        """What the process of a note does, up to the moment before or after its result is moved."""
        if self.folder.outcome() is None:
            self.folder.begin()
            store = self.folder.result / "tree.zarr"
            store.mkdir()
            (store / "zarr.json").write_text('{"attributes": {"format": "carving-tree"}}')
            self.folder.finish({"kind": "tree", "name": self.order["output"]})
        if publish:
            self.folder.publish()


@contextmanager
def pretended() -> Iterator[dict[str, PretendedChild]]:
    """Children by the name of their job."""
    PretendedChild.all = {}
    job_worker.more_kinds()
    try:
        with mock.patch.object(_supervisor, "Child", PretendedChild):
            yield PretendedChild.all
    finally:
        job_worker.fewer_kinds()


async def kill(jobs: Jobs) -> None:
    """As if the service had been killed: nothing more is written down, and the kernel gives up its lock."""
    supervisor: Any = jobs._supervisor
    if supervisor is None:
        return
    tasks = [jobs._sweeping, supervisor._task, *(run.task for run in supervisor._running.values())]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    jobs._board.close()
    jobs._board.store.close()
    assert jobs._lock is not None
    jobs._lock.release()


def listed(folder: Path) -> list[str]:
    """What others see in a workspace."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))
