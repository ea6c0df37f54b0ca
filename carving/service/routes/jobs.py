"""Jobs: what takes longer than a request may."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from carving.service._bodies import BODIES, media_type
from carving.service._problems import Refusal, problems
from carving.service._service import Service, ServiceOf
from carving.service.jobs import Job, Kind, State, kinds

router = APIRouter(prefix="/api/v1", tags=["jobs"])

JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The job.", examples=["0" * 32])]
_BINARY = {"type": "string", "format": "binary"}


class JobKind(BaseModel):
    """A kind of job."""

    name: str
    description: str


class JobKinds(BaseModel):
    """All kinds of jobs."""

    kinds: list[JobKind]


class Jobs(BaseModel):
    """Some of the jobs, the newest first."""

    jobs: list[Job]
    total: int = Field(description="How many there are in all.")
    offset: int
    limit: int


class Upload(BaseModel):
    """A file of samples that jobs can name."""

    upload: str = Field(description="What jobs call it; it is kept for a day, or as long as a job needs it.")


@router.get("/job-kinds", summary="Kinds of jobs")
async def list_kinds() -> JobKinds:
    """What can be submitted."""
    return JobKinds(
        kinds=[JobKind(name=each.name, description=each.description) for each in kinds().values()]
    )


def _submission(kind: Kind) -> Any:
    async def submit(
        service: ServiceOf,
        parameters: kind.Parameters,  # type: ignore[name-defined]
        idempotency_key: Annotated[
            str | None,
            Header(
                max_length=200,
                pattern="^[!-~]+$",
                description="Sent again with the same key, a submission is the same job.",
            ),
        ] = None,
    ) -> Job:
        return await service.jobs.submit(kind.name, parameters, idempotency_key)

    submit.__doc__ = kind.description
    return submit


for _kind in kinds().values():
    router.add_api_route(
        f"/jobs/{_kind.name}",
        _submission(_kind),
        methods=["POST"],
        status_code=202,
        name=f"submit {_kind.name}",
        summary=f"Submit: {_kind.title}",
        responses=problems(400, 403, 404, 408, 409, 413, 422, 429, 507),
    )


@router.get("/jobs", summary="Jobs, the newest first")
async def list_jobs(
    service: ServiceOf,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    kind: Annotated[str | None, Query(max_length=100, description="Only those of this kind.")] = None,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Jobs:
    """Jobs that wait, run, or have ended."""
    found, total = await asyncio.to_thread(
        service.jobs.list, state=state, kind=kind, offset=offset, limit=limit
    )
    return Jobs(jobs=found, total=total, offset=offset, limit=limit)


@router.get("/jobs/{job}", summary="One job", responses=problems(404))
async def describe_job(service: ServiceOf, job: JobId) -> Job:
    """How far a job is."""
    return await asyncio.to_thread(service.jobs.get, job)


async def _known_job(service: ServiceOf, job: JobId) -> str:
    """Refuses others while the answer has not begun: later, a stream could only break off."""
    await asyncio.to_thread(service.jobs.get, job)
    return job


@router.get(
    "/jobs/{job}/events",
    summary="Its progress as server-sent events",
    response_class=EventSourceResponse,
    responses=problems(404),
)
async def follow_job(
    service: ServiceOf,
    job: Annotated[str, Depends(_known_job)],
    last_event_id: Annotated[str | None, Header(max_length=20, pattern="^[0-9]+$")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """An event `job` whenever something changes, until it has ended; each is the job as it then is."""
    async for event in service.jobs.events(job, after=int(last_event_id or 0)):
        yield ServerSentEvent(event="job", id=str(event.number), data=event.job)


@router.get(
    "/jobs/{job}/result",
    summary="Its result",
    response_class=FileResponse,
    responses={
        200: {
            "description": "The file that it wrote; or, in JSON, the name of the tree or store that it made.",
            "content": {"application/octet-stream": {"schema": _BINARY}, "application/json": {"schema": {}}},
        },
        **problems(404, 409, 410),
    },
)
async def job_result(service: ServiceOf, job: JobId) -> Response:
    """What a finished job has made."""
    return await asyncio.to_thread(_result, service, job)


def _result(service: Service, job: str) -> Response:
    result = service.jobs.result(job)
    if result.path is None:
        return Response(orjson.dumps({result.kind: result.name}), media_type="application/json")
    return FileResponse(result.path, media_type=result.media_type, filename=result.name)


@router.delete("/jobs/{job}", summary="Cancel it", responses=problems(404, 409, 507))
async def cancel_job(service: ServiceOf, job: JobId) -> Job:
    """End a job; what it had done so far is thrown away."""
    return await service.jobs.cancel(job)


@router.post(
    "/uploads",
    status_code=201,
    summary="Keep a file of samples for jobs",
    openapi_extra={
        "requestBody": {"required": True, "content": {kind: {"schema": _BINARY} for kind in BODIES}}
    },
    responses=problems(400, 403, 408, 413, 415, 422, 507),
)
async def upload(service: ServiceOf, request: Request) -> Upload:
    """A file of samples, or of labels, that is larger than a query may send."""
    kind = media_type(request)
    if kind not in BODIES or kind == "application/json":
        wanted = ", ".join(name for name in BODIES if name != "application/json")
        raise Refusal(415, f"content type {kind[:60]!r}: send one of {wanted}")
    return Upload(upload=await service.uploads.keep(request.stream(), BODIES[kind].suffix))
