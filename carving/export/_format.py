"""What an export format is, and what all of them share: targets, vertex names, refusals."""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

from carving._files import whole_file
from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving.tree import Tree

Target = str | os.PathLike[str] | TextIO


@dataclass(frozen=True)
class ExportOptions:
    """What a caller may choose for any format; a format takes of it what it can express.

    Attributes
    ----------
    branch_length
        One of ``carving.tree.topology.BRANCH_LENGTHS``.
    keep_unary
        Keep nodes that have one child instead of joining the two.
    force
        Replace what is there.
    """

    branch_length: str = "distance"
    keep_unary: bool = False
    force: bool = False


@dataclass(frozen=True)
class Format:
    """An export format, found by its module's ``FORMAT``.

    Attributes
    ----------
    name
        What the command line calls it.
    target
        What its file or folder is called beside the tree, for example ``"tree.nwk"``; ``"."`` if it is
        several files.
    description
        What it carries and what opens it, in a few words.
    write
        Writes a tree to a path.
    """

    name: str
    target: str
    description: str
    write: "Callable[[Tree, Path, ExportOptions], None]"

    @property
    def suffix(self) -> str:
        """The suffix of its file; empty if it is a folder."""
        return Path(self.target).suffix

    def write_into(self, tree: "Tree", folder: Path, options: ExportOptions) -> None:
        """Write a tree under the format's own name in a folder."""
        self.write(tree, folder / self.target, options)


@contextmanager
def text_target(target: Target, *, force: bool) -> Iterator[IO[str]]:
    """An open file as it is, or a path as a file that appears whole or not at all."""
    if isinstance(target, str | os.PathLike):
        with whole_file(target, force=force, mode="w") as file:
            yield file
    else:
        yield target


def target_name(target: Target) -> str:
    """What to call a target in a message."""
    return os.fspath(target) if isinstance(target, str | os.PathLike) else getattr(target, "name", "output")


def refuse(target: Target, what: str, value: str, reason: str, instead: str) -> InvalidInput:
    """The error for something that a format cannot hold, with the formats that can."""
    return InvalidInput(f"{target_name(target)}: {what} {value!r:.80}: {reason}; export as {instead} instead")


def free_name(name: str, taken: Collection[str]) -> str:
    """A column's own name, with ``_`` added until it is none of those taken."""
    while name in taken:
        name += "_"
    return name


def label_names(tree: "Tree", taken: Collection[str]) -> dict[str, str]:
    """For every label column a name that is free."""
    used = set(taken)
    names: dict[str, str] = {}
    for column in tree.labels:
        names[column] = free_name(column, used)
        used.add(names[column])
    return names
