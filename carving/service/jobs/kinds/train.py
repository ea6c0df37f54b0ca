"""A machine and its history from samples."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from carving.service.jobs._kind import JobParameters, Kind, Task
from carving.service.jobs.kinds._samples import (
    GivenSamples,
    Output,
    Seed,
    UnknownLetters,
    check_source,
    read_file,
)

if TYPE_CHECKING:
    from carving.service._settings import Settings
    from carving.service.workspace import Workspace

_Rule = Annotated[str, Field(min_length=1, max_length=200)]
_Count = Annotated[int, Field(ge=1, le=10_000_000)]
_Strength = Annotated[float, Field(ge=0, le=1e6)]


class Parameters(JobParameters):
    """What can be asked for; see `carving.train`."""

    samples: GivenSamples
    output: Output
    unknown_letters: UnknownLetters = "error"
    hidden: Annotated[int, Field(ge=1, le=1_000_000, description="Number of hidden units.")] = 100
    visible: Annotated[
        Literal["bernoulli", "spin", "potts"] | None,
        Field(description="Kind of the visible units; by default what the samples look like."),
    ] = None
    hidden_unit: Annotated[
        Literal["bernoulli", "spin", "gaussian"], Field(description="Kind of the hidden units.")
    ] = "bernoulli"
    updates: Annotated[int, Field(ge=1, le=10**9, description="Length of the training: the oldest age.")] = (
        5000
    )
    save: Annotated[
        _Rule,
        Field(
            description="At which ages to save: `exponential:N`, `linear:N`, `acceptance:X`, `adaptive:N`."
        ),
    ] = "exponential:60"
    method: Annotated[_Rule, Field(description="How the machine's own averages are estimated.")] = "pcd"
    k: Annotated[_Count, Field(description="Gibbs steps an update.")] = 10
    chains: Annotated[_Count, Field(description="Number of persistent chains.")] = 500
    batch_size: Annotated[_Count, Field(description="Samples an update.")] = 500
    learning_rate: Annotated[
        float | None,
        Field(gt=0, le=1e6, description="Step size of the weights; by default what suits the units."),
    ] = None
    rate: Annotated[
        _Rule,
        Field(description="How the step size changes: `constant`, `exponential:N`, `inverse:N`, `cosine`."),
    ] = "constant"
    optimiser: Annotated[_Rule, Field(description="`sgd` or `adam`.")] = "sgd"
    momentum: Annotated[float, Field(ge=0, lt=1, description="Of the optimiser.")] = 0.0
    l1: Annotated[_Strength, Field(description="Pulls weights to zero evenly.")] = 0.0
    l2: Annotated[_Strength, Field(description="Pulls weights to zero by their size.")] = 0.0
    weights: Annotated[
        str | None,
        Field(
            max_length=200,
            pattern="^identity:",
            description="How much each sample counts, as `identity:0.8`; all alike by default.",
        ),
    ] = None
    beta: Annotated[
        float, Field(ge=1e-6, le=1e6, description="Inverse temperature that the machines are stored with.")
    ] = 1.0
    arithmetic: Annotated[
        Literal["auto", "integer", "plain"], Field(description="How Gibbs steps are computed.")
    ] = "auto"
    seed: Seed = 0
    keep_samples: Annotated[
        bool | None, Field(description="Keep the samples in the store; by default below 64 MiB.")
    ] = None


def _check(workspace: Workspace, settings: Settings, asked: Parameters) -> None:
    from carving.training import check_optimiser, rate_factor, read_method, read_saving

    read_method(asked.method)
    read_saving(asked.save, asked.updates)
    rate_factor(asked.rate)
    check_optimiser(asked.optimiser)
    check_source(workspace, settings, asked.samples)


def _run(task: Task[Parameters]) -> None:
    from carving.training import train

    asked = task.parameters
    settings = asked.model_dump(exclude={"samples", "output", "unknown_letters"})
    samples = read_file(task, asked.samples, None, asked.unknown_letters)
    # not where the result goes, which is whole or not there
    store = task.folder.work / "store"
    run = train(
        samples,
        task.relative(store),
        **settings,
        resume=store.exists(),
        device=task.device,
        progress=task.progress,
    )
    run.close()
    os.rename(store, task.folder.result)


KIND = Kind(
    name="train",
    title="train a machine",
    description="A machine trained on samples and saved at many ages, as a store of the workspace.",
    Parameters=Parameters,
    makes="store",
    check=_check,
    run=_run,
)
