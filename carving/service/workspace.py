"""A workspace: a folder of checkpoint stores, trees and sample files, known by name.

Nothing that a client says is ever made into a path. Names are looked up in what a walk through the folder
has found, and that walk follows no links; names of new outputs hold neither separators nor leading dots.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from carving.errors import CorruptStore, InvalidInput, MissingFile, OutputExists

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.tree import Tree

OWN_FOLDER = ".carving"
"""Where the service keeps jobs and uploads, inside the workspace."""

SEPARATOR = "~"
"""Stands for the path separator in names, so that a name is one segment of an address."""

_KINDS = {"carving-checkpoints": "stores", "carving-tree": "trees"}
_SAMPLE_FILES = (".npz", ".npy", ".fasta", ".fasta.gz", ".fa", ".fa.gz", ".csv", ".csv.gz", ".txt", ".txt.gz")
TREE_STORE = "tree.zarr"
"""What the store of a tree is called in the folder that has the tree's name."""

_NEW_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DEEPEST = 4
_MOST_ENTRIES = 100_000
_LARGEST_DOCUMENT = 2**26
_LOOK_AGAIN_SECONDS = 1.0
_KEPT_OPEN = 8

Opened = TypeVar("Opened")


@dataclass(frozen=True)
class Contents:
    """What a workspace holds, by name: stores and trees as folders, samples and labels as files."""

    stores: Mapping[str, Path]
    trees: Mapping[str, Path]
    files: Mapping[str, Path]


class Workspace:
    """A folder and what is in it.

    Parameters
    ----------
    folder
        The folder; it must exist.

    Raises
    ------
    MissingFile
        If it does not.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            raise MissingFile(f"{folder}: no such folder; give one that holds checkpoint stores and trees")
        self._lock = threading.Lock()
        self._contents: Contents | None = None
        self._looked = -float("inf")
        self._open: OrderedDict[tuple[Path, Any], Any] = OrderedDict()
        self._fingerprints: dict[tuple[Path, Any], str] = {}

    @property
    def is_writable(self) -> bool:
        """Whether jobs can leave results here."""
        return os.access(self.folder, os.W_OK | os.X_OK)

    @property
    def own_folder(self) -> Path:
        """Where jobs and uploads are kept; made by who first writes to it."""
        return self.folder / OWN_FOLDER

    # ---- names

    def contents(self, *, fresh: bool = False) -> Contents:
        """What is there; looked up again after a second, or at once."""
        with self._lock:
            if fresh or self._contents is None or time.monotonic() - self._looked > _LOOK_AGAIN_SECONDS:
                self._contents = _look(self.folder)
                self._looked = time.monotonic()
            return self._contents

    def store_path(self, name: str) -> Path:
        """The folder of a checkpoint store."""
        return self._path("stores", "checkpoint store", name)

    def tree_path(self, name: str) -> Path:
        """The folder of a tree's store."""
        return self._path("trees", "tree", name)

    def file_path(self, name: str) -> Path:
        """A file of samples or labels."""
        return self._path("files", "file", name)

    def _path(self, kind: str, words: str, name: str) -> Path:
        found = getattr(self.contents(), kind).get(name) or getattr(self.contents(fresh=True), kind).get(name)
        if found is None:
            raise MissingFile(
                f"{name[:100]!r}: this workspace has no {words} of that name; list what it has first"
            )
        return found

    def new_output(self, name: str) -> Path:
        """Where a new store or tree of that name goes.

        Raises
        ------
        InvalidInput
            If it is no plain name.
        OutputExists
            If something is there already.
        """
        if not _NEW_NAME.fullmatch(name) or name.endswith(".partial"):
            raise InvalidInput(
                f"{name[:100]!r}: is no name for an output; take up to 100 letters, digits, dots, dashes and "
                "underscores that begin with a letter or a digit"
            )
        target = self.folder / name
        if os.path.lexists(target):
            raise OutputExists(f"{name!r}: is there already; choose another name")
        return target

    # ---- what the names stand for

    def store(self, name: str) -> CheckpointSequence:
        """A checkpoint store, opened for reading."""
        from carving.checkpoints import open_checkpoints

        return self._opened(self.store_path(name), open_checkpoints)

    def tree(self, name: str) -> Tree:
        """A tree, read into memory."""
        from carving.tree import load_tree

        return self._opened(self.tree_path(name), load_tree)

    def store_of_tree(self, name: str) -> str:
        """The name of the store that a tree was built from, told by its fingerprint.

        Raises
        ------
        MissingFile
            If it is not in the workspace.
        """
        wanted = self.tree(name).provenance.get("checkpoints_fingerprint")
        for store, path in self.contents().stores.items():
            try:
                if self._fingerprint(store, path) == wanted:
                    return store
            except CorruptStore:
                continue
        raise MissingFile(
            f"{name!r}: the checkpoints that this tree was built from are not in the workspace; put them "
            "there"
        )

    def _fingerprint(self, store: str, path: Path) -> str:
        key = (path, _stamp(path))
        if key not in self._fingerprints:
            self._fingerprints[key] = self.store(store).fingerprint
        return self._fingerprints[key]

    def _opened(self, path: Path, opens: Callable[[Path], Opened]) -> Opened:
        """What was opened before, unless it has changed since; the least used ones are given up."""
        key = (path, _stamp(path))
        with self._lock:
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        made = opens(path)
        with self._lock:
            self._open[key] = made
            while len(self._open) > _KEPT_OPEN:
                self._open.popitem(last=False)
        return made


def _stamp(path: Path) -> tuple[int, int, int]:
    """Changes whenever a store is written to: its root document is replaced each time."""
    try:
        status = os.stat(path / "zarr.json", follow_symlinks=False)
    except OSError:
        raise MissingFile(f"{path.name!r}: is no longer there") from None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _look(folder: Path) -> Contents:
    stores: dict[str, Path] = {}
    trees: dict[str, Path] = {}
    files: dict[str, Path] = {}
    found = {"stores": stores, "trees": trees}
    for count, (path, entry_is_folder) in enumerate(_walk(folder, _DEEPEST)):
        if count >= _MOST_ENTRIES:
            break
        parts = path.relative_to(folder).parts
        if entry_is_folder:
            kind = _KINDS.get(_format(path))
            if kind is None:
                continue
            if parts[-1] == TREE_STORE and len(parts) > 1:
                parts = parts[:-1]
            found[kind][SEPARATOR.join(parts)] = path
        elif path.name.lower().endswith(_SAMPLE_FILES):
            files[SEPARATOR.join(parts)] = path
    return Contents(*({name: each[name] for name in sorted(each)} for each in (stores, trees, files)))


def _walk(folder: Path, levels: int) -> Iterator[tuple[Path, bool]]:
    """Zarr stores and files; links, hidden entries and the inside of stores are left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or SEPARATOR in entry.name or not entry.name.isprintable():
            continue
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if (path / "zarr.json").is_file():
                yield path, True
            elif levels > 1:
                yield from _walk(path, levels - 1)
        elif entry.is_file(follow_symlinks=False):
            yield path, False


def _format(path: Path) -> str:
    """What a store says that it is; "" where it says nothing that can be read."""
    document = path / "zarr.json"
    try:
        if document.stat().st_size > _LARGEST_DOCUMENT:
            return ""
        return str(json.loads(document.read_bytes())["attributes"]["format"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
