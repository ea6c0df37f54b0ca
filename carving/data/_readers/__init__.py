"""One module a kind of file that samples can come from.

Each module here defines ``READER``; a new kind of file is one more module, found by its name on disk,
and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np


@dataclass(frozen=True)
class Request:
    """What is asked of a reader: which rows, and how letters are to be read."""

    path: Path
    rows: slice | None
    alphabet: str
    unknown_letters: str

    @property
    def source(self) -> str:
        """What messages call the file."""
        return str(self.path)


@dataclass(frozen=True, eq=False)
class Content:
    """What a reader found.

    Attributes
    ----------
    values
        (rows, N_v), uint8 or int8: only the rows asked for.
    rows
        Numbers of these rows in the file.
    names
        Names of all rows that were looked at, from the first on, or None when the file has none.
    looked_at
        How many rows that were.
    alphabet
        The letters whose codes the values are, if they were letters.
    """

    values: np.ndarray
    rows: range
    looked_at: int
    names: object = None
    alphabet: str | None = None


@dataclass(frozen=True)
class Reader:
    """A kind of file.

    Attributes
    ----------
    name
        What it is called in messages.
    suffixes
        How such files' names end, in lower case.
    read
        Reads one.
    packed
        Whether the same followed by ``.gz`` is read too.
    folder
        Whether it is a folder.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Request], Content]
    packed: bool = False
    folder: bool = False


@cache
def readers() -> dict[str, Reader]:
    """All readers, by the suffix of the files that they read."""
    found: dict[str, Reader] = {}
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        reader: Reader = import_module(f"{__name__}.{module.name}").READER
        for suffix in reader.suffixes:
            found[suffix] = reader
            if reader.packed:
                found[suffix + ".gz"] = reader
    return found


def reader_of(path: Path) -> Reader | None:
    """The reader for a file of this name, or None."""
    endings = [suffix.lower() for suffix in path.suffixes]
    known = readers()
    return known.get("".join(endings[-2:])) or known.get("".join(endings[-1:]))
