"""What a tree is to any program: who hangs on whom, by which length, and what the labels are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from carving.tree import Tree
from carving.tree.topology import topology
from tests.reference import trees as slow


@dataclass
class Reading:
    """Vertices by their names.

    Attributes
    ----------
    parent
        Of every vertex; the root's is None.
    length
        Of the branch above every vertex but the root.
    labels
        By column, then by leaf; unknown labels are left out. None where the program is not told of any.
    """

    parent: dict[str, str | None] = field(default_factory=dict)
    length: dict[str, float] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] | None = None

    def add(self, name: str, parent: str | None, length: float) -> None:
        """Add a vertex; a name that is there already is an error of the reader."""
        assert name not in self.parent, f"{name!r} was read twice"
        self.parent[name] = parent
        if parent is not None:
            self.length[name] = length


def expected(tree: Tree, kind: str = "distance", *, keep_unary: bool = False, deep: bool = False) -> Reading:
    """What a program ought to read: from the slow and plain reference, for a deep tree from the columns."""
    reading = Reading(labels=known_labels(tree))
    if deep:
        _from_columns(tree, kind, reading, keep_unary=keep_unary)
        return reading
    whole = slow.whole(tree, kind)
    todo: list[tuple[slow.Vertex, str | None]] = [(whole if keep_unary else slow.joined(whole), None)]
    while todo:
        vertex, parent = todo.pop()
        reading.add(vertex.name, parent, vertex.length)
        todo += [(child, vertex.name) for child in vertex.children]
    return reading


def _from_columns(tree: Tree, kind: str, reading: Reading, *, keep_unary: bool) -> None:
    shape = topology(tree, branch_length=kind, keep_unary=keep_unary)
    names = [*tree.nodes.name, *tree.leaves.name]
    for vertex in shape.order.tolist():
        parent = None if vertex == shape.root else names[shape.parent[vertex]]
        reading.add(names[vertex], parent, float(shape.length[vertex]))


def known_labels(tree: Tree) -> dict[str, dict[str, str]]:
    """The labels of a tree by column and leaf, unknown ones left out, columns without any as well."""
    columns = {
        column: {name: label for name, label in zip(tree.leaves.name, values, strict=True) if label}
        for column, values in tree.labels.items()
    }
    return {column: labels for column, labels in columns.items() if labels}


def walked(
    root: Any,
    children: Callable[[Any], Iterable[Any]],
    name: Callable[[Any], str],
    length: Callable[[Any], float | None],
) -> Reading:
    """The reading of linked objects, without recursion."""
    reading = Reading()
    todo: list[tuple[Any, str | None]] = [(root, None)]
    while todo:
        vertex, parent = todo.pop()
        reading.add(name(vertex), parent, length(vertex) or 0.0)
        todo += [(child, name(vertex)) for child in children(vertex)]
    return reading


def assert_same(found: Reading, wanted: Reading, *, tolerance: float = 1e-12) -> None:
    """Names, topology, lengths, and labels where the program is told of them."""
    assert found.parent == wanted.parent
    names = list(wanted.length)
    np.testing.assert_allclose(
        [found.length[name] for name in names],
        [wanted.length[name] for name in names],
        atol=tolerance,
        rtol=0,
    )
    if found.labels is not None:
        assert found.labels == wanted.labels


def need(found: str | None, package: str, install: str) -> str:
    """A program's path, or a skipped test that says what to install."""
    if not found:
        pytest.skip(f"{package} is not installed: {install}")
    return found
