"""Work that is cut into tasks: done here one after the other, or by any ``concurrent.futures.Executor``.

A pool of threads or processes, Dask, MPI: whatever runs ``submit(function, *arguments)`` will do. What a
task gives may depend on nothing but its arguments, so that it does not matter where, when, in which order
and how often it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import Any, TypeVar

Result = TypeVar("Result")

# as many tasks have been handed over and not come back: two each for 32 workers. Not all at once, since
# what they are about may be carried along
_UNDER_WAY = 64


def as_finished(
    executor: Executor | None, function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[int, Result]]:
    """The number of each task and ``function(*task)``, in whatever order they are finished.

    An error of a task is raised here; what has not begun by then is taken back.
    """
    if executor is None:
        for number, task in enumerate(tasks):
            yield number, function(*task)
        return
    remaining = enumerate(tasks)
    numbers: dict[Future[Result], int] = {}
    try:
        while True:
            for number, task in islice(remaining, _UNDER_WAY - len(numbers)):
                numbers[executor.submit(function, *task)] = number
            if not numbers:
                return
            for future in wait(numbers, return_when=FIRST_COMPLETED).done:
                yield numbers.pop(future), future.result()
    finally:
        for future in numbers:
            future.cancel()


def in_order(
    executor: Executor | None, function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]]
) -> list[Result]:
    """``function(*task)`` of all tasks, in their order."""
    results = dict(as_finished(executor, function, tasks))
    return [results[number] for number in range(len(results))]
