"""Opening what the commands are given, and checking that the pieces fit before any work starts."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from carving._files import is_url
from carving.errors import CorruptStore, InvalidInput, MissingFile
from carving_cli._console import Console
from carving_cli._errors import option_errors

ROWS_AT_ONCE = 4096

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.data import Labels, Samples
    from carving.tree import Tree


def load_run(path: str) -> "CheckpointSequence":
    """A checkpoint store that is complete: one that is still being written is refused."""
    from carving import open_checkpoints

    run = open_checkpoints(path)
    if run.being_written:
        raise InvalidInput(
            f"{path}: is still being written (a training or an import is running); wait until it has "
            f"finished, or copy the folder and use the copy with its {len(run)} checkpoints"
        )
    if len(run) == 0:
        raise InvalidInput(f"{path}: holds no checkpoint yet; train or import at least one first")
    return run


def chosen_age(run: "CheckpointSequence", age: int | None) -> int:
    """The age that ``--age`` asks for, which must be there; the oldest by default."""
    with option_errors("--age"):
        return int(run.ages[-1]) if age is None else int(run.select([age])[0])


def load_samples(
    path: Path | None,
    run: "CheckpointSequence",
    *,
    rows: slice | None,
    unknown_letters: str,
    source: str,
    stay: bool = False,
) -> "Samples":
    """Samples from a file, or those that the store holds; of the machine's width and values.

    Those of a zarr store ``stay`` there, if asked to and all are used: who needs them reads and checks them.
    """
    from carving.data import Samples, open_samples, read_samples

    if path is not None and stay and rows is None and path.is_dir():
        samples = open_samples(path, alphabet=run.alphabet)
        _check_width(samples, run, source)
        return samples
    if path is not None:
        alphabet = {"alphabet": run.alphabet} if run.alphabet else {}
        samples = read_samples(path, rows=rows, unknown_letters=unknown_letters, **alphabet)
    elif run.samples is None:
        raise InvalidInput(f"{source}: holds no samples; name the file that does with --samples FILE")
    else:
        every = slice(None) if rows is None else rows
        values = run.samples[every]
        names = [str(number) for number in range(len(run.samples))] if run.names is None else run.names
        samples = Samples(
            values=values, names=_text_array(names)[every], alphabet=run.alphabet, source=f"{source}: samples"
        )
    if len(samples.values) == 0:
        raise InvalidInput(f"{samples.source}: no samples are left; name others with --rows A:B")
    _check_values(samples, run, source)
    return samples


def _text_array(names: object):  # noqa: ANN202 - numpy is not imported for annotations
    import numpy

    return numpy.asarray(names, dtype=object)


def _check_values(samples: "Samples", run: "CheckpointSequence", source: str) -> None:
    """The machine must be able to take these samples: same number of sites, allowed values."""
    import torch

    _check_width(samples, run, source)
    try:
        # block by block: encoded sequences are some eighty times as large as their letters
        for start in range(0, len(samples), ROWS_AT_ONCE):
            run.visible.encode(samples.values[start : start + ROWS_AT_ONCE], torch.float32)
    except InvalidInput:
        # once more, so that the message counts rows from the first
        run.visible.encode(samples.values, torch.float32, source=samples.source)
        raise


def _check_width(samples: "Samples", run: "CheckpointSequence", source: str) -> None:
    width = samples.values.shape[1]
    if width != run.visible_size:
        raise InvalidInput(
            f"{samples.source}: has {width} columns, but the machines in {source} have "
            f"{run.visible_size} visible units; give the samples that this machine was trained on"
        )


def load_labels(
    path: Path | None, colors: Path | None, names: Iterable[str], *, missing: str, console: Console
) -> "Labels | None":
    """Labels of exactly these samples; rows about others are counted in a warning."""
    if path is None:
        if colors is not None:
            raise InvalidInput(f"{colors}: colours need labels to belong to; add --labels CSV")
        return None
    from carving.data import read_labels

    labels = read_labels(path, names, missing=missing, colors=colors)
    if labels.unmatched_rows:
        console.warn(f"{path}: {labels.unmatched_rows:,} rows are about names that are not among the samples")
    return labels


def tree_path(path: str) -> str:
    """The tree store behind a path: itself, or ``tree.zarr`` in the folder that build-tree wrote."""
    inside = os.path.join(path, "tree.zarr")
    return inside if os.path.exists(inside) else path


def load_tree(path: str) -> "Tree":
    """A finished tree, from its store or from the folder that build-tree wrote."""
    import carving

    return carving.load_tree(tree_path(path))


def kind_of_store(path: str) -> str:
    """``"tree"`` or ``"checkpoints"``, by the format that the store itself names.

    Raises
    ------
    MissingFile, CorruptStore
        If there is nothing, or nothing of ours.
    """
    path = tree_path(path)
    if not is_url(path) and not os.path.exists(path):
        raise MissingFile(f"{path}: no such file or folder; check the path")
    import zarr

    try:
        kind = zarr.open_group(path, mode="r").attrs.get("format")
    except Exception as error:
        raise CorruptStore(
            f"{path}: is not a store of carving ({type(error).__name__}); other programs' files become one "
            "with `carve import`"
        ) from error
    kinds = {"carving-tree": "tree", "carving-checkpoints": "checkpoints"}
    if kind not in kinds:
        raise CorruptStore(
            f"{path}: its attribute format is {kind!r}, not carving-checkpoints or carving-tree; "
            "name a store that carve wrote"
        )
    return kinds[str(kind)]
