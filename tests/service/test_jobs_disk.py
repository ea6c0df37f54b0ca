"""Jobs on a disk that is full, or may not be written to: clear errors, nothing lost, and it goes on after."""

import asyncio
import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from carving.service import Settings, Workspace
from carving.service._problems import Refusal
from carving.service.jobs import Jobs, Uploads
from carving.service.jobs._disk import has_no_room, may_not_write
from tests.service.job_runs import ended, kinds_of_tests, listed, pretended, started, until

SIZE = 2**21


def mounted(*options: str) -> None:
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a file system here: {done.stderr.strip()}")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A workspace on a disk of 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """No byte more fits into it."""
    path = folder / "filler"
    with open(path, "wb", buffering=0) as file, pytest.raises(OSError) as full:
        file.writelines(bytes(4096) for _ in range(SIZE // 4096 + 1))
    assert full.value.errno == errno.ENOSPC
    yield
    path.unlink()


def note(output: str, **parameters) -> dict:
    return {"output": output, **parameters}


def refused(status: int):
    return pytest.raises(Refusal, check=lambda error: error.status == status)


async def refused_for_want_of_room(jobs: Jobs) -> None:
    """Submit until no more is taken: the log of the database still has the room that it once had."""

    async def submit_many() -> None:
        for number in range(1000):
            await jobs.submit("note", note(f"b{number}"))

    with refused(507):
        await submit_many()


async def blocks(*parts: bytes):
    for part in parts:
        yield part


def test_a_full_disk_refuses_and_goes_on(small):
    async def main():
        with pretended() as children:
            async with started(small) as jobs:
                with filled(small):
                    with refused(507):
                        await jobs.submit("note", note("a"))
                    with refused(507):
                        await Uploads(Workspace(small), Settings()).keep(blocks(b"0,1\n"), ".csv")
                job = await jobs.submit("note", note("a"))
                await until(lambda: job.id in children)
                with filled(small):
                    await refused_for_want_of_room(jobs)
                    assert jobs.get(job.id).state == "running"
                assert not list((small / ".carving/uploads").glob("*"))
                children[job.id].makes()
                children[job.id].ends(0)
                assert (await ended(jobs, job.id)).state == "done"
            async with started(small) as jobs:
                assert jobs.get(job.id).state == "done"
                assert jobs.list(state="done")[1] == 1

    asyncio.run(main())


def test_what_cannot_be_written_down_waits_until_it_can(small, monkeypatch):
    monkeypatch.setattr("carving.service.jobs._board._PATIENCE_SECONDS", 0.01)

    async def main():
        with pretended() as children:
            async with started(small) as jobs:
                job = await jobs.submit("note", note("a"))
                await until(lambda: job.id in children)
                children[job.id].makes()
                with filled(small):
                    await refused_for_want_of_room(jobs)
                    children[job.id].ends(0)
                    await asyncio.sleep(0.1)
                    assert jobs.get(job.id).state == "running"
                assert (await ended(jobs, job.id)).state == "done"

    asyncio.run(main())


def test_a_service_that_is_started_on_a_full_disk_works_when_there_is_room(small, monkeypatch):
    monkeypatch.setattr("carving.service.jobs._jobs._PATIENCE_SECONDS", 0.01)

    async def main():
        with pretended() as children:
            async with started(small) as jobs:
                job = await jobs.submit("note", note("a"))
                await until(lambda: job.id in children)
            children.clear()
            with filled(small):
                jobs = Jobs(Workspace(small), Settings())
                await jobs.start()
                assert jobs.get(job.id).output == "a"
            await until(lambda: job.id in children)
            await jobs.stop()

    asyncio.run(main())


def test_a_job_that_fills_the_disk_fails_and_takes_it_all_away(small):
    async def main():
        with kinds_of_tests():
            async with started(small) as jobs:
                job = await jobs.submit("note", note("a", behaviour="fills"))
                job = await ended(jobs, job.id)
                assert job.state == "failed"
                assert "no room is left on the disk" in (job.error or "")
                assert (await ended(jobs, (await jobs.submit("note", note("b"))).id)).state == "done"

    asyncio.run(main())
    assert listed(small) == ["b"]


def test_a_workspace_that_may_not_be_written_to_can_be_looked_at(tmp_path):
    folder, seen = tmp_path / "workspace", tmp_path / "seen"
    for each in (folder, seen):
        each.mkdir()

    async def fill() -> tuple[str, str]:
        with pretended() as children:
            async with started(folder) as jobs:
                done, waiting = [await jobs.submit("note", note(name)) for name in "ab"]
                await until(lambda: done.id in children)
                children[done.id].makes()
                children[done.id].ends(0)
                await ended(jobs, done.id)
                return done.id, waiting.id

    async def look(done: str, waiting: str) -> None:
        with pretended():
            async with started(seen) as jobs:
                assert jobs.get(done).state == "done"
                assert jobs.result(done).name == "a"
                assert jobs.list()[1] == 2
                with pytest.raises(Refusal, match="cannot be written to") as error:
                    await jobs.submit("note", note("c"))
                assert error.value.status == 403
                with refused(403):
                    await jobs.cancel(waiting)
                with refused(403):
                    await Uploads(Workspace(seen), Settings()).keep(blocks(b"0"), ".csv")

    done, waiting = asyncio.run(fill())
    mounted("--bind", str(folder), str(seen))
    try:
        mounted("-o", "remount,ro,bind", str(seen))
        asyncio.run(look(done, waiting))
    finally:
        subprocess.run(["umount", "-l", str(seen)], check=True)


def test_an_empty_workspace_that_may_not_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_, **__: False)

    async def main():
        with pretended():
            async with started(tmp_path) as jobs:
                assert jobs.list() == ([], 0)
                with pytest.raises(Refusal, match="cannot be written to"):
                    await jobs.submit("note", note("a"))

    asyncio.run(main())
    assert not list(tmp_path.iterdir())


def test_causes_are_looked_at():
    def wrapped(error: Exception) -> Exception:
        try:
            raise ValueError("checkpoint could not be written") from error
        except ValueError as outer:
            return outer

    full = OSError(errno.ENOSPC, "No space left on device")
    assert has_no_room(full)
    assert has_no_room(wrapped(full))
    assert not has_no_room(wrapped(OSError(errno.EACCES, "Permission denied")))
    assert may_not_write(OSError(errno.EROFS, "Read-only file system"))
    assert not may_not_write(full)
    assert not has_no_room(sqlite3.OperationalError("no such table"))
