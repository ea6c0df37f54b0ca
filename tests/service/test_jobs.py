"""Jobs without their processes: what is accepted, in which order it is begun, how it ends, what is kept."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carving.errors import InvalidInput, MissingFile, OutputExists
from carving.service._problems import Refusal
from carving.service.jobs import Job, Jobs
from carving.service.jobs._jobs import KEPT_SECONDS
from carving.service.jobs._store import JobStore
from carving.service.jobs._supervisor import MOST_CRASHES
from tests.service.job_kinds.note import REFUSED
from tests.service.job_runs import PretendedChild, ended, kill, listed, pretended, started, until


@pytest.fixture
def children():
    with pretended() as children:
        yield children


def note(output: str, **parameters):
    return {"output": output, **parameters}


def refused(status: int):
    return pytest.raises(Refusal, check=lambda error: error.status == status)


# ---- what is accepted


def test_nothing_is_written_before_the_first_job(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            assert jobs.list() == ([], 0)
            with pytest.raises(MissingFile):
                jobs.get("0" * 32)
            with pytest.raises(MissingFile):
                await anext(jobs.events("0" * 32))

    asyncio.run(main())
    assert not list(tmp_path.iterdir())


def test_an_accepted_job_is_on_the_disk(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            # as another program sees it, which knows only what is committed
            with sqlite3.connect(tmp_path / ".carving/jobs.sqlite") as other:
                assert other.execute("SELECT kind, output FROM jobs WHERE id = ?", (job.id,)).fetchall() == [
                    ("note", "a")
                ]
                assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            other.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("kind", "parameters", "error"),
    [
        ("nothing", {}, MissingFile),
        ("note", {}, InvalidInput),
        ("note", {"output": "a", "surplus": 1}, InvalidInput),
        ("note", {"output": "../a"}, InvalidInput),
        ("note", {"output": ".a"}, InvalidInput),
        ("note", {"output": "a.partial"}, InvalidInput),
        ("note", {"output": "there"}, OutputExists),
        ("note", {"output": "a", "lines": REFUSED}, InvalidInput),
        ("note", {"output": "a", "pause": float("nan")}, InvalidInput),
        ("note", {"output": "a", "samples": {"file": "none.npz"}}, MissingFile),
        ("note", {"output": "a", "samples": {"file": "../secret.npz"}}, MissingFile),
        ("note", {"output": "a", "samples": {"upload": "0" * 32}}, MissingFile),
        ("note", {"output": "a", "samples": {"upload": "../secret"}}, InvalidInput),
    ],
)
def test_what_would_fail_is_refused(tmp_path, children, kind, parameters, error):
    folder = tmp_path / "workspace"
    (folder / "there").mkdir(parents=True)
    (tmp_path / "secret.npz").write_bytes(b"secret")

    async def main():
        async with started(folder) as jobs:
            with pytest.raises(error) as caught:
                await jobs.submit(kind, parameters)
            assert "\n" not in str(caught.value)
            assert jobs.list() == ([], 0)

    asyncio.run(main())


def test_a_key_stands_for_one_job(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            submissions = [jobs.submit("note", note("a"), "key") for _ in range(10)]
            first, *others = await asyncio.gather(*submissions)
            assert {job.id for job in others} == {first.id}
            with refused(409):
                await jobs.submit("note", note("b"), "key")
            with refused(409):
                await jobs.submit("letter", {}, "key")
            await until(lambda: first.id in children)
            children[first.id].makes()
            children[first.id].ends(0)
            await ended(jobs, first.id)
        async with started(tmp_path) as jobs:
            # also when it has ended, and its output is there
            assert (await jobs.submit("note", note("a", lines=3), "key")).id == first.id
            assert jobs.list()[1] == 1

    asyncio.run(main())


def test_a_name_is_reserved_while_a_job_makes_it(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            with refused(409):
                await jobs.submit("note", note("a"))
            await jobs.cancel(job.id)
            assert (await jobs.submit("note", note("a"))).id != job.id

    asyncio.run(main())


def test_no_more_jobs_wait_than_may(tmp_path, children):
    async def main():
        async with started(tmp_path, jobs_waiting=2) as jobs:
            first = await jobs.submit("note", note("a"), "key")
            await jobs.submit("note", note("b"))
            with refused(429):
                await jobs.submit("note", note("c"))
            assert (await jobs.submit("note", note("a"), "key")).id == first.id
            await jobs.cancel(first.id)
            await jobs.submit("note", note("c"))

    asyncio.run(main())


# ---- how they are begun and end


def test_the_first_come_are_the_first_begun_and_not_too_many_at_once(tmp_path, children):
    async def main():
        async with started(tmp_path, jobs_at_once=2) as jobs:
            ids = [(await jobs.submit("note", note(name))).id for name in "abcd"]
            await until(lambda: len(children) == 2)
            await asyncio.sleep(0.05)
            assert set(children) == set(ids[:2])
            assert [jobs.get(id).state for id in ids] == ["running", "running", "waiting", "waiting"]
            children[ids[1]].makes()
            children[ids[1]].ends(0)
            assert (await ended(jobs, ids[1])).state == "done"
            await until(lambda: len(children) == 3)
            assert set(children) == set(ids[:3])
            assert jobs.list(state="running")[1] == 2
            assert [job.id for job in jobs.list(limit=2, offset=1)[0]] == ids[::-1][1:3]
            assert jobs.result(ids[1]).name == "b"
            with refused(409):
                jobs.result(ids[0])

    asyncio.run(main())


def test_an_error_fails_a_job(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            await until(lambda: job.id in children)
            children[job.id].ends(1, "samples: are none")
            job = await ended(jobs, job.id)
            assert (job.state, job.error) == ("failed", "samples: are none")
            with refused(409):
                jobs.result(job.id)
            with refused(409):
                await jobs.cancel(job.id)
            await until(lambda: not (tmp_path / ".carving/jobs" / job.id).exists())

    asyncio.run(main())


def test_a_job_whose_process_dies_again_and_again_fails(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            for attempt in range(1, MOST_CRASHES + 1):
                await until(lambda: job.id in children)
                assert jobs.get(job.id).attempts == attempt
                children.pop(job.id).ends(-9)
            job = await ended(jobs, job.id)
            assert job.state == "failed"
            assert "3 times" in (job.error or "")
            assert "signal 9" in (job.error or "")

    asyncio.run(main())


def test_a_service_that_is_started_anew_is_no_crash_of_the_job(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            id = (await jobs.submit("note", note("a"))).id
        for attempt in range(MOST_CRASHES + 2):
            children.clear()
            async with started(tmp_path) as jobs:
                await until(lambda: id in children)
                assert jobs.get(id).attempts >= attempt + 1
                if attempt % 2:
                    await kill(jobs)
        children.clear()
        async with started(tmp_path) as jobs:
            await until(lambda: id in children)
            children[id].makes()
            children[id].ends(0)
            assert (await ended(jobs, id)).state == "done"

    asyncio.run(main())


def test_a_result_is_recognised_whenever_the_service_was_killed(tmp_path, children):
    async def main():
        jobs = Jobs(*workspace_of(tmp_path))
        await jobs.start()
        job = await jobs.submit("note", note("a"))
        await until(lambda: job.id in children)
        children.pop(job.id).makes(publish=False)
        assert listed(tmp_path) == []
        await kill(jobs)
        async with started(tmp_path) as jobs:
            await until(lambda: job.id in children)
            children.pop(job.id).folder.publish()
            assert listed(tmp_path) == ["a"]
            await kill(jobs)
        async with started(tmp_path) as jobs:
            await until(lambda: job.id in children)
            children[job.id].folder.publish()
            children[job.id].ends(0)
            assert (await ended(jobs, job.id)).state == "done"

    asyncio.run(main())


def workspace_of(folder: Path):
    from carving.service import Settings, Workspace

    return Workspace(folder), Settings()


def test_a_name_that_was_taken_meanwhile_is_left_alone(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            await until(lambda: job.id in children)
            (tmp_path / "a").mkdir()
            (tmp_path / "a" / "mine").write_text("mine")
            with pytest.raises(OutputExists):
                children[job.id].makes()
            children[job.id].ends(1, "'a': has come to be there meanwhile")
            assert (await ended(jobs, job.id)).state == "failed"
            assert (tmp_path / "a" / "mine").read_text() == "mine"

    asyncio.run(main())


def test_cancelled_jobs_are_ended_and_leave_nothing(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            running, waiting = [await jobs.submit("note", note(name)) for name in "ab"]
            await until(lambda: running.id in children)
            for job in (waiting, running):
                assert (await jobs.cancel(job.id)).state == "cancelled"
                assert (await jobs.cancel(job.id)).state == "cancelled"
            assert children[running.id].code.result() == -15
            assert list(children) == [running.id]
            assert listed(tmp_path) == []
            assert not list((tmp_path / ".carving/jobs").iterdir())

    asyncio.run(main())


def test_a_job_that_is_done_first_is_not_cancelled(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            await until(lambda: job.id in children)
            children[job.id].makes()
            with refused(409):
                await jobs.cancel(job.id)
            assert jobs.get(job.id).state == "done"
            assert listed(tmp_path) == ["a"]

    asyncio.run(main())


def test_a_job_that_is_cancelled_just_before_it_is_begun_is_not_begun(tmp_path, children, monkeypatch):
    looked_up = JobStore.next_waiting

    def cancelled_then(store: JobStore, busy: set[str]):
        row = looked_up(store, busy)
        if row is not None:
            store.change(row.job.id, cancelling=True)
        return row

    monkeypatch.setattr(JobStore, "next_waiting", cancelled_then)

    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            assert (await ended(jobs, job.id)).state == "cancelled"
            assert not children

    asyncio.run(main())


def test_what_has_ended_does_not_change(tmp_path):
    store = JobStore(tmp_path / "jobs.sqlite", writable=True)
    job = Job(id="0" * 32, kind="note", parameters={}, state="waiting", created=0.0)
    store.add(job, None, most=1)
    ended = store.change(job.id, state="failed", error="no")
    assert ended is not None
    assert store.change(job.id, state="done") is None
    assert store.get(job.id) == ended
    store.close()


# ---- what can be followed


def test_events_say_everything_to_the_end(tmp_path, children):
    from carving.service.jobs import JobProgress

    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            seen = []

            async def follow():
                async for event in jobs.events(job.id):
                    seen.append(event)

            follower = asyncio.create_task(follow())
            await until(lambda: job.id in children and children[job.id].report)
            for done in range(3):
                await children[job.id].report(JobProgress(stage="lines", done=done, total=3))
                await until(lambda done=done: seen and (p := seen[-1].job.progress) and p.done == done)
            assert jobs.get(job.id).progress == JobProgress(stage="lines", done=2, total=3)
            children[job.id].makes()
            children[job.id].ends(0)
            await follower
            numbers = [event.number for event in seen]
            assert numbers == sorted(set(numbers))
            assert [event.job.state for event in seen if event.job.has_ended] == ["done"]
            assert seen[-1].job.progress == JobProgress(stage="lines", done=2, total=3)
            # who comes later is told the end, whatever he has seen
            for after in (0, numbers[-2], numbers[-1]):
                assert [event async for event in jobs.events(job.id, after)] == [seen[-1]]
        async with started(tmp_path) as jobs:
            assert [event async for event in jobs.events(job.id)] == [seen[-1]]

    asyncio.run(main())


def test_followers_are_let_go_when_the_service_stops(tmp_path, children):
    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            follower = asyncio.create_task(ended(jobs, job.id))
            await until(lambda: job.id in children)
        with pytest.raises(AssertionError, match="before the job"):
            await follower

    asyncio.run(main())


# ---- what is kept


def test_old_jobs_are_forgotten_with_what_they_made(tmp_path, children, monkeypatch):
    async def main():
        async with started(tmp_path, jobs_at_once=9) as jobs:
            ids = [(await jobs.submit("note", note(name))).id for name in "abcd"]
            await until(lambda: len(children) == 4)
            for id in ids[:3]:
                children[id].ends(1, "no")
                await ended(jobs, id)
            with sqlite3.connect(tmp_path / ".carving/jobs.sqlite") as other:
                other.execute(
                    "UPDATE jobs SET ended = ? WHERE id = ?", (time.time() - KEPT_SECONDS - 1, ids[1])
                )
            other.close()
            strange = tmp_path / ".carving/jobs" / ("f" * 32)
            strange.mkdir()
            jobs._forget()
            assert [job.id for job in jobs.list()[0]] == [ids[3], ids[2], ids[0]]
            assert not strange.exists()
            assert (tmp_path / ".carving/jobs" / ids[3]).exists()
            monkeypatch.setattr("carving.service.jobs._jobs.MOST_KEPT", 1)
            jobs._forget()
            assert [job.id for job in jobs.list()[0]] == [ids[3], ids[2]]

    asyncio.run(main())


def test_one_service_at_a_time_works_on_the_jobs(tmp_path, children, monkeypatch):
    monkeypatch.setattr("carving.service.jobs._jobs._LOCK_SECONDS", 0.05)

    async def main():
        async with started(tmp_path) as jobs:
            job = await jobs.submit("note", note("a"))
            async with started(tmp_path) as other:
                assert other.get(job.id).output == "a"
                with refused(409):
                    await other.submit("note", note("b"))
                with refused(409):
                    await other.cancel(job.id)

    asyncio.run(main())


@pytest.mark.parametrize("damage", [b"no database", None])
def test_a_database_that_cannot_be_used_is_left_alone(tmp_path, children, damage):
    database = tmp_path / ".carving/jobs.sqlite"
    database.parent.mkdir()
    if damage is None:
        with sqlite3.connect(database) as other:
            other.execute("PRAGMA user_version = 99")
        other.close()
    else:
        database.write_bytes(1000 * damage)
    before = database.read_bytes()

    async def main():
        async with started(tmp_path) as jobs:
            assert jobs.list() == ([], 0)
            with pytest.raises(Exception, match=r"jobs\.sqlite"):
                await jobs.submit("note", note("a"))

    asyncio.run(main())
    assert database.read_bytes() == before


# ---- any order of events

ACTIONS = ("submit", "make", "half-make", "fail", "die", "cancel", "restart", "kill")


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 3)), max_size=14))
def test_every_accepted_job_ends_once_whatever_happens(tmp_path_factory, actions):
    folder = tmp_path_factory.mktemp("workspace")
    final: dict[str, str] = {}
    accepted: list[str] = []

    def look(jobs: Jobs) -> None:
        states = {job.id: job for job in jobs.list(limit=1000)[0]}
        assert set(states) == set(accepted)
        for id, job in states.items():
            if job.has_ended:
                assert final.setdefault(id, job.state) == job.state
            else:
                assert id not in final
        done = {job.output for job in states.values() if job.state == "done"}
        assert done <= set(listed(folder))
        assert sum(job.state == "running" for job in states.values()) <= 2

    async def quiet(jobs: Jobs, children: dict[str, PretendedChild]) -> list[str]:
        """Names of the jobs under way, when as many are as can be."""

        def is_quiet() -> bool:
            open_ = [job for job in jobs.list(limit=1000)[0] if not job.has_ended]
            under_way = [job for job in open_ if job.id in children and not children[job.id].code.done()]
            return len(under_way) == min(2, len(open_))

        await until(is_quiet)
        open_ids = {job.id for job in jobs.list(limit=1000)[0] if not job.has_ended}
        return [id for id in accepted if id in open_ids and id in children]

    async def settled(
        jobs: Jobs, id: str, child: PretendedChild, children: dict[str, PretendedChild]
    ) -> None:
        await until(lambda: children.get(id) is not child or jobs.get(id).has_ended)

    async def main(children: dict[str, PretendedChild]) -> None:
        workspace, options = workspace_of(folder)
        options = type(options)(jobs_at_once=2)
        jobs = Jobs(workspace, options)
        await jobs.start()
        for action, which in [("submit", 0), *actions, ("restart", 0)]:
            under_way = await quiet(jobs, children)
            id = under_way[which % len(under_way)] if under_way else None
            if action == "submit":
                accepted.append((await jobs.submit("note", note(f"n{len(accepted)}"))).id)
            elif action in ("restart", "kill"):
                await (jobs.stop() if action == "restart" else kill(jobs))
                children.clear()
                jobs = Jobs(workspace, options)
                await jobs.start()
            elif action == "cancel" and accepted:
                chosen = accepted[which % len(accepted)]
                if not jobs.get(chosen).has_ended:
                    await jobs.cancel(chosen)
            elif id is not None:
                child = children[id]
                if action in ("make", "half-make"):
                    child.makes(publish=action == "make")
                child.ends(*{"make": (0,), "fail": (1, "no")}.get(action, (-9,)))
                await settled(jobs, id, child, children)
            await quiet(jobs, children)
            look(jobs)
        for _ in range(3 * len(accepted)):
            for id in await quiet(jobs, children):
                children[id].makes()
                children[id].ends(0)
                await ended(jobs, id)
        look(jobs)
        assert len(final) == len(accepted)
        done = sorted(jobs.get(id).output or "" for id in accepted if final[id] == "done")
        assert listed(folder) == done
        await jobs.stop()

    with pretended() as children:
        asyncio.run(main(children))
