"""A tree from a store and samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from carving.service.jobs._kind import JobParameters, Kind, Task, open_store
from carving.service.jobs.kinds._samples import (
    LabelsFile,
    LinkageDistance,
    Order,
    Output,
    SamplesOrKept,
    StoreName,
    Tolerance,
    UnknownLetters,
    check_samples,
    check_source,
    read_labels_of,
    read_samples_of,
)
from carving.service.workspace import TREE_STORE

if TYPE_CHECKING:
    from carving.service._settings import Settings
    from carving.service.workspace import Workspace


class Parameters(JobParameters):
    """What can be asked for."""

    store: StoreName
    output: Output
    samples: SamplesOrKept = None
    labels: LabelsFile = None
    unknown_letters: UnknownLetters = "error"
    ages: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2000,
            description="Which ages: `all`, `every:N`, `log:N`, `acceptance:X`, or a list as `1,5,20`.",
        ),
    ] = "all"
    order: Order = 2
    tolerance: Tolerance = 1e-6
    iteration: Annotated[
        Literal["plain", "layer-exact"], Field(description="Sweeps that say which point a sample belongs to.")
    ] = "plain"
    linkage_distance: LinkageDistance = 0.035


def _check(workspace: Workspace, settings: Settings, asked: Parameters) -> None:
    run = open_store(workspace, asked.store)
    if not asked.ages.startswith("acceptance:"):
        run.select(asked.ages)
    check_samples(workspace, settings, asked.samples, run, asked.store)
    check_source(workspace, settings, asked.labels)


def _run(task: Task[Parameters]) -> None:
    from carving.tree import build_tree

    asked = task.parameters
    run = task.store(asked.store)
    # a damaged checkpoint is found now, and not after the ages that are older than it
    run.verify()
    samples = read_samples_of(task, asked.samples, run, asked.store, asked.unknown_letters)
    tree = build_tree(
        run,
        samples,
        labels=read_labels_of(task, asked.labels, samples),
        order=asked.order,
        tolerance=asked.tolerance,
        iteration=asked.iteration,
        linkage_distance=asked.linkage_distance,
        ages=asked.ages,
        device=task.device,
        work_folder=task.folder.work / "ages",
        progress=task.progress,
    )
    tree.save(task.folder.result / TREE_STORE)


KIND = Kind(
    name="build-tree",
    title="build a tree",
    description="The family tree of samples under the training of a store, as a tree of the workspace.",
    Parameters=Parameters,
    makes="tree",
    check=_check,
    run=_run,
)
