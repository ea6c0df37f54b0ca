"""New samples in a finished tree."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from carving.service._bodies import openapi_body
from carving.service._problems import problems
from carving.service._service import Accept, ServiceOf, TreeName
from carving.service._tables import chosen, openapi_table, table

router = APIRouter(prefix="/api/v1/trees", tags=["trees"])


@router.post(
    "/{tree}/placements",
    summary="Place samples",
    response_class=Response,
    openapi_extra=openapi_body(),
    responses={
        **openapi_table("One row a sample: the node that it joins, and how sure that is."),
        **problems(400, 404, 406, 408, 409, 413, 415, 422, 503, 504),
    },
)
async def place(service: ServiceOf, tree: TreeName, request: Request, accept: Accept = None) -> Response:
    """The branch that each sample falls into, as `tree.place` finds it.

    `distance` is that to the state of its node at `age`, the age at which it joins.
    """
    chosen(accept)
    run = await service.opened(service.run_of_tree, tree)
    samples = await service.bodies.samples(request, run.alphabet)
    columns = await service.queries.place(tree, samples.values)
    return table({"name": samples.names, **columns}, accept)
