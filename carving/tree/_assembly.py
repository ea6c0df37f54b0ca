"""From the groups found at each age to the columns of a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.tree._columns import Ages, Leaves, Nodes, States
from carving.tree.tree import Tree

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.tree.descent import Age
    from carving.units import Unit


@dataclass(frozen=True)
class Walk:
    """Everything found on the way down: ages oldest first, and what is known of each."""

    ages: np.ndarray
    found: list[Age]
    visible: Unit
    leaf_distance: np.ndarray


@dataclass(frozen=True)
class _Structure:
    """Nodes before they have points.

    Attributes
    ----------
    parent
        Parent of each node, −1 for the root.
    born
        Index of the age at which each node was born, and its group there: (nodes, 2).
    of_group
        For every age, the node of each group.
    size
        Leaves of each node.
    """

    parent: np.ndarray
    born: np.ndarray
    of_group: list[np.ndarray]
    size: np.ndarray


def _structure(found: list[Age]) -> _Structure:
    """Nodes are born where groups merge; groups are numbered by first leaf, and so are nodes."""
    count = len(found[0].error)
    parent = [-1] * count
    born = [(0, group) for group in range(count)]
    of_group = [np.arange(count)]
    sizes = np.bincount(found[0].group, minlength=count)
    size = sizes.tolist()
    for index, age in enumerate(found[1:], start=1):
        nodes, groups = np.empty(len(age.error), dtype=np.int64), age.group
        children = np.bincount(groups, minlength=len(nodes))
        sizes = np.bincount(groups, weights=sizes, minlength=len(nodes)).astype(np.int64)
        nodes[groups] = of_group[-1]
        for group in np.flatnonzero(children > 1).tolist():
            nodes[group] = len(parent)
            parent.append(-1)
            born.append((index, group))
            size.append(int(sizes[group]))
        for child, group in enumerate(groups.tolist()):
            if children[group] > 1:
                parent[int(of_group[-1][child])] = int(nodes[group])
        of_group.append(nodes)
    if len(of_group[-1]) > 1:
        root = len(parent)
        for node in of_group[-1].tolist():
            parent[node] = root
        parent.append(-1)
        born.append((-1, -1))
        size.append(int(sizes.sum()))
    return _Structure(np.array(parent), np.array(born), of_group, np.array(size))


def _names(walk: Walk, structure: _Structure, leaf_names: np.ndarray) -> np.ndarray:
    names: list[str] = []
    counts: dict[int, int] = {}
    for index, _ in structure.born.tolist():
        age = 0 if index < 0 else int(walk.ages[index])
        names.append(f"t{age}.{counts.get(age, 0)}")
        counts[age] = counts.get(age, 0) + 1
    # leaves are many: no set is made of their names
    while taken := set(names).intersection(leaf_names):
        names = [f"{name}_" if name in taken else name for name in names]
    return np.array(names, dtype=object)


def _at_birth(walk: Walk, structure: _Structure, column: str, missing: float) -> np.ndarray:
    """One column of the states, for every node at its birth; ``missing`` for an added root."""
    first = getattr(walk.found[0], column)
    result = np.full((len(structure.born), *first.shape[1:]), missing, dtype=first.dtype)
    for index, age in enumerate(walk.found):
        nodes = np.flatnonzero(structure.born[:, 0] == index)
        result[nodes] = getattr(age, column)[structure.born[nodes, 1]]
    return result


def assemble(
    walk: Walk,
    names: np.ndarray,
    labels: dict[str, np.ndarray],
    colors: dict[str, dict[str, str]],
    run: CheckpointSequence,
    options: dict[str, Any],
    provenance: dict[str, Any],
    spent: dict[str, float],
) -> Tree:
    """The tree of a walk."""
    structure = _structure(walk.found)
    birth_age = np.where(structure.born[:, 0] < 0, 0, walk.ages[structure.born[:, 0]])
    at_birth = {
        column: _at_birth(walk, structure, column, missing)
        for column, missing in (
            ("visible", np.nan),
            ("hidden", np.nan),
            ("free_energy", np.nan),
            ("error", np.nan),
            ("converged", False),
            ("stable", False),
        )
    }
    nodes = Nodes(
        name=_names(walk, structure, names),
        parent=structure.parent,
        age=birth_age.astype(np.int64),
        size=structure.size,
        **at_birth,
    )
    oldest = walk.found[0]
    leaves = Leaves(name=names, node=oldest.group, distance=walk.leaf_distance, error=oldest.point_error)

    def every(column: str) -> np.ndarray:
        return np.concatenate([getattr(age, column) for age in walk.found])

    states = States(
        node=np.concatenate(structure.of_group),
        age=np.repeat(walk.ages, [len(age.error) for age in walk.found]),
        visible=every("visible").astype(np.float32),
        hidden=every("hidden").astype(np.float32),
        free_energy=every("free_energy"),
        error=every("error"),
        converged=every("converged"),
    )
    ages = Ages(
        updates=walk.ages.astype(np.int64),
        groups=np.array([len(age.error) for age in walk.found]),
        largest_step=np.array([age.largest_step for age in walk.found]),
        smallest_gap=np.array([age.smallest_gap for age in walk.found]),
        unconverged=np.array([age.unconverged for age in walk.found]),
    )
    return Tree(
        nodes=nodes,
        leaves=leaves,
        states=states,
        ages=ages,
        labels=labels,
        colors=colors,
        visible_unit=run.visible.name,
        hidden_unit=run.hidden.name,
        options=options,
        provenance=provenance,
        spent=spent,
    )
