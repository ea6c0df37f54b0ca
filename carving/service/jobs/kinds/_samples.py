"""Samples and labels in parameters: a file of the workspace, an upload, or what the store has kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from carving.errors import CarvingError, InvalidInput
from carving.service.jobs._kind import JobParameters, Task
from carving.service.jobs.uploads import UPLOAD_ID, Uploads

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.data import Labels, Samples
    from carving.service._settings import Settings
    from carving.service.workspace import Workspace

_ROWS_AT_ONCE = 4096

Name = Annotated[str, Field(min_length=1, max_length=400)]
StoreName = Annotated[
    Name, Field(description="A checkpoint store of the workspace.", examples=["checkpoints"])
]
TreeName = Annotated[Name, Field(description="A tree of the workspace.", examples=["tree"])]
Output = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="The name that the result shall have in the workspace; nothing of it may be there yet.",
        examples=["new-tree"],
    ),
]
Order = Annotated[int, Field(ge=1, le=3, description="Order of Plefka's expansion.")]
Tolerance = Annotated[float, Field(ge=1e-12, le=0.1, description="Largest estimated error of a point.")]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1, description="Of everything random.")]
LinkageDistance = Annotated[
    float, Field(gt=0, le=1e6, description="Fixed points closer than this, per site, belong to one group.")
]
UnknownLetters = Annotated[
    Literal["error", "gap"], Field(description="What to do with letters outside the alphabet of sequences.")
]


class InWorkspace(JobParameters):
    """A file of the workspace."""

    file: Annotated[Name, Field(description="Its name.", examples=["samples.npz"])]


class Uploaded(JobParameters):
    """A file that was uploaded."""

    upload: Annotated[
        str, Field(pattern=f"^{UPLOAD_ID}$", description="What the upload is called.", examples=["0" * 32])
    ]


Source = InWorkspace | Uploaded
GivenSamples = Annotated[Source, Field(description="A file of samples.", examples=[{"file": "samples.npz"}])]
SamplesOrKept = Annotated[
    Source | None,
    Field(description="A file of samples; by default those that the store has kept.", examples=[None]),
]
LabelsFile = Annotated[
    Source | None,
    Field(description="A CSV file with a column of names and others of labels.", examples=[None]),
]


# ---- when a job is submitted


def check_source(workspace: Workspace, settings: Settings, source: Source | None) -> None:
    """Refuse a file that is not there; one that was uploaded is held for another day."""
    if isinstance(source, InWorkspace):
        workspace.file_path(source.file)
    elif source is not None:
        Uploads(workspace, settings).hold(source.upload)


def check_samples(
    workspace: Workspace, settings: Settings, source: Source | None, run: CheckpointSequence, store: str
) -> None:
    """Refuse samples that are not there, given or kept."""
    check_source(workspace, settings, source)
    if source is None and not run.has_samples:
        raise InvalidInput(f"{store}: has kept no samples; name a file of them as samples")


# ---- in the process of a job


def _place(task: Task[Any], source: Source) -> tuple[Path, str]:
    """Where a file lies, and what messages call it."""
    if isinstance(source, InWorkspace):
        return task.workspace.file_path(source.file), source.file
    return task.uploads.path(source.upload), f"upload {source.upload}"


def read_file(task: Task[Any], source: Source, alphabet: str | None, unknown_letters: str) -> Samples:
    """Samples of a file."""
    from carving.data import PROTEIN_ALPHABET, Samples, read_samples

    path, name = _place(task, source)
    try:
        found = read_samples(path, alphabet=alphabet or PROTEIN_ALPHABET, unknown_letters=unknown_letters)
    except CarvingError as error:
        raise InvalidInput(str(error).replace(str(path), name)) from None
    return Samples(found.values, found.names, found.alphabet, name)


def read_samples_of(
    task: Task[Any], source: Source | None, run: CheckpointSequence, store: str, unknown_letters: str
) -> Samples:
    """Samples of a file, or those that the store has kept; of the machine's width and values."""
    import numpy as np
    import torch

    from carving.data import Samples

    if source is not None:
        samples = read_file(task, source, run.alphabet, unknown_letters)
    else:
        values = run.samples
        if values is None:
            raise InvalidInput(f"{store}: has kept no samples; name a file of them as samples")
        names = run.names if run.names is not None else np.array(list(map(str, range(len(values)))), object)
        samples = Samples(values, np.asarray(names, dtype=object), run.alphabet, f"{store}: samples")
    width = samples.values.shape[1]
    if width != run.visible_size:
        raise InvalidInput(
            f"{samples.source}: have {width} sites, the machines of {store} have {run.visible_size}; give "
            "samples of the same data"
        )
    # block by block: encoded sequences are some eighty times as large as their letters
    for low in range(0, len(samples), _ROWS_AT_ONCE):
        rows = samples.values[low : low + _ROWS_AT_ONCE]
        run.visible.encode(rows, torch.float32, source=samples.source, first_row=low)
    return samples


def read_labels_of(task: Task[Any], source: Source | None, samples: Samples) -> Labels | None:
    """Labels of these samples, one for each."""
    from carving.data import read_labels

    if source is None:
        return None
    path, name = _place(task, source)
    try:
        return read_labels(path, samples.names)
    except CarvingError as error:
        raise InvalidInput(str(error).replace(str(path), name)) from None
