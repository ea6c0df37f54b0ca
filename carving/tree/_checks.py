"""What makes columns a tree: checked once, when a ``Tree`` is made, so that nobody else need."""

from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.tree.topology import totals

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.tree._columns import Nodes
    from carving.tree.tree import Tree


def _refuse_where(wrong: np.ndarray, place: str, complaint: str) -> None:
    """Raise for the first entry that is marked, if there is one."""
    if wrong.any():
        raise InvalidInput(f"{place}: entry {int(np.flatnonzero(wrong)[0])} {complaint}")


def check_tree(tree: "Tree") -> None:
    """Raise ``InvalidInput`` unless the columns describe one rooted tree over all leaves."""
    if not len(tree.leaves) or not len(tree.nodes):
        raise InvalidInput("tree: has no leaves; give at least one sample")
    _check_ages(tree)
    _check_parents(tree.nodes)
    _check_node_ages(tree)
    _check_leaves(tree)
    _check_sizes(tree)
    _check_points(tree)
    _check_states(tree)
    _check_names(tree)
    for name, column in tree.labels.items():
        if len(column) != len(tree.leaves):
            raise InvalidInput(f"labels: {name} has {len(column)} entries for {len(tree.leaves)} leaves")
    for name in tree.colors:
        if name not in tree.labels:
            raise InvalidInput(f"colors: {name!r} is no label column; choose from {list(tree.labels)}")


def check_column(tree: "Tree", column: str) -> None:
    """Raise ``InvalidInput`` unless the tree has that label column."""
    if column not in tree.labels:
        raise InvalidInput(
            f"column {column!r}: this tree has the label columns {', '.join(tree.labels) or '(none)'}; "
            "name one of these"
        )


def check_run(tree: "Tree", run: "CheckpointSequence") -> None:
    """Raise ``InvalidInput`` if the tree says that it was built from other checkpoints."""
    expected = tree.provenance.get("checkpoints_fingerprint")
    if expected is not None and expected != run.fingerprint:
        raise InvalidInput(
            f"{run.path}: these are not the checkpoints that the tree was built from; give those"
        )


def _check_ages(tree: "Tree") -> None:
    updates = tree.ages.updates
    if not len(updates):
        raise InvalidInput("ages: updates is empty; a tree has at least one age")
    _refuse_where(updates < 0, "ages: updates", "is negative; ages count gradient updates")
    _refuse_where(np.diff(updates) >= 0, "ages: updates", "is not older than the next; give the oldest first")


def _check_parents(nodes: "Nodes") -> None:
    parent, root = nodes.parent, len(nodes) - 1
    if parent[root] != -1:
        raise InvalidInput(
            f"nodes: parent: the last node must be the root (-1), not a child of {parent[root]}"
        )
    _refuse_where(parent[:root] <= np.arange(root), "nodes: parent", "does not come after its child")
    _refuse_where(parent[:root] > root, "nodes: parent", "is no node")


def _check_node_ages(tree: "Tree") -> None:
    age, parent = tree.nodes.age, tree.nodes.parent
    _refuse_where(np.diff(age) > 0, "nodes: age", "is younger than the next; give the oldest first")
    walked = np.isin(age, tree.ages.updates)
    older = age[:-1] > age[parent[:-1]]
    if tree.has_added_root:
        if age[-1] != 0:
            raise InvalidInput(f"nodes: age: an added root has age 0, not {age[-1]}")
        walked[-1] = True
        # a checkpoint may have age 0 as well: before the first update
        older |= parent[:-1] == tree.root
    _refuse_where(~walked, "nodes: age", "is none of the ages that were walked")
    _refuse_where(~older, "nodes: age", "is not older than its parent's")


def _check_leaves(tree: "Tree") -> None:
    node, count = tree.leaves.node, len(tree.nodes)
    _refuse_where((node < 0) | (node >= count), "leaves: node", "is no node")
    oldest = tree.nodes.age == tree.ages.updates[0]
    if tree.has_added_root:
        oldest[-1] = False
    _refuse_where(~oldest[node], "leaves: node", "is no state of the oldest age")
    distance = tree.leaves.distance
    _refuse_where(~(np.isfinite(distance) & (distance >= 0)), "leaves: distance", "is no distance")


def _check_sizes(tree: "Tree") -> None:
    _refuse_where(tree.leaves.size < 1, "leaves: size", "is below 1; every leaf stands for a sample")
    sizes = totals(tree.nodes.parent, tree.leaves.node, tree.leaves.size)
    _refuse_where(tree.nodes.size != sizes, "nodes: size", "is not the number of its samples")
    _refuse_where(tree.nodes.size < 1, "nodes: size", "is 0; every node holds a leaf")


def _check_points(tree: "Tree") -> None:
    nodes, states = tree.nodes, tree.states
    if nodes.visible.ndim not in (2, 3) or nodes.hidden.ndim != 2:
        raise InvalidInput(
            f"nodes: visible and hidden have the shapes {nodes.visible.shape} and {nodes.hidden.shape}; "
            "give (nodes, sites) or (nodes, sites, states), and (nodes, hidden units)"
        )
    for layer in ("visible", "hidden"):
        point, state = getattr(nodes, layer), getattr(states, layer)
        if len(states) and point.shape[1:] != state.shape[1:]:
            raise InvalidInput(
                f"states: {layer} has rows of shape {state.shape[1:]}, nodes {point.shape[1:]}"
            )
        finite = np.isfinite(point).reshape(len(nodes), -1).all(axis=1)
        if tree.has_added_root:
            finite[-1] = True
        _refuse_where(~finite, f"nodes: {layer}", "is not finite; only an added root has no fixed point")


def _check_states(tree: "Tree") -> None:
    node, age = tree.states.node, tree.states.age
    _refuse_where((node < 0) | (node >= len(tree.nodes)), "states: node", "is no node")
    _refuse_where(~np.isin(age, tree.ages.updates), "states: age", "is none of the ages that were walked")
    _refuse_where(age > tree.nodes.age[node], "states: age", "is older than its node")
    _refuse_where(np.diff(age) > 0, "states: age", "is younger than the next; give the oldest first")


def _check_names(tree: "Tree") -> None:
    seen: set[str] = set()
    for table, names in (("leaves", tree.leaves.name), ("nodes", tree.nodes.name)):
        for index, name in enumerate(names):
            if name in seen:
                raise InvalidInput(
                    f"{table}: name: entry {index}, {name!r}, is there twice; names must differ"
                )
            seen.add(name)
