"""Errors as answers: a JSON document with a status and one line that says what to do (RFC 9457)."""

from __future__ import annotations

import errno
import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from carving.errors import (
    CarvingError,
    CorruptStore,
    InvalidInput,
    MissingDependency,
    MissingFile,
    OutOfMemory,
    OutputExists,
)

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "Bad request",
    401: "A token is needed",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "The request came too slowly",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    414: "The address is too long",
    415: "Unsupported media type",
    422: "Cannot be used",
    429: "Too many requests",
    431: "Header fields too large",
    500: "Internal error",
    503: "Busy",
    504: "Took too long",
    507: "No room is left",
}

_STATUS: tuple[tuple[type[CarvingError], int], ...] = (
    (MissingFile, 404),
    (OutputExists, 409),
    (OutOfMemory, 413),
    (CorruptStore, 409),
    (MissingDependency, 406),
    (InvalidInput, 422),
)

log = logging.getLogger("carving.service")


class Problem(BaseModel):
    """What went wrong."""

    status: int = Field(description="The HTTP status.", examples=[404])
    title: str = Field(description="The kind of problem.", examples=["Not found"])
    detail: str = Field(description="What was wrong, and what to do.")
    error: str | None = Field(
        None, description="What the library calls the error, where it is one of it.", examples=["MissingFile"]
    )


class Refusal(CarvingError):
    """A request that is refused with a status of its own."""

    def __init__(self, status: int, detail: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.headers = status, headers or {}


def problem(
    status: int, detail: str, *, headers: dict[str, str] | None = None, error: str | None = None
) -> Response:
    """The answer itself."""
    body = {"status": status, "title": TITLES.get(status, "Problem"), "detail": _one_line(detail)}
    if error is not None:
        body["error"] = error
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The entries of these problems in an OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": TITLES[status], "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Let every error of the application become a problem document."""

    @app.exception_handler(Refusal)
    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return problem(error.status, str(error), headers=error.headers)

    @app.exception_handler(CarvingError)
    async def ours(_request: Request, error: Exception) -> Response:
        assert isinstance(error, CarvingError)
        return problem(status_of(error), str(error), error=type(error).__name__)

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return problem(422, f"{place}: {first['msg']}")

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: Exception) -> Response:
        # nobody reads it, and nothing went wrong here
        return problem(400, "the client went away before the whole body had come")

    @app.exception_handler(OSError)
    async def system(_request: Request, error: Exception) -> Response:
        assert isinstance(error, OSError)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return problem(507, "the disk of the service is full; nothing was lost; make room and try again")
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            return problem(403, "the workspace of the service cannot be written to; nothing was lost")
        return await unexpected(_request, error)

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, error: Exception) -> Response:
        log.error("unexpected error", exc_info=error)
        return problem(500, f"unexpected {type(error).__name__}; the log of the service says more")


def status_of(error: CarvingError) -> int:
    """The HTTP status that says the same as an error of the library."""
    if isinstance(error, Refusal):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 422)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:2000]
