"""Who waits for an answer, and who is answered together.

Nothing is held back in the hope of more: whatever waits for the same thing when the worker becomes free is
solved together. While it is busy more come, so batches grow with the load.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any, Protocol, TypeVar

import numpy as np

from carving._progress import Progress, ProgressCallback
from carving.errors import CarvingError, OutOfMemory
from carving.service._problems import Refusal
from carving.service.queries._warm import Warm

Answer = TypeVar("Answer", bound="Rows", covariant=True)

_ROWS_TOGETHER = 4096
# numbers of all rows of a batch: a quarter of a GiB
_NUMBERS_TOGETHER = 2**25


class Rows(Protocol):
    """Something with one entry a sample."""

    def __getitem__(self, rows: slice, /) -> Any: ...


class Question(Hashable, Protocol[Answer]):
    """What can be asked of samples; equal questions are solved together.

    A new kind of question is a new frozen dataclass with these, and nothing here need know of it.
    """

    @property
    def numbers(self) -> int:
        """How many numbers a row takes."""
        raise NotImplementedError

    def solve(self, samples: np.ndarray, warm: Warm, progress: ProgressCallback) -> Answer:
        """One entry for each sample, whatever the others are; ``progress`` may raise to end it."""
        raise NotImplementedError


class Abandoned(Exception):
    """Nobody waits any more for what is being solved."""


@dataclass(eq=False)
class _Waiting:
    """Somebody with samples."""

    number: int
    samples: np.ndarray
    answer: asyncio.Future[Any]


@dataclass(eq=False)
class _Batch:
    """Those who are answered together."""

    question: Question[Any]
    members: list[_Waiting]
    abandoned: threading.Event = field(default_factory=threading.Event)

    def progress(self, _report: Progress) -> None:
        """Called by who solves, every now and then."""
        if self.abandoned.is_set():
            raise Abandoned


class Batches:
    """One thread that solves, and those who wait for it.

    Parameters
    ----------
    together
        Whether those who ask the same are solved together, with the points that earlier ones have found;
        otherwise each is solved alone, as the library does it, to the last bit.
    most_waiting
        Rows that may wait; beyond that one is asked to come later.
    seconds
        How long one may wait, from the question to the answer.
    """

    def __init__(self, *, together: bool, most_waiting: int, seconds: float) -> None:
        self._together = together
        self._most_waiting = most_waiting
        self._seconds = seconds
        self._warm = Warm() if together else Warm(most_points=0)
        self._numbers = count()
        # by what is asked, and by the shape of a sample
        self._waiting: dict[Hashable, dict[int, tuple[Question[Any], _Waiting]]] = {}
        self._rows_waiting = 0
        self._everyone: set[_Waiting] = set()
        self._under_way: _Batch | None = None
        self._something = asyncio.Event()
        self._thread: ThreadPoolExecutor | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def rows_waiting(self) -> int:
        """Samples that wait to be solved."""
        return self._rows_waiting

    async def start(self) -> None:
        """Begin to answer."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="queries")
        self._task = asyncio.create_task(self._work(self._thread))

    async def stop(self) -> None:
        """End; who still waits is told so."""
        if self._task is not None:
            self._task.cancel()
        if self._under_way is not None:
            self._under_way.abandoned.set()
        for waiting in self._everyone:
            if not waiting.answer.done():
                waiting.answer.set_exception(Refusal(503, "the service is stopping; ask again later"))
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def ask(self, question: Question[Answer], samples: np.ndarray) -> Answer:
        """The answer to a question about some samples.

        Raises
        ------
        Refusal
            503 where too many rows wait, 504 where it took too long.
        """
        if self._rows_waiting + len(samples) > self._most_waiting:
            raise Refusal(503, "too many samples wait to be solved; try again", headers={"Retry-After": "1"})
        waiting = _Waiting(next(self._numbers), samples, asyncio.get_running_loop().create_future())
        key = (question, samples.shape[1:]) if self._together else waiting.number
        self._waiting.setdefault(key, {})[waiting.number] = (question, waiting)
        self._everyone.add(waiting)
        self._rows_waiting += len(samples)
        self._something.set()
        try:
            async with asyncio.timeout(self._seconds):
                return await waiting.answer
        except TimeoutError:
            raise Refusal(
                504, "not solved in time; send fewer samples, or ask when there is less to do"
            ) from None
        finally:
            self._leave(key, waiting)

    def _leave(self, key: Hashable, waiting: _Waiting) -> None:
        """Do without somebody who may still wait, or be the last for whom is solved."""
        self._everyone.discard(waiting)
        if waiting.number in self._waiting.get(key, ()):
            self._take(key, waiting.number)
        batch = self._under_way
        if batch is not None and all(member.answer.done() for member in batch.members):
            batch.abandoned.set()

    def _take(self, key: Hashable, number: int) -> _Waiting:
        queue = self._waiting[key]
        _, waiting = queue.pop(number)
        if not queue:
            del self._waiting[key]
        self._rows_waiting -= len(waiting.samples)
        return waiting

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        while True:
            while not self._waiting:
                self._something.clear()
                await self._something.wait()
            await self._solve(self._next(), thread)

    def _next(self) -> _Batch:
        """Whoever has waited longest, and who waits for the same, as many as are solved together."""
        key = min(self._waiting, key=lambda each: next(iter(self._waiting[each])))
        queue = self._waiting[key]
        question, _ = next(iter(queue.values()))
        room = min(_ROWS_TOGETHER, _NUMBERS_TOGETHER // question.numbers)
        chosen, rows = [], 0
        for number, (_, waiting) in queue.items():
            rows += len(waiting.samples)
            if chosen and rows > room:
                break
            chosen.append(number)
        return _Batch(question, [self._take(key, number) for number in chosen])

    async def _solve(self, batch: _Batch, thread: ThreadPoolExecutor) -> None:
        # one that was left in between needs no answer
        batch.members = [member for member in batch.members if not member.answer.done()]
        if not batch.members:
            return
        self._under_way = batch
        try:
            solved = asyncio.get_running_loop().run_in_executor(thread, self._solved, batch)
            answers = await solved
        except Exception as error:
            self._under_way = None
            if not isinstance(error, CarvingError | Abandoned) or isinstance(error, OutOfMemory):
                # memory may be what lacked, and nobody knows in what state things were left
                thread.submit(self._warm.clear)
            if len(batch.members) > 1:
                # one of them may be the cause; the others shall not suffer
                for member in batch.members:
                    await self._solve(_Batch(batch.question, [member]), thread)
            elif not batch.members[0].answer.done():
                if isinstance(error, MemoryError):
                    error = OutOfMemory("the service has no memory for so many samples; send fewer")
                batch.members[0].answer.set_exception(error)
            return
        finally:
            self._under_way = None
        for member, answer in zip(batch.members, answers, strict=True):
            if not member.answer.done():
                member.answer.set_result(answer)

    def _solved(self, batch: _Batch) -> list[Any]:
        """In the thread: the answer for each member."""
        samples = [member.samples for member in batch.members]
        together = samples[0] if len(samples) == 1 else np.concatenate(samples)
        answer = batch.question.solve(together, self._warm, batch.progress)
        bounds = np.cumsum([0, *map(len, samples)]).tolist()
        return [answer[low:high] for low, high in pairwise(bounds)]
