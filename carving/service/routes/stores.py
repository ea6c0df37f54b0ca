"""Checkpoint stores and the machines in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from carving.errors import CarvingError
from carving.service._problems import problems
from carving.service._service import Accept, PageOf, Service, ServiceOf, StoreName
from carving.service._tables import JSON, NPZ, chosen, openapi_table, table

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence

router = APIRouter(prefix="/api/v1/stores", tags=["stores"])

Age = Annotated[int, Path(ge=0, le=2**53, description="Gradient updates.", examples=[8000])]


class Store(BaseModel):
    """The learning history of a machine."""

    name: str
    ages: int = Field(description="How many checkpoints it holds.")
    youngest_age: int | None = Field(description="Age of the first, in gradient updates.")
    oldest_age: int | None = Field(description="Age of the last.")
    visible: str = Field(description="Type of the visible units.", examples=["bernoulli"])
    hidden: str = Field(description="Type of the hidden units.", examples=["bernoulli"])
    visible_size: int | None = Field(description="Number of sites.")
    hidden_size: int | None = Field(description="Number of hidden units.")
    states: int | None = Field(description="States of a Potts site.")
    hidden_precision: float | None = Field(description="γ of Gaussian hidden units.")
    beta: float = Field(description="Inverse temperature.")
    alphabet: str | None = Field(description="Letters of the states, where the data are sequences.")
    has_samples: bool = Field(description="Whether the training samples are kept in it.")
    being_written: bool = Field(description="Whether a training is under way.")
    fingerprint: str = Field(description="Equal for equal machines, wherever they are stored.")


class Stores(BaseModel):
    """The checkpoint stores of the workspace, and those that cannot be read."""

    stores: list[Store]
    unreadable: dict[str, str] = Field(description="By name: why.")


class Machine(BaseModel):
    """A machine of one age."""

    age: int
    visible: str
    hidden: str
    visible_size: int
    hidden_size: int
    states: int | None = Field(description="States of a Potts site.")
    beta: float
    singular_values: list[float] = Field(description="The largest singular values of the weights.")


def _described(name: str, run: CheckpointSequence) -> Store:
    ages = run.ages
    return Store(
        name=name,
        ages=len(ages),
        youngest_age=int(ages[0]) if len(ages) else None,
        oldest_age=int(ages[-1]) if len(ages) else None,
        visible=run.visible.name,
        hidden=run.hidden.name,
        visible_size=run.visible_size,
        hidden_size=run.hidden_size,
        states=run.visible.site_shape[0] if run.visible.site_shape else None,
        hidden_precision=getattr(run.hidden, "precision", None),
        beta=run.beta,
        alphabet=run.alphabet,
        has_samples=run.has_samples,
        being_written=run.being_written,
        fingerprint=run.fingerprint,
    )


@router.get("", summary="All checkpoint stores")
def list_stores(service: ServiceOf) -> Stores:
    """Every checkpoint store of the workspace."""
    stores, unreadable = [], {}
    for name in service.workspace.contents().stores:
        try:
            stores.append(_described(name, service.workspace.store(name)))
        except CarvingError as error:
            unreadable[name] = str(error)
    return Stores(stores=stores, unreadable=unreadable)


@router.get("/{store}", summary="One checkpoint store", responses=problems(404, 409))
def describe_store(service: ServiceOf, store: StoreName) -> Store:
    """What a checkpoint store holds."""
    return _described(store, service.workspace.store(store))


@router.get(
    "/{store}/ages",
    summary="Its checkpoints as a table",
    response_class=Response,
    responses={
        **openapi_table("One row a checkpoint: age, duration of the training, what was measured."),
        **problems(404, 406, 409),
    },
)
def list_ages(service: ServiceOf, store: StoreName, page: PageOf, accept: Accept = None) -> Response:
    """The checkpoints from young to old, with what was measured during the training."""
    run = service.workspace.store(store)
    columns = {"age": run.ages}
    if len(elapsed := run.elapsed_seconds) == len(run.ages):
        columns["elapsed_seconds"] = elapsed
    columns |= {name: values for name, values in run.metrics.items() if len(values) == len(run.ages)}
    return table(columns, accept, page)


@router.get(
    "/{store}/machines/{age}",
    summary="One machine",
    response_class=Response,
    responses={
        200: {
            "description": "What it is; or, as .npz, `weights`, `visible_bias` and `hidden_bias`.",
            "content": {
                JSON: {"schema": {"$ref": "#/components/schemas/Machine"}},
                NPZ: {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **problems(404, 406, 409),
    },
)
def describe_machine(service: ServiceOf, store: StoreName, age: Age, accept: Accept = None) -> Response:
    """The machine of one age: its description, or its parameters as .npz."""
    kind = chosen(accept, (JSON, NPZ))
    rbm = _machine(service, store, age)
    if kind == NPZ:
        columns = {name: getattr(rbm, name).numpy() for name in ("weights", "visible_bias", "hidden_bias")}
        return table(columns, NPZ, total=1)
    weights = rbm.weights.double().reshape(-1, rbm.hidden_size).numpy()
    facts: dict[str, Any] = {
        "age": age,
        "visible": rbm.visible.name,
        "hidden": rbm.hidden.name,
        "visible_size": int(rbm.visible_bias.shape[0]),
        "hidden_size": rbm.hidden_size,
        "states": int(rbm.visible_bias.shape[1]) if rbm.visible_bias.ndim == 2 else None,
        "beta": rbm.beta,
        "singular_values": np.linalg.svd(weights, compute_uv=False)[:20].tolist(),
    }
    return JSONResponse(Machine(**facts).model_dump())


def _machine(service: Service, store: str, age: int) -> Any:
    from carving.errors import InvalidInput, MissingFile

    try:
        return service.workspace.store(store).at_age(age)
    except InvalidInput as error:
        raise MissingFile(str(error)) from None
