"""New samples in a finished tree."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
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

    `distance` is that to the state of its node at `age`, the age at which it joins, and `second_distance`
    that to the nearest state of another node: the nearer the two, the less sure is the node. `percentile`
    says how many of the training samples have a lower F(v), where the store has kept them; above 99.9 the
    sample is `outside`, and what is said of it a guess.
    """
    chosen(accept)
    run = await service.opened(service.run_of_tree, tree)
    samples = await service.bodies.samples(request, run.alphabet)
    found = await service.queries.place(tree, samples.values)
    columns: dict[str, np.ndarray] = {"name": samples.names, "node": found.placement.node}
    columns["node_name"] = found.node_name
    for part in (found.placement, found.novelty):
        columns |= {field.name: getattr(part, field.name) for field in fields(part)}
    return table(columns, accept)
