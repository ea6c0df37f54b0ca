"""Queries: what the library answers, asked by many at once.

All of them compute in one thread, so that they do not fight for the cores and the others are never held up.
Queries of the same kind that wait while it is busy are solved together: rows are independent of each other,
and many rows cost far less each than few.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch

from carving.errors import InvalidInput
from carving.meanfield import FixedPoints, fixed_points
from carving.meanfield.linkage import per_site_coordinates
from carving.service._problems import Refusal

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.service._settings import Settings
    from carving.service.workspace import Workspace
    from carving.units import Unit

_ROWS_TOGETHER = 4096
# waiting rows beyond which new queries are asked to come later, in units of what one may hold
_MOST_WAITING = 20

Columns = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class _Query:
    """Rows that somebody waits for."""

    samples: np.ndarray
    answer: asyncio.Future[Columns]


class Queries:
    """Answers queries over a workspace, in batches.

    Parameters
    ----------
    workspace
        The stores and trees.
    settings
        ``rows``, ``answer_seconds``, ``device`` and ``batching`` are used.
    """

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._settings = settings
        self._waiting: OrderedDict[Hashable, tuple[Callable[[np.ndarray], Columns], list[_Query]]] = (
            OrderedDict()
        )
        self._rows_waiting = 0
        self._something = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="queries")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to answer."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End; who still waits is told so."""
        if self._task is not None:
            self._task.cancel()
        for _, queries in self._waiting.values():
            for query in queries:
                if not query.answer.done():
                    query.answer.set_exception(Refusal(503, "the service is stopping; ask again later"))
        self._waiting.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def rows_waiting(self) -> int:
        """Samples that wait to be solved."""
        return self._rows_waiting

    # ---- what can be asked

    async def fixed_points(
        self, store: str, samples: np.ndarray, *, age: int | None, order: int, tolerance: float
    ) -> Columns:
        """The columns of :class:`carving.FixedPoints` for each sample, at one age or the oldest."""
        run = await asyncio.to_thread(self._workspace.store, store)
        age = int(run.ages[-1] if age is None else run.select([age])[0])
        _check(run, samples)

        def solve(rows: np.ndarray) -> Columns:
            rbm = run.at_age(age).to(device=torch.device(self._settings.device))
            return _columns(fixed_points(rbm, rows, order=order, tolerance=tolerance))

        return await self._answer(
            ("fixed points", store, run.fingerprint, age, order, tolerance), samples, solve
        )

    async def trajectories(
        self, store: str, samples: np.ndarray, *, order: int, tolerance: float, ages: str
    ) -> tuple[np.ndarray, Columns]:
        """The ages from old to young, and for each sample (n, ages, …) the columns of its fixed points.

        At each age a point is sought from where it was at the next older one, as in a tree; ``moved`` is the
        per-site distance between the two, 0 at the oldest.
        """
        run = await asyncio.to_thread(self._workspace.store, store)
        chosen = run.select(ages)[::-1]
        _check(run, samples)
        device = torch.device(self._settings.device)

        def solve(rows: np.ndarray) -> Columns:
            return _followed(run, rows, chosen, order, tolerance, device)

        key = ("trajectories", store, run.fingerprint, ages, order, tolerance)
        return chosen, await self._answer(key, samples, solve)

    async def place(self, tree: str, samples: np.ndarray) -> Columns:
        """The columns of :class:`carving.tree.Placement` for each sample, and ``node_name``."""
        found = await asyncio.to_thread(self._workspace.tree, tree)
        store = await asyncio.to_thread(self._workspace.store_of_tree, tree)
        run = await asyncio.to_thread(self._workspace.store, store)
        _check(run, samples)

        def solve(rows: np.ndarray) -> Columns:
            placed = found.place(rows, run, device=self._settings.device)
            names = found.nodes.name[placed.node]
            return {"node": placed.node, "node_name": names} | {
                name: getattr(placed, name) for name in ("age", "distance", "converged")
            }

        return await self._answer(("place", tree, id(found)), samples, solve)

    # ---- batches

    async def _answer(
        self, key: Hashable, samples: np.ndarray, solve: Callable[[np.ndarray], Columns]
    ) -> Columns:
        if self._rows_waiting + len(samples) > _MOST_WAITING * self._settings.rows:
            raise Refusal(503, "too many samples wait to be solved; try again", headers={"Retry-After": "1"})
        answer: asyncio.Future[Columns] = asyncio.get_running_loop().create_future()
        key = key if self._settings.batching else (key, id(answer))
        self._waiting.setdefault(key, (solve, []))[1].append(_Query(samples, answer))
        self._rows_waiting += len(samples)
        self._something.set()
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                return await answer
        except TimeoutError:
            raise Refusal(
                504, "not solved in time; send fewer samples, or ask when there is less to do"
            ) from None

    async def _work(self) -> None:
        while True:
            await self._something.wait()
            if not self._waiting:
                self._something.clear()
                continue
            solve, batch = self._next()
            # who has gone away needs no answer
            batch = [query for query in batch if not query.answer.done()]
            if batch:
                await self._solve(solve, batch)

    def _next(self) -> tuple[Callable[[np.ndarray], Columns], list[_Query]]:
        """The queries of the key that has waited longest, as many as are solved together."""
        key, (solve, queries) = self._waiting.popitem(last=False)
        batch, rows = [queries[0]], len(queries[0].samples)
        for query in queries[1:]:
            if rows + len(query.samples) > _ROWS_TOGETHER:
                break
            batch.append(query)
            rows += len(query.samples)
        if rest := queries[len(batch) :]:
            # behind the others, so that no key keeps them waiting
            self._waiting[key] = (solve, rest)
        self._rows_waiting -= rows
        return solve, batch

    async def _solve(self, solve: Callable[[np.ndarray], Columns], batch: list[_Query]) -> None:
        together = np.concatenate([query.samples for query in batch])
        loop = asyncio.get_running_loop()
        try:
            columns = await loop.run_in_executor(self._thread, solve, together)
        except Exception as error:
            if len(batch) > 1:
                # one of them may be the cause; the others shall not suffer
                for query in batch:
                    await self._solve(solve, [query])
            elif not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return
        low = 0
        for query in batch:
            rows = slice(low, low + len(query.samples))
            low = rows.stop
            if not query.answer.done():
                query.answer.set_result({name: values[rows] for name, values in columns.items()})


def _check(run: CheckpointSequence, samples: np.ndarray) -> None:
    """Refuse what the machine cannot take now, before it is mixed with the samples of others."""
    if samples.ndim != 2 or samples.shape[1] != run.visible_size:
        raise InvalidInput(
            f"samples: have {samples.shape[1]} sites, the machine has {run.visible_size}; give samples of "
            "the same data"
        )
    run.visible.encode(samples, torch.float32)


def _columns(points: FixedPoints) -> Columns:
    names = [field.name for field in fields(points) if field.name != "spent"]
    return {name: getattr(points, name).cpu().numpy() for name in names}


def _followed(
    run: CheckpointSequence,
    samples: np.ndarray,
    ages: np.ndarray,
    order: int,
    tolerance: float,
    device: torch.device,
) -> Columns:
    unit, before, found = run.visible, None, []
    for age in ages.tolist():
        rbm = run.at_age(age).to(device=device)
        start = (samples, None) if before is None else (before.visible, before.hidden)
        points = fixed_points(rbm, start[0], hidden=start[1], order=order, tolerance=tolerance)
        found.append(_columns(points) | {"moved": _moved(unit, before, points)})
        before = points
    return {name: np.stack([each[name] for each in found], axis=1) for name in found[0]}


def _moved(unit: Unit, before: FixedPoints | None, after: FixedPoints) -> np.ndarray:
    """Per-site distance of each row from where it was."""
    if before is None:
        return np.zeros(len(after))
    one, other = (per_site_coordinates(x.visible.cpu(), unit.distance_scale) for x in (before, after))
    return torch.linalg.vector_norm(one - other, dim=1).numpy()
