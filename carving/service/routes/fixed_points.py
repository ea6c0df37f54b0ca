"""Fixed points of samples, at one age and along all ages."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from carving.errors import InvalidInput
from carving.service._bodies import openapi_body
from carving.service._problems import problems
from carving.service._service import Accept, Order, ServiceOf, StoreName, Tolerance
from carving.service._tables import chosen, openapi_table, table

router = APIRouter(prefix="/api/v1/stores", tags=["fixed points"])

_MOST_TRAJECTORIES = 100
_FIGURES = ("free_energy", "error", "converged", "stable")
_LAYERS = ("visible", "hidden")
_REFUSALS = problems(400, 404, 406, 408, 409, 413, 415, 422, 503, 504)
Points = Annotated[bool, Query(description="With the points themselves: `visible` and `hidden`.")]


@router.post(
    "/{store}/fixed-points",
    summary="Fixed points of samples",
    response_class=Response,
    openapi_extra=openapi_body(),
    responses={**openapi_table("One row a sample: Γ, error, stability, and the point."), **_REFUSALS},
)
async def fixed_points(
    service: ServiceOf,
    store: StoreName,
    request: Request,
    age: Annotated[
        int | None, Query(ge=0, le=2**53, description="Gradient updates; the oldest by default.")
    ] = None,
    order: Order = 2,
    tolerance: Tolerance = 1e-6,
    points: Points = True,
    accept: Accept = None,
) -> Response:
    """The fixed point of Γ that each sample belongs to, as `carving.fixed_points` finds it."""
    chosen(accept)
    run = await service.opened(service.workspace.store, store)
    samples = await service.bodies.samples(request, run.alphabet)
    found = await service.queries.fixed_points(
        store, samples.values, age=age, order=order, tolerance=tolerance
    )
    wanted = (*_FIGURES, "sweeps", "method", *(_LAYERS if points else ()))
    columns = {"name": samples.names} | {name: getattr(found, name).cpu().numpy() for name in wanted}
    return table(columns, accept)


@router.post(
    "/{store}/trajectories",
    summary="Samples through all ages",
    response_class=Response,
    openapi_extra=openapi_body(),
    responses={**openapi_table("One row a sample and age, from old to young."), **_REFUSALS},
)
async def trajectories(
    service: ServiceOf,
    store: StoreName,
    request: Request,
    ages: Annotated[
        str, Query(max_length=2000, description="`all`, `every:N`, `log:N`, or a list as `1,5,20`.")
    ] = "all",
    order: Order = 2,
    tolerance: Tolerance = 1e-6,
    points: Points = False,
    accept: Accept = None,
) -> Response:
    """The fixed point of each sample at the oldest age, followed to the youngest; at most 100 samples."""
    chosen(accept)
    run = await service.opened(service.workspace.store, store)
    samples = await service.bodies.samples(request, run.alphabet, most=_MOST_TRAJECTORIES)
    if ages.startswith("acceptance:"):
        raise InvalidInput(
            f"ages {ages!r}: choose all, every:N, log:N or a list; by swap acceptance takes too long here"
        )
    found = await service.queries.trajectories(
        store, samples.values, order=order, tolerance=tolerance, ages=ages
    )
    columns = {
        "name": np.repeat(samples.names, len(found.age)),
        "age": np.tile(found.age, len(samples.names)),
    }
    for name in (*_FIGURES, "moved", *(_LAYERS if points else ())):
        columns[name] = getattr(found, name).flatten(0, 1).numpy()
    return table(columns, accept)
