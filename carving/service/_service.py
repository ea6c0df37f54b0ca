"""All that an application holds while it runs, and how routes come by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Header, Query, Request
from fastapi import Path as InPath

from carving.service._bodies import BodyReader
from carving.service._metrics import Metrics
from carving.service._settings import Settings
from carving.service._tables import Page
from carving.service.jobs import Jobs, Uploads
from carving.service.queries import Queries
from carving.service.workspace import Workspace

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence

Opened = TypeVar("Opened")


class Service:
    """A workspace, those who work on it, and their settings."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self.workspace = workspace
        self.settings = settings
        self.metrics = Metrics()
        self.bodies = BodyReader(settings)
        self.queries = Queries(workspace, settings)
        self.jobs = Jobs(workspace, settings)
        self.uploads = Uploads(workspace, settings)
        self.metrics.watch(
            "carving_rows_waiting", "Samples that wait to be solved.", lambda: self.queries.rows_waiting
        )
        self.metrics.watch("carving_jobs_running", "Jobs under way.", lambda: self.jobs.at_work)
        self.is_ready = False

    def run_of_tree(self, name: str) -> CheckpointSequence:
        """The checkpoints that a tree was built from."""
        return self.workspace.store(self.workspace.store_of_tree(name))

    async def opened(self, opens: Callable[[str], Opened], name: str) -> Opened:
        """What a name stands for, read without holding up the others."""
        return await asyncio.to_thread(opens, name)

    async def start(self) -> None:
        """Begin to answer; jobs that were interrupted go on."""
        self.bodies.start()
        await self.queries.start()
        await self.jobs.start()
        self.is_ready = True

    async def stop(self) -> None:
        """End; who still waits is told so, and jobs wait for the next start."""
        self.is_ready = False
        await self.jobs.stop()
        await self.queries.stop()
        self.bodies.stop()


def _service(request: Request) -> Service:
    return request.app.state.service


def _page(
    offset: Annotated[int, Query(ge=0, le=2**53, description="Number of the first row.")] = 0,
    limit: Annotated[int, Query(ge=1, le=100_000, description="Most rows.")] = 1000,
) -> Page:
    return Page(offset, limit)


ServiceOf = Annotated[Service, Depends(_service)]
PageOf = Annotated[Page, Depends(_page)]
Accept = Annotated[
    str | None, Header(description="`application/json`, `text/csv`, Arrow, or .npz.", include_in_schema=False)
]
StoreName = Annotated[
    str, InPath(min_length=1, max_length=400, description="A checkpoint store.", examples=["checkpoints"])
]
TreeName = Annotated[str, InPath(min_length=1, max_length=400, description="A tree.", examples=["tree"])]
Order = Annotated[int, Query(ge=1, le=3, description="Order of Plefka's expansion.")]
Tolerance = Annotated[float, Query(ge=1e-12, le=0.1, description="Largest estimated error of a point.")]
