"""A tree that is elsewhere."""

from __future__ import annotations

import copy
import os
import re
import tempfile
import zipfile
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from carving._files import whole_file
from carving.client import _samples, _tables
from carving.client._http import address
from carving.client._samples import Rows
from carving.client._tables import Columns
from carving.errors import CorruptStore, InvalidInput
from carving.tree import Ages, Leaves, Nodes, load_tree
from carving.tree._checks import check_run

if TYPE_CHECKING:
    from carving._progress import ProgressCallback
    from carving.checkpoints import CheckpointSequence
    from carving.client._http import Session
    from carving.client.checkpoints import RemoteCheckpoints
    from carving.tree import Novelty, Placement, Tree

_MOST_PLACED = 2_000
_PLAIN_NAME = re.compile(r"tree\.zarr(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")


class RemoteTree:
    """A family tree of samples at a service; what is asked for is fetched, once.

    Made by :meth:`Connection.load_tree`. It has the columns and the verbs of :class:`carving.Tree` that make
    sense from afar; :meth:`local` gives the whole tree, for all others.
    """

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name
        self._address = address("trees", name)
        self._facts = session.json(self._address)

    # ---- what is in it

    @property
    def name(self) -> str:
        """What the service calls it."""
        return self._name

    @property
    def store(self) -> str | None:
        """The name of the checkpoint store that it was built from, where the service has it."""
        return self._facts["store"]

    @property
    def options(self) -> dict[str, Any]:
        """The settings that it was built with."""
        return copy.deepcopy(self._facts["options"])

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions, and the fingerprints of what it was made from."""
        return copy.deepcopy(self._facts["provenance"])

    def summary(self) -> dict[str, Any]:
        """What it holds, in plain numbers; see :meth:`carving.Tree.summary`."""
        summary = copy.deepcopy(self._facts["summary"])
        # JSON has no keys but text
        by_age = {
            name: {int(age): count for age, count in summary[name].items()}
            for name in ("groups", "unconverged")
        }
        return summary | by_age

    @cached_property
    def nodes(self) -> Nodes:
        """The nodes, with their fixed points."""
        columns = self._table("nodes", points=True)
        return Nodes(
            **self._chosen(Nodes, columns | {"parent": _rows_of(columns["name"], columns["parent"])})
        )

    @cached_property
    def leaves(self) -> Leaves:
        """The leaves, which are the samples."""
        columns = self._table("leaves")
        node = _rows_of(self._nodes_alone["name"], columns["node"])
        return Leaves(**self._chosen(Leaves, columns | {"node": node}))

    @cached_property
    def ages(self) -> Ages:
        """The ages that were walked, the oldest first."""
        return Ages(**self._chosen(Ages, self._table("ages")))

    @cached_property
    def _nodes_alone(self) -> Columns:
        """Names of nodes and of their parents, without the points, which are a thousand times as much."""
        return self._table("nodes")

    def _table(self, name: str, *, points: bool | None = None) -> Columns:
        wanted = {"nodes": ("name", "parent"), "leaves": ("name", "node"), "ages": ("updates",)}[name]
        return _tables.table(self._session, f"{self._address}/{name}", wanted, parameters={"points": points})

    def _chosen(self, kind: type[Nodes | Leaves | Ages], columns: Columns) -> dict[str, Any]:
        _tables.joined([columns], list(kind.column_types), self._session.url)
        return {name: columns[name] for name in kind.column_types}

    # ---- structure

    def partition(self, age: int) -> np.ndarray:
        """The node of every leaf at an age, (leaves,) int64; see :meth:`carving.Tree.partition`."""
        return _tables.table(self._session, f"{self._address}/partitions/{int(age)}", ["node"])["node"]

    def path(self, leaf: int | str) -> np.ndarray:
        """The nodes from a leaf's state to the root; see :meth:`carving.Tree.path`."""
        index = self._leaf_index(leaf)
        parent = self._parent
        node, path = int(self.leaves.node[index]), []
        while node >= 0:
            path.append(node)
            node = int(parent[node])
        return np.array(path, dtype=np.int64)

    @cached_property
    def _parent(self) -> np.ndarray:
        return _rows_of(self._nodes_alone["name"], self._nodes_alone["parent"])

    def _leaf_index(self, leaf: int | str) -> int:
        if isinstance(leaf, str):
            found = np.flatnonzero(self.leaves.name == leaf)
            if not len(found):
                raise InvalidInput(f"leaf {leaf!r}: no leaf of this tree has that name; see tree.leaves.name")
            return int(found[0])
        if not -len(self.leaves) <= leaf < len(self.leaves):
            raise InvalidInput(f"leaf {leaf}: this tree has the leaves 0 to {len(self.leaves) - 1}")
        return int(leaf)

    # ---- what the service computes

    def place(
        self,
        samples: Any,
        run: RemoteCheckpoints | CheckpointSequence | None = None,
        *,
        progress: ProgressCallback | None = None,
    ) -> Placement:
        """Where new samples fall in this tree; see :func:`carving.tree.placement.place`.

        Parameters
        ----------
        samples
            As for :meth:`carving.Tree.place`, or lists of numbers or of text. Many of them are sent in parts.
        run
            The checkpoints that the tree was built from. The service finds them itself; given, it is checked
            that they are those.
        progress
            Called with the rows done.

        Raises
        ------
        InvalidInput
            If the checkpoints are not those of the tree, or samples do not fit the machine.
        MissingFile
            If the service has not the checkpoints of the tree.
        ServiceFailure
            If the service cannot be reached, or does not manage.
        """
        from carving.tree import Placement

        if run is not None:
            # that looks at the provenance of the one and the fingerprint of the other
            pair: tuple[Any, Any] = (self, run)
            check_run(*pair)
        return Placement(**self._placed(samples, Placement, progress))

    def novelty(self, samples: Any, *, progress: ProgressCallback | None = None) -> Novelty:
        """How samples compare with those that the machine was trained on.

        See :class:`carving.tree.TrainingEnergies`; of the oldest machine of the tree.

        Parameters
        ----------
        samples, progress
            As for :meth:`place`.
        """
        from carving.tree import Novelty

        return Novelty(**self._placed(samples, Novelty, progress))

    def _placed(
        self, samples: Any, kind: type[Placement | Novelty], progress: ProgressCallback | None
    ) -> dict[str, np.ndarray]:
        """What the service says of samples, as far as a result holds it."""

        def ask(body: bytes) -> Columns:
            content = self._session.content(
                "POST", f"{self._address}/placements", accept=_tables.KIND, body=body, kind=_samples.KIND
            )
            return _tables.read_columns(content, self._session.url)

        parts = Rows(samples, self._alphabet).in_parts(
            ask, most=_MOST_PLACED, stage="placing", progress=progress
        )
        names = [field.name for field in fields(kind)]
        columns = _tables.joined(parts, names, self._session.url)
        return {name: columns[name] for name in names}

    def _alphabet(self) -> str | None:
        from carving.client.checkpoints import RemoteCheckpoints

        store = self.store
        return None if store is None else RemoteCheckpoints(self._session, store).alphabet

    # ---- other shapes

    def export(
        self,
        format: str,
        path: str | os.PathLike[str],
        *,
        branch_length: str | None = None,
        keep_unary: bool = False,
        precision: int | None = None,
        node_labels: str | None = None,
        color_by: str | None = None,
        force: bool = False,
    ) -> None:
        """Write the tree in a format, as ``carve export`` does.

        Parameters
        ----------
        format
            One of ``carving.export.formats()``; those of several files come as a .zip.
        path
            The file, which appears whole or not at all.
        branch_length, keep_unary, precision, node_labels, color_by
            As in :class:`carving.export.ExportOptions`.
        force
            Replace what is there.
        """
        options = {
            "branch_length": branch_length,
            "keep_unary": keep_unary or None,
            "precision": precision,
            "node_labels": node_labels,
            "color_by": color_by,
        }
        with whole_file(path, force=force) as file:
            self._session.download(
                f"{self._address}/exports/{quote(format, safe='')}", file, parameters=options
            )

    def local(self) -> Tree:
        """The whole tree, as :func:`carving.load_tree` reads it.

        Raises
        ------
        CorruptStore
            If what came is no tree, or damaged.
        """
        with tempfile.TemporaryDirectory(prefix="carving-") as folder:
            with tempfile.TemporaryFile(dir=folder) as file:
                self._session.download(f"{self._address}/store", file)
                _unpack(file, Path(folder), self._source)
            try:
                return load_tree(Path(folder) / "tree.zarr")
            except CorruptStore as error:
                # where it lay for a moment is nobody's business
                raise CorruptStore(str(error).replace(f"{folder}/tree.zarr", self._source)) from None

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the whole tree as a zarr store here; see :meth:`carving.Tree.save`."""
        self.local().save(path, force=force)

    @property
    def _source(self) -> str:
        return f"{self._session.url}{self._address}"

    def __repr__(self) -> str:
        facts = self._facts
        return (
            f"RemoteTree({self._source!r}): {facts['samples']:,} samples, {facts['nodes']:,} nodes, "
            f"{facts['ages']:,} ages {facts['oldest_age']:,} … {facts['youngest_age']:,}"
        )


def _rows_of(names: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The row of each name; −1 where it is empty."""
    row_of = {name: row for row, name in enumerate(names.tolist())} | {"": -1}
    try:
        return np.array([row_of[name] for name in wanted.tolist()], dtype=np.int64)
    except KeyError as error:
        raise CorruptStore(
            f"nodes: the answer names {error.args[0]!r}, which is no node; ask again"
        ) from None


def _unpack(file: IO[bytes], folder: Path, source: str) -> None:
    """Unpack the files of a tree, and nothing that is none, into a folder."""
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                if not _PLAIN_NAME.fullmatch(entry.filename):
                    raise CorruptStore(
                        f"{source}: sends a file {entry.filename[:100]!r}, which is none of a tree; do not "
                        "trust this service"
                    )
                archive.extract(entry, folder)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        if isinstance(error, CorruptStore):
            raise
        raise CorruptStore(f"{source}: what came is no .zip file, or damaged ({error}); ask again") from None
