"""Jobs in their processes: what those report, and how they end: with the service, by themselves, by force."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from carving.service import Workspace
from carving.service.jobs._folder import JobFolder
from carving.service.jobs._lock import FileLock
from tests.service import job_worker
from tests.service.job_kinds import note
from tests.service.job_runs import ended, kinds_of_tests, listed, reached, started


@pytest.fixture(autouse=True)
def more_kinds():
    with kinds_of_tests():
        yield


def test_jobs_run_side_by_side_and_end_as_they_should(tmp_path, capfd):
    wanted = {"good": "done", "prints": "done", "refuses": "failed", "breaks": "failed"}

    async def main():
        async with started(tmp_path, jobs_at_once=5) as jobs:
            ids = {
                behaviour: (await jobs.submit("note", {"output": behaviour, "behaviour": behaviour})).id
                for behaviour in wanted
            }
            letter = await jobs.submit("letter", {"text": "dear"})
            for behaviour, id in ids.items():
                job = await ended(jobs, id)
                assert job.state == wanted[behaviour], job.error
                if job.state == "done":
                    assert (tmp_path / behaviour / "tree.zarr/note.txt").read_text() == note.text(3)
                    assert job.progress is not None
                    assert (job.progress.stage, job.progress.done) == ("line 2", 3)
                    assert jobs.result(id).kind == "tree"
            # a place is told as others may know it
            assert jobs.get(ids["refuses"]).error == f".carving/jobs/{ids['refuses']}/work: is refused"
            assert "unexpected RuntimeError" in (jobs.get(ids["breaks"]).error or "")
            await ended(jobs, letter.id)
            result = jobs.result(letter.id)
            assert result.path is not None
            assert (result.name, result.media_type) == ("letter.csv", "text/csv")
            assert result.path.read_text() == "dear"
        async with started(tmp_path) as jobs:
            assert jobs.result(letter.id) == result
            assert result.path.read_text() == "dear"

    asyncio.run(main())
    assert listed(tmp_path) == ["good", "prints"]
    assert capfd.readouterr().out == ""


def test_cancelled_and_stopped_processes_are_gone(tmp_path):
    async def main():
        async with started(tmp_path, jobs_at_once=2) as jobs:
            slow = [
                (await jobs.submit("note", {"output": name, "lines": 1000, "pause": 0.02})).id
                for name in ("a", "b")
            ]
            for id in slow:
                await reached(jobs, id, 2)
            pids = workers_of(tmp_path)
            assert len(pids) == 2
            assert all(os.getpriority(os.PRIO_PROCESS, pid) == 10 for pid in pids)
            assert (await jobs.cancel(slow[0])).state == "cancelled"
        assert not workers_of(tmp_path)

    asyncio.run(main())
    assert listed(tmp_path) == []


@pytest.mark.slow
def test_a_process_that_does_not_want_to_end_is_ended(tmp_path):
    async def main():
        async with started(tmp_path) as jobs:
            asked = {"output": "a", "lines": 1000, "pause": 0.02, "behaviour": "ignores"}
            job = await jobs.submit("note", asked)
            await reached(jobs, job.id, 2)
            assert (await jobs.cancel(job.id)).state == "cancelled"
        assert not workers_of(tmp_path)

    asyncio.run(main())


@pytest.mark.slow
def test_a_process_that_dies_is_begun_again_three_times(tmp_path):
    async def main():
        async with started(tmp_path) as jobs:
            job = await ended(jobs, (await jobs.submit("note", {"output": "a", "behaviour": "dies"})).id)
            assert (job.state, job.attempts) == ("failed", 3)
            assert "signal 9" in (job.error or "")

    asyncio.run(main())
    assert listed(tmp_path) == []


def test_a_process_ends_with_its_service_and_only_one_works_on_a_job(tmp_path):
    workspace = Workspace(tmp_path)
    folder = JobFolder(workspace, "0" * 32)
    folder.make()
    order = {
        "kind": "note",
        "parameters": {"output": "a", "lines": 1000, "pause": 0.02},
        "output": "a",
        "device": "cpu",
        "threads": 1,
    }
    process = subprocess.Popen(
        [sys.executable, *job_worker.COMMAND, str(tmp_path), "0" * 32],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(orjson.dumps(order) + b"\n")
    process.stdin.flush()
    assert b"progress" in process.stdout.readline()
    with pytest.raises(TimeoutError):
        FileLock(folder.path / "lock")
    before = time.monotonic()
    process.stdin.close()
    assert process.wait(10) == 3
    assert time.monotonic() - before < 2
    folder.lock().release()
    process.stdout.close()


def workers_of(folder: Path) -> list[int]:
    """Processes of jobs that were begun here and have not ended."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            # nothing is left of the command of one that has ended
            if str(folder) in Path(f"/proc/{child}/cmdline").read_text():
                found.append(int(child))
    return found
