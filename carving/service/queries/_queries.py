"""What the library answers, asked by many at once over a workspace."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from carving._device import resolve_device
from carving.meanfield import FixedPoints
from carving.service._problems import Refusal
from carving.service.queries._batches import Batches
from carving.service.queries._fixed_points import AskedPoints
from carving.service.queries._placements import AskedPlaces, Placed
from carving.service.queries._solving import Equations, check
from carving.service.queries._trajectories import AskedTrajectories
from carving.tree import Trajectories

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.service._settings import Settings
    from carving.service.workspace import Workspace

# rows that may wait, in units of what one request may hold
_MOST_WAITING = 20
# numbers of the points of one answer: half a GiB
_MOST_NUMBERS = 2**26


class Queries:
    """Answers queries over a workspace, those of several clients together.

    Samples are arrays of what the visible unit of the machine encodes. They are compared with the machine
    before they wait, so that a bad one fails alone.

    Parameters
    ----------
    workspace
        The stores and trees.
    settings
        ``rows``, ``answer_seconds``, ``device`` and ``batching`` are used.
    """

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._device = settings.device
        self._batches = Batches(
            together=settings.batching,
            most_waiting=_MOST_WAITING * settings.rows,
            seconds=settings.answer_seconds,
        )

    async def start(self) -> None:
        """Begin to answer."""
        await self._batches.start()

    async def stop(self) -> None:
        """End; who still waits is told so."""
        await self._batches.stop()

    @property
    def rows_waiting(self) -> int:
        """Samples that wait to be solved."""
        return self._batches.rows_waiting

    async def fixed_points(
        self,
        store: str,
        samples: np.ndarray,
        *,
        age: int | None = None,
        order: int = 2,
        tolerance: float = 1e-6,
    ) -> FixedPoints:
        """The fixed point of each sample, at one age or the oldest; see :func:`carving.fixed_points`.

        Raises
        ------
        Refusal
            503 where too many samples wait, 504 where it took too long.
        CarvingError
            As the library does.
        """

        def asked() -> AskedPoints:
            run = self._store_for(store, samples)
            chosen = int(run.ages[-1] if age is None else run.select([age])[0])
            return AskedPoints(self._equations(store, run, order, tolerance), chosen)

        return await self._batches.ask(await asyncio.to_thread(asked), samples)

    async def trajectories(
        self,
        store: str,
        samples: np.ndarray,
        *,
        order: int = 2,
        tolerance: float = 1e-6,
        ages: str = "all",
    ) -> Trajectories:
        """Samples through ages, from old to young; see :func:`carving.tree.trajectories`.

        Raises
        ------
        Refusal
            413 for too many ages of too many samples, 503 where too many samples wait, 504 where it took
            too long.
        CarvingError
            As the library does.
        """

        def asked() -> AskedTrajectories:
            run = self._store_for(store, samples)
            chosen = tuple(run.select(ages)[::-1].tolist())
            question = AskedTrajectories(self._equations(store, run, order, tolerance), chosen)
            if len(samples) * question.numbers > _MOST_NUMBERS:
                raise Refusal(
                    413,
                    f"{len(samples)} samples at {len(chosen)} ages are too many points for one answer; "
                    "choose fewer ages",
                )
            return question

        return await self._batches.ask(await asyncio.to_thread(asked), samples)

    async def place(self, tree: str, samples: np.ndarray) -> Placed:
        """The node of a tree that each sample joins, and how sure that is; see :meth:`carving.Tree.place`.

        Raises
        ------
        Refusal
            503 where too many samples wait, 504 where it took too long.
        CarvingError
            As the library does; also where the checkpoints of the tree are not in the workspace.
        """

        def asked() -> AskedPlaces:
            found, store = self._workspace.tree(tree), self._workspace.store_of_tree(tree)
            return AskedPlaces(found, self._store_for(store, samples), (tree, store), self._device)

        return await self._batches.ask(await asyncio.to_thread(asked), samples)

    def _store_for(self, store: str, samples: np.ndarray) -> CheckpointSequence:
        """A store whose machines take the samples."""
        run = self._workspace.store(store)
        check(run, samples)
        return run

    def _equations(self, store: str, run: CheckpointSequence, order: int, tolerance: float) -> Equations:
        return Equations(store, run, order, tolerance, resolve_device(self._device))
