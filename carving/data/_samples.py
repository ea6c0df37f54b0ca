"""Samples, and how they are read from any kind of file."""

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carving.data._letters import PROTEIN_ALPHABET
from carving.data._names import checked_names, numbered_names
from carving.data._readers import Content, Reader, Request, reader_of, readers
from carving.data._values import shown_rows
from carving.errors import CorruptStore, InvalidInput, MissingFile


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples as small integers, with their names.

    What the integers mean is the business of a unit: :meth:`carving.Unit.encode` makes statistics of
    them and refuses values that it does not know.

    Attributes
    ----------
    values
        (n, N_v), uint8 or int8: 0/1, ±1, or codes of states. Of :func:`open_samples` an array of zarr's.
    names
        (n,) Python strings, no two alike.
    alphabet
        The letters that codes stand for, when the samples were sequences.
    source
        Where they come from, for messages.
    """

    values: np.ndarray
    names: np.ndarray
    alphabet: str | None = None
    source: str = "samples"

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        rows, columns = self.values.shape
        letters = "" if self.alphabet is None else f", alphabet {self.alphabet}"
        span = f"{self.names[0]!r} … {self.names[-1]!r}" if rows else "none"
        return f"Samples({rows} × {columns} {self.values.dtype}, names {span}{letters}, from {self.source})"


def parse_rows(text: str) -> slice:
    """Rows written as ``A:B``: A to B − 1, counted from 0; either end may be left out.

    Raises
    ------
    InvalidInput
        If the text is anything else, or no row is between A and B.
    """
    found = re.fullmatch(r"\s*([0-9]{0,18}):([0-9]{0,18})\s*", str(text))
    if found is None:
        raise InvalidInput(f"rows {text!r}: is not A:B; write for example 0:500, :500 or 500:")
    start, stop = (int(end) if end else None for end in found.groups())
    if stop is not None and stop <= (start or 0):
        raise InvalidInput(
            f"rows {text!r}: holds no row, since B is not greater than A; write for example 0:500"
        )
    return slice(start, stop)


def read_samples(
    path: str | os.PathLike[str],
    *,
    rows: slice | None = None,
    alphabet: str = PROTEIN_ALPHABET,
    unknown_letters: str = "error",
) -> Samples:
    """Read samples from ``.npy``, ``.npz``, ``.zarr``, ``.h5``, text of numbers, or FASTA.

    Parameters
    ----------
    path
        The file; its ending says its kind. Text and FASTA may be gzipped.
    rows
        Read only these rows; of big files no others are looked at.
    alphabet
        Letters of sequences, in the order of their codes.
    unknown_letters
        What to do with other letters: ``"error"``, or ``"gap"`` to read them as ``-``.

    Returns
    -------
    Samples
        Names are the file's own. Without any they are ``"0"`` … ``"n−1"``, the numbers of the rows in
        the file.

    Raises
    ------
    MissingFile
        If there is no such file.
    CorruptStore
        If it is damaged, cut short, empty, or of another kind than its name says.
    InvalidInput
        If what it holds are not samples: other numbers than small whole ones, rows of unequal length,
        unknown letters, names that are empty, repeated or too few.
    """
    _check_settings(rows, unknown_letters)
    target = Path(path)
    content = _reader(target).read(Request(target, rows, alphabet, unknown_letters))
    return Samples(content.values, _names(content, str(target)), content.alphabet, str(target))


def open_samples(place: str | os.PathLike[str], *, alphabet: str | None = None) -> Samples:
    """Samples of a zarr store that stay where they are: ``values`` is its array, read when it is needed.

    For ``build_tree`` and ``place``, which see to it that every value is one; not for what takes numpy only.

    Parameters
    ----------
    place
        Path or URL of an array of samples, or of a group with ``samples``, and ``names`` perhaps.
    alphabet
        Letters that the codes stand for, if they are of sequences.

    Raises
    ------
    MissingFile
        If nothing is there.
    CorruptStore
        If it is no zarr store, or damaged.
    InvalidInput
        If it holds no samples, or names that are empty, repeated or too few.
    """
    from carving._place import find_place
    from carving._zarr import damage_named
    from carving.data._readers.zarr_store import open_arrays

    found = find_place(place, what="zarr store of samples")
    if not any(map(found.has, ("zarr.json", ".zarray", ".zgroup"))):
        raise CorruptStore(f"{found.name}: is no zarr store; give one with an array 'samples', or its array")
    with damage_named(found.name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values, names = open_arrays(found.arrays, found.name)
        if len(values.shape) not in (2, 3):
            raise InvalidInput(
                f"{found.name}: samples have shape {values.shape}; they must be (samples, sites)"
            )
        count = values.shape[0]
        own = numbered_names(range(count)) if names is None else checked_names(names[:], count, found.name)
    return Samples(values, own, alphabet, found.name)


def _check_settings(rows: slice | None, unknown_letters: str) -> None:
    if rows is not None:
        ends = (rows.start, rows.stop, rows.step)
        if any(end is not None and end < 0 for end in ends) or rows.step == 0:
            raise InvalidInput(
                f"rows {shown_rows(rows)}: rows are counted from 0 upwards; write for example 0:500"
            )
        if rows.stop is not None and rows.stop <= (rows.start or 0):
            raise InvalidInput(f"rows {shown_rows(rows)}: holds no row; write for example 0:500")
    if unknown_letters not in ("error", "gap"):
        raise InvalidInput(f"unknown_letters {unknown_letters!r}: is not an option; use 'error' or 'gap'")


def _reader(path: Path) -> Reader:
    found = reader_of(path)
    if found is None and path.is_dir() and (path / "zarr.json").exists():
        # a checkpoint store that keeps its samples need not be called .zarr
        found = readers()[".zarr"]
    if found is not None:
        return found
    if not os.path.lexists(path):
        raise MissingFile(f"{path}: no such file or folder; check the path")
    known = " ".join(sorted(suffix for suffix in readers() if not suffix.endswith(".gz")))
    raise InvalidInput(
        f"{path}: its name does not say what kind of file it is; it must end in one of {known} "
        "(text and FASTA also in .gz)"
    )


def _names(content: Content, source: str) -> np.ndarray:
    if content.names is None:
        return numbered_names(content.rows)
    every = checked_names(content.names, content.looked_at, source)
    return every[content.rows.start : content.rows.stop : content.rows.step]
