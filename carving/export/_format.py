"""What an export format is, and what all of them share: targets, vertex names, refusals."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from inspect import signature
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

from carving._files import whole_file
from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving.tree import Tree

Target = str | os.PathLike[str] | TextIO

NODE_LABELS = ("name", "support", "age")


@dataclass(frozen=True)
class ExportOptions:
    """What a caller may choose for any format; a format takes of it what it can express.

    Attributes
    ----------
    branch_length
        One of ``carving.tree.topology.BRANCH_LENGTHS``; ``None``: the format's own, which is ``log-age`` for
        Auspice and ``distance`` elsewhere.
    keep_unary
        Keep nodes that have one child instead of joining the two.
    precision
        Significant digits of numbers, 1 to 17; ``None``: as few as read back as the same float64.
    node_labels
        What Newick says at its inner nodes: ``"name"``, ``"support"`` or ``"age"``.
    color_by
        The label column whose colours are shown where a format shows one; ``None``: the first.
    force
        Replace what is there.
    """

    branch_length: str | None = None
    keep_unary: bool = False
    precision: int | None = None
    node_labels: str = "name"
    color_by: str | None = None
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


def with_options(write: "Callable[..., None]") -> "Callable[[Tree, Path, ExportOptions], None]":
    """A writer as ``Format.write``: it is given those options that it has, but for the ones left open."""
    names = [field.name for field in fields(ExportOptions) if field.name in signature(write).parameters]

    def chosen(tree: "Tree", target: Path, options: ExportOptions) -> None:
        given = {name: getattr(options, name) for name in names}
        write(tree, target, **{name: value for name, value in given.items() if value is not None})

    return chosen


def two_tables(
    write_nodes: "Callable[..., None]", write_leaves: "Callable[..., None]", suffix: str
) -> "Callable[[Tree, Path, ExportOptions], None]":
    """``Format.write`` of a format that is a table of nodes and one of leaves."""

    def both(tree: "Tree", folder: Path, options: ExportOptions) -> None:
        write_nodes(tree, folder / f"nodes.{suffix}", force=options.force)
        write_leaves(tree, folder / f"leaves.{suffix}", force=options.force)

    return both


def number_writer(precision: int | None) -> Callable[[float], str]:
    """How a float is written: shortest that reads back, or with so many significant digits.

    Raises
    ------
    InvalidInput
        If the precision is not one that a float64 can have.
    """
    if precision is None:
        return repr
    if not 1 <= precision <= 17:
        raise InvalidInput(f"precision {precision}: give 1 to 17 significant digits, or none for all")
    return f"{{:.{precision}g}}".format
