"""Very many new samples in a finished tree."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from carving.service.jobs._kind import JobParameters, Kind, Task, open_store
from carving.service.jobs.kinds import _parts as parts
from carving.service.jobs.kinds._samples import (
    GivenSamples,
    TreeName,
    UnknownLetters,
    check_source,
    read_samples_of,
)

if TYPE_CHECKING:
    from carving.service._settings import Settings
    from carving.service.workspace import Workspace


class Parameters(JobParameters):
    """What can be asked for."""

    tree: TreeName
    samples: GivenSamples
    unknown_letters: UnknownLetters = "error"
    format: Annotated[Literal["npz", "csv"], Field(description="Kind of the file.")] = "npz"


def _check(workspace: Workspace, settings: Settings, asked: Parameters) -> None:
    open_store(workspace, workspace.store_of_tree(asked.tree))
    check_source(workspace, settings, asked.samples)


def _run(task: Task[Parameters]) -> str:
    asked = task.parameters
    tree = task.workspace.tree(asked.tree)
    store = task.workspace.store_of_tree(asked.tree)
    run = task.store(store)
    samples = read_samples_of(task, asked.samples, run, store, asked.unknown_letters)

    def solve(rows: slice) -> parts.Columns:
        placed = tree.place(samples.values[rows], run, device=task.device)
        columns = {field.name: getattr(placed, field.name) for field in fields(placed)}
        return {name: values for name, values in columns.items() if values is not None}

    options = sorted(tree.options.items())
    kept = parts.Parts(
        task.folder.work,
        len(samples),
        f"{run.fingerprint} {options} {tree.provenance} {parts.fingerprint(samples.values)}",
    )
    kept.compute("placements", solve, task.progress)
    names = parts.text(tree.nodes.name)
    table: dict[str, Any] = {"name": kept.split(parts.text(samples.names)), "node": kept.column("node")}
    table["node_name"] = lambda: (names[node] for node in kept.column("node")())
    table |= {name: kept.column(name) for name in kept.names() if name != "node"}
    name = f"placements.{asked.format}"
    parts.write(table, len(samples), task.folder.result / name)
    return name


KIND = Kind(
    name="placements",
    title="many samples placed in a tree",
    description="The branch of a finished tree that each sample falls into: a file with one row a sample.",
    Parameters=Parameters,
    makes="file",
    check=_check,
    run=_run,
)
