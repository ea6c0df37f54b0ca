"""Who is solved with whom, in which order, and who is told what when it does not come to an answer."""

import asyncio
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from carving._progress import Progress
from carving.errors import InvalidInput, OutOfMemory
from carving.service._problems import Refusal
from carving.service.queries._batches import Abandoned, Batches
from carving.service.queries._warm import Warm

PATIENCE = 20.0


@dataclass
class Worker:
    """Doubles numbers, one batch whenever it is let; remembers what it was asked."""

    batches: list[tuple[str, list[int]]] = field(default_factory=list)
    began: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    may_end: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    abandoned: list[str] = field(default_factory=list)
    is_deaf: bool = False

    def let(self, batches: int = 1000) -> None:
        self.may_end.release(batches)


@dataclass(frozen=True)
class Doubled:
    """Equal by name, as equal settings are."""

    name: str
    worker: Worker = field(compare=False)
    numbers: int = 1

    def solve(self, samples, warm, progress) -> np.ndarray:
        worker = self.worker
        worker.batches.append((self.name, samples.tolist()))
        worker.began.release()
        while not worker.may_end.acquire(timeout=0.005):
            if worker.is_deaf:
                continue
            try:
                progress(Progress("doubling", 0, len(samples)))
            except Abandoned:
                worker.abandoned.append(self.name)
                raise
        if (samples < 0).any():
            raise InvalidInput("negative")
        if (samples > 1000).any():
            raise OutOfMemory("too large")
        if (samples == 666).any():
            raise ZeroDivisionError
        return 2 * samples


class Clients:
    """Batches that are asked, and the tasks of those who wait."""

    def __init__(self, batches: Batches, worker: Worker) -> None:
        self.batches, self.worker = batches, worker

    def ask(self, name: str, *samples: int, numbers: int = 1) -> asyncio.Task:
        question = Doubled(name, self.worker, numbers)
        return asyncio.create_task(self.batches.ask(question, np.array(samples)))

    async def busy(self) -> asyncio.Task:
        """Keep the worker busy, and wait until it is."""
        task = self.ask("first", 0)
        await self.solving()
        return task

    async def solving(self) -> None:
        assert await asyncio.to_thread(self.worker.began.acquire, True, PATIENCE)

    async def waiting(self, rows: int) -> None:
        """Wait until so many rows wait."""
        async with asyncio.timeout(PATIENCE):
            while self.batches.rows_waiting != rows:
                await asyncio.sleep(0)


def played(scene, *, together: bool = True, most_waiting: int = 100_000, seconds: float = PATIENCE) -> Worker:
    """Play a scene of clients."""
    worker = Worker()

    async def play() -> None:
        batches = Batches(together=together, most_waiting=most_waiting, seconds=seconds)
        await batches.start()
        try:
            await scene(Clients(batches, worker))
        finally:
            worker.let()
            await batches.stop()

    asyncio.run(play())
    return worker


def test_who_waits_for_the_same_is_solved_together():
    async def scene(clients: Clients) -> None:
        first = await clients.busy()
        others = [clients.ask("a", number, number + 1) for number in range(0, 20, 2)]
        await clients.waiting(20)
        clients.worker.let()
        assert (await first).tolist() == [0]
        for number, answer in enumerate(await asyncio.gather(*others)):
            assert answer.tolist() == [4 * number, 4 * number + 2]

    assert played(scene).batches == [("first", [0]), ("a", list(range(20)))]


def test_nobody_waits_for_company():
    async def scene(clients: Clients) -> None:
        clients.worker.let()
        for number in range(5):
            assert (await clients.ask("a", number)).tolist() == [2 * number]

    assert [rows for _, rows in played(scene).batches] == [[0], [1], [2], [3], [4]]


def test_who_has_waited_longest_is_next():
    async def scene(clients: Clients) -> None:
        tasks = [await clients.busy()]
        for number, name in enumerate("bcbda", 1):
            tasks.append(clients.ask(name, number))
            await clients.waiting(number)
        clients.worker.let()
        await asyncio.gather(*tasks)

    assert played(scene).batches[1:] == [("b", [1, 3]), ("c", [2]), ("d", [4]), ("a", [5])]


def test_a_large_crowd_does_not_keep_others_waiting():
    async def scene(clients: Clients) -> None:
        tasks = [await clients.busy()]
        # of the first, two go together; those of the third came before the second
        for name, rows, waiting in [("a", 2000, 2000), ("a", 2000, 4000), ("b", 1, 4001), ("a", 2000, 6001)]:
            tasks.append(clients.ask(name, *[len(tasks)] * rows))
            await clients.waiting(waiting)
        clients.worker.let()
        await asyncio.gather(*tasks)

    assert [(name, len(rows)) for name, rows in played(scene).batches[1:]] == [
        ("a", 4000),
        ("b", 1),
        ("a", 2000),
    ]


def test_wide_rows_are_fewer():
    async def scene(clients: Clients) -> None:
        tasks = [await clients.busy()]
        tasks += [clients.ask("a", number, numbers=2**24) for number in range(5)]
        tasks += [clients.ask("b", 1, 2, 3, numbers=2**26)]
        await clients.waiting(8)
        clients.worker.let()
        await asyncio.gather(*tasks)

    assert [len(rows) for _, rows in played(scene).batches[1:]] == [2, 2, 1, 3]


def test_samples_of_another_shape_are_not_mixed():
    async def scene(clients: Clients) -> None:
        first = await clients.busy()
        question = Doubled("a", clients.worker)
        tasks = [
            asyncio.create_task(clients.batches.ask(question, np.ones(shape)))
            for shape in [(1, 2), (1, 2, 3), (2, 2)]
        ]
        await clients.waiting(4)
        clients.worker.let()
        shapes = [answer.shape for answer in await asyncio.gather(*tasks)]
        assert shapes == [(1, 2), (1, 2, 3), (2, 2)]
        await first

    assert len(played(scene).batches) == 3


def test_unless_batching_each_is_alone():
    async def scene(clients: Clients) -> None:
        tasks = [await clients.busy()]
        tasks += [clients.ask("a", number) for number in range(4)]
        await clients.waiting(4)
        clients.worker.let()
        await asyncio.gather(*tasks)

    assert [rows for _, rows in played(scene, together=False).batches[1:]] == [[0], [1], [2], [3]]


# ---- those who go


def test_who_has_gone_is_not_solved():
    async def scene(clients: Clients) -> None:
        tasks = [await clients.busy(), *[clients.ask("a", number) for number in range(3)]]
        await clients.waiting(3)
        tasks[2].cancel()
        await clients.waiting(2)
        clients.worker.let()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[2], asyncio.CancelledError)

    assert played(scene).batches[1:] == [("a", [0, 2])]


def test_what_nobody_waits_for_is_given_up():
    async def scene(clients: Clients) -> None:
        task = clients.ask("a", 1)
        await clients.solving()
        other = clients.ask("b", 2)
        await clients.waiting(1)
        task.cancel()
        # without any more being let end
        await clients.solving()
        clients.worker.let()
        assert (await other).tolist() == [4]

    assert played(scene).abandoned == ["a"]


def test_as_long_as_somebody_waits_it_is_not_given_up():
    async def scene(clients: Clients) -> None:
        first = await clients.busy()
        one, other = clients.ask("a", 1), clients.ask("a", 2)
        await clients.waiting(2)
        clients.worker.let(1)
        await clients.solving()
        one.cancel()
        await asyncio.sleep(0.05)
        clients.worker.let()
        assert (await other).tolist() == [4]
        await first

    assert played(scene).abandoned == []


def test_what_takes_too_long_is_refused_and_given_up():
    async def scene(clients: Clients) -> None:
        with pytest.raises(Refusal, match="in time") as refusal:
            await clients.ask("a", 1)
        assert refusal.value.status == 504

    worker = played(scene, seconds=1.0)
    assert worker.batches == [("a", [1])]


def test_waiting_counts_too():
    async def scene(clients: Clients) -> None:
        # the first is given up a moment before, and must not make room
        clients.worker.is_deaf = True
        await clients.busy()
        with pytest.raises(Refusal) as refusal:
            await clients.ask("a", 1)
        assert refusal.value.status == 504
        assert clients.batches.rows_waiting == 0

    assert [name for name, _ in played(scene, seconds=1.0).batches] == ["first"]


def test_too_many_are_asked_to_come_later():
    async def scene(clients: Clients) -> None:
        tasks = [await clients.busy(), clients.ask("a", *range(7))]
        await clients.waiting(7)
        with pytest.raises(Refusal, match="too many samples wait") as refusal:
            await clients.ask("b", 1, 2, 3, 4)
        assert (refusal.value.status, refusal.value.headers) == (503, {"Retry-After": "1"})
        tasks.append(clients.ask("b", 1, 2, 3))
        await clients.waiting(10)
        clients.worker.let()
        await asyncio.gather(*tasks)
        assert clients.batches.rows_waiting == 0

    played(scene, most_waiting=10)


def test_when_it_stops_all_are_told():
    async def scene(clients: Clients) -> None:
        tasks = [await clients.busy(), clients.ask("a", 1), clients.ask("b", 2)]
        await clients.waiting(2)
        await clients.batches.stop()
        for refusal in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(refusal, Refusal)
            assert refusal.status == 503

    assert len(played(scene).batches) == 1


# ---- errors


@pytest.mark.parametrize(
    ("bad", "error"), [(-1, InvalidInput), (1001, OutOfMemory), (666, ZeroDivisionError)]
)
def test_an_error_hits_only_who_causes_it(bad, error):
    async def scene(clients: Clients) -> None:
        tasks = [await clients.busy(), *[clients.ask("a", number) for number in (1, bad, 3)]]
        await clients.waiting(3)
        clients.worker.let()
        _, *results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[1], error)
        assert [np.asarray(results[row]).tolist() for row in (0, 2)] == [[2], [6]]
        # and it goes on
        assert (await clients.ask("a", 4)).tolist() == [8]

    assert [rows for _, rows in played(scene).batches[1:]] == [[1, bad, 3], [1], [bad], [3], [4]]


def test_others_are_served_while_it_solves():
    async def scene(clients: Clients) -> None:
        task = await clients.busy()
        turns = 0
        for _ in range(1000):
            await asyncio.sleep(0)
            turns += not task.done()
        assert turns == 1000
        clients.worker.let()
        await task

    played(scene)


# ---- what is kept


@dataclass
class Thing:
    bytes: int = 1
    points: int = 0


def test_the_least_used_are_given_up():
    warm, owner = Warm(most=3), (object(),)
    made = [warm.get(key, owner, Thing) for key in "abc"]
    assert warm.get("a", owner, Thing) is made[0]
    warm.get("d", owner, Thing)
    assert len(warm) == 3
    assert warm.get("a", owner, Thing) is made[0]
    assert warm.get("b", owner, Thing) is not made[1]


def test_what_has_grown_takes_the_room_of_others():
    warm, owner = Warm(most_bytes=10), (object(),)
    made = {key: warm.get(key, owner, Thing) for key in "abc"}
    made["c"].bytes = 9
    assert warm.get("b", owner, Thing) is made["b"]
    assert warm.get("c", owner, Thing) is made["c"]
    assert warm.get("a", owner, Thing) is not made["a"]


def test_what_is_asked_for_again_is_kept_however_large_it_is():
    warm, owner = Warm(most_bytes=10), (object(),)
    made = warm.get("a", owner, lambda: Thing(bytes=100))
    assert warm.get("a", owner, Thing) is made


def test_what_knows_too_many_points_begins_anew():
    warm, owner = Warm(most_points=5), (object(),)
    made = warm.get("a", owner, Thing)
    made.points = 5
    assert warm.get("a", owner, Thing) is made
    made.points = 6
    assert warm.get("a", owner, Thing) is not made


def test_what_belongs_to_other_contents_begins_anew():
    one, other = [], []
    warm = Warm()
    made = warm.get("a", (one, 1), Thing)
    assert warm.get("a", (one, 1), Thing) is made
    assert warm.get("a", (other, 1), Thing) is not made
