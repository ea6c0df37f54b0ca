"""Whether the service lives, whether it is ready, and how much it does."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from carving._version import version_of
from carving.service._metrics import MEDIA_TYPE
from carving.service._problems import Refusal, problems
from carving.service._service import ServiceOf

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The service lives."""

    status: Literal["ok"] = "ok"
    version: str


@router.get("/health", summary="Whether the service lives")
async def health() -> Health:
    """Answered at once, whatever else is under way."""
    return Health(version=version_of("carving"))


@router.get("/ready", summary="Whether queries are answered", responses=problems(503))
async def ready(service: ServiceOf) -> Health:
    """Answered with 503 until the service has started, and while it stops."""
    if not service.is_ready:
        raise Refusal(503, "not ready: the service is starting or stopping", headers={"Retry-After": "1"})
    return Health(version=version_of("carving"))


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(service: ServiceOf) -> Response:
    """Requests by route and status, their durations, and what is under way."""
    return Response(service.metrics.text(), media_type=MEDIA_TYPE)
