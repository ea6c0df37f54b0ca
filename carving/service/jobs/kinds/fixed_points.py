"""Fixed points of very many samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from carving.service.jobs._kind import JobParameters, Kind, Task, open_store
from carving.service.jobs.kinds import _parts as parts
from carving.service.jobs.kinds._samples import (
    Order,
    SamplesOrKept,
    StoreName,
    Tolerance,
    UnknownLetters,
    check_samples,
    read_samples_of,
)

if TYPE_CHECKING:
    from carving.service._settings import Settings
    from carving.service.workspace import Workspace

_FIGURES = ("free_energy", "error", "converged", "stable", "sweeps")
_LAYERS = ("visible", "hidden")


class Parameters(JobParameters):
    """What can be asked for."""

    store: StoreName
    samples: SamplesOrKept = None
    unknown_letters: UnknownLetters = "error"
    age: Annotated[int | None, Field(ge=0, le=2**53, description="The oldest by default.")] = None
    order: Order = 2
    tolerance: Tolerance = 1e-6
    points: Annotated[bool, Field(description="With the points themselves: `visible` and `hidden`.")] = True
    format: Annotated[Literal["npz", "csv"], Field(description="Kind of the file.")] = "npz"


def _check(workspace: Workspace, settings: Settings, asked: Parameters) -> None:
    run = open_store(workspace, asked.store)
    if asked.age is not None:
        run.select([asked.age])
    check_samples(workspace, settings, asked.samples, run, asked.store)


def _run(task: Task[Parameters]) -> str:
    from carving._device import resolve_device
    from carving.meanfield import fixed_points

    asked = task.parameters
    run = task.store(asked.store)
    samples = read_samples_of(task, asked.samples, run, asked.store, asked.unknown_letters)
    rbm = run[-1] if asked.age is None else run.at_age(asked.age)
    rbm = rbm.to(device=resolve_device(task.device))
    wanted = _FIGURES + (_LAYERS if asked.points else ())

    def solve(rows: slice) -> parts.Columns:
        found = fixed_points(rbm, samples.values[rows], order=asked.order, tolerance=asked.tolerance)
        return {name: getattr(found, name).cpu().numpy() for name in wanted}

    kept = parts.Parts(
        task.folder.work, len(samples), f"{run.fingerprint} {parts.fingerprint(samples.values)}"
    )
    kept.compute("fixed points", solve, task.progress)
    table: dict[str, Any] = {"name": kept.split(parts.text(samples.names))}
    table |= {name: kept.column(name) for name in wanted}
    name = f"fixed-points.{asked.format}"
    parts.write(table, len(samples), task.folder.result / name)
    return name


KIND = Kind(
    name="fixed-points",
    title="fixed points of many samples",
    description="The fixed point of Γ that each sample belongs to, at one age: a file with one row a sample.",
    Parameters=Parameters,
    makes="file",
    check=_check,
    run=_run,
)
