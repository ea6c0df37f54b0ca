"""The cascade of transitions of a training."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from carving.errors import InvalidInput
from carving.service.jobs._kind import JobParameters, Kind, Task, open_store
from carving.service.jobs.kinds._samples import (
    LinkageDistance,
    Name,
    Order,
    SamplesOrKept,
    Seed,
    StoreName,
    UnknownLetters,
    check_source,
    read_samples_of,
)
from carving.service.workspace import TREE_STORE

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.data import Samples
    from carving.physics import Cascade
    from carving.service._settings import Settings
    from carving.service.workspace import Workspace
    from carving.tree import Tree

_NAME = "transitions"


class Parameters(JobParameters):
    """What can be asked for."""

    store: StoreName
    tree: Annotated[
        Name | None,
        Field(description="The tree whose branches to look at; by default one is built of the samples."),
    ] = None
    samples: SamplesOrKept = None
    unknown_letters: UnknownLetters = "error"
    order: Order = 2
    linkage_distance: LinkageDistance = 0.035
    directions: Annotated[
        int, Field(ge=1, le=1000, description="How many singular directions of the weights to follow.")
    ] = 6
    precision: Annotated[
        float, Field(gt=0, lt=1, description="How closely ages of transitions are located, in log age.")
    ] = 1e-4
    sampling: Annotated[bool, Field(description="Whether to run Gibbs chains in every state.")] = False
    chains: Annotated[int, Field(ge=2, le=100_000, description="Gibbs chains in each state.")] = 100
    steps: Annotated[int, Field(ge=8, le=10_000_000, description="Gibbs steps of each chain.")] = 2000
    seed: Seed = 0


def _check(workspace: Workspace, settings: Settings, asked: Parameters) -> None:
    run = open_store(workspace, asked.store)
    check_source(workspace, settings, asked.samples)
    if asked.tree is not None:
        workspace.tree_path(asked.tree)
    if asked.sampling and asked.samples is None and not run.has_samples:
        raise InvalidInput(f"{asked.store}: has kept no samples, where chains begin; name a file of them")


def _run(task: Task[Parameters]) -> str:
    import torch

    from carving import physics

    asked = task.parameters
    run = task.store(asked.store)
    run.verify()
    samples = None
    if asked.samples is not None or run.has_samples:
        samples = read_samples_of(task, asked.samples, run, asked.store, asked.unknown_letters)
    cascade = physics.transitions(
        run,
        _tree(task, run, samples),
        samples,
        directions=asked.directions,
        order=asked.order,
        precision=asked.precision,
        sampling=physics.Sampling(chains=asked.chains, steps=asked.steps) if asked.sampling else None,
        generator=torch.Generator().manual_seed(asked.seed),
        progress=task.progress,
    )
    folder = task.folder.work / _NAME
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    _write(cascade, folder, f"Transitions of {asked.store}")
    # beside the folder's name, not in it, is what the archive unpacks to
    shutil.make_archive(str(task.folder.result / _NAME), "zip", task.folder.work, _NAME)
    return f"{_NAME}.zip"


def _tree(task: Task[Parameters], run: CheckpointSequence, samples: Samples | None) -> Tree | None:
    """The tree that was named, of these very samples; or one that is built of them."""
    from carving.tree import build_tree

    asked = task.parameters
    if asked.tree is None:
        if samples is None:
            return None
        return build_tree(
            run,
            samples,
            order=asked.order,
            linkage_distance=asked.linkage_distance,
            device=task.device,
            work_folder=task.folder.work / "ages",
            progress=task.progress,
        )
    tree = task.workspace.tree(asked.tree)
    if samples is not None and samples.names.tolist() != tree.leaves.name.tolist():
        raise InvalidInput(
            f"{asked.tree}: its {len(tree.leaves):,} leaves are not the {len(samples):,} samples of "
            f"{samples.source}, in their order; give the samples that it was built from"
        )
    return tree


def _write(cascade: Cascade, folder: Path, title: str) -> None:
    from carving import physics, report

    physics.write_cascade(cascade, folder)
    figure = report.draw_cascade(cascade, title=title)
    for ending in ("svg", "png"):
        report.save_figure(figure, folder / f"cascade.{ending}")
    if cascade.tree is not None and cascade.splits is not None:
        births = physics.birth_ages(cascade.tree, cascade.splits)
        cascade.tree.with_births(*births).save(folder / TREE_STORE)


KIND = Kind(
    name="transitions",
    title="transitions of a training",
    description=(
        "Which direction of the weights condensed when, and when the branches of the tree parted: a .zip of "
        "tables, a picture, and the tree whose nodes know when they were born."
    ),
    Parameters=Parameters,
    makes="file",
    check=_check,
    run=_run,
)
