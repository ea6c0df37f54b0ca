"""The application: routes over a workspace, behind what every request passes through."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from carving._version import version_of
from carving.service import _problems
from carving.service._middleware import Guard, Limits, Record
from carving.service._service import Service
from carving.service._settings import Settings
from carving.service.routes import routers
from carving.service.routes.stores import Machine
from carving.service.workspace import Workspace

_DESCRIPTION = """
Family trees of data, carved out of the learning history of a restricted Boltzmann machine.

A *store* holds a machine at many ages of its training. A *tree* was built from a store and samples. New
samples are *placed* in a tree, or followed through the ages of a store.

Tables come as JSON, CSV, Arrow or .npz, as the header `Accept` asks for. Samples are sent as JSON, CSV, FASTA
or .npz, as the header `Content-Type` says. Errors are problem documents (RFC 9457) whose `detail` says what
to do.
"""


def create_app(workspace: str | os.PathLike[str] | Workspace, settings: Settings | None = None) -> FastAPI:
    """The service over a workspace, as an ASGI application.

    Parameters
    ----------
    workspace
        A folder of checkpoint stores and trees.
    settings
        Limits and habits; by default those of :class:`carving.service.Settings`.

    Returns
    -------
    fastapi.FastAPI
        To be served by one process: batches of queries are its own.

    Raises
    ------
    MissingFile
        If there is no such folder.
    """
    settings = settings or Settings()
    place = workspace if isinstance(workspace, Workspace) else Workspace(workspace)
    service = Service(place, settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="carving",
        version=version_of("carving"),
        description=_DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url="/docs",
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=_operation,
        responses=_problems.problems(400, 401, 403, 422, 503),
        # an address that is nearly right is an error, not another address
        redirect_slashes=False,
    )
    app.state.service = service
    _describe_problems(app)
    _problems.install(app)
    for router in routers():
        app.include_router(router)
    # the last one added is the first that a request meets
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=["X-Total-Count"],
        )
    app.add_middleware(Limits, settings=settings)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Record, metrics=service.metrics)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Add to the description what answers refer to without returning it as a model."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        document = describe()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (_problems.Problem, Machine):
            schemas[model.__name__] = model.model_json_schema()
        return document

    app.openapi = described  # type: ignore[method-assign]


def _operation(route: APIRoute) -> str:
    """A name for clients that are made from the description: two resources may list the same."""
    return "_".join([*(str(tag) for tag in route.tags), route.name]).replace(" ", "_")
