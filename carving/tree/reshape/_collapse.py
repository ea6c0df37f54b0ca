"""The tree as it was at a younger age: everything older is cut away."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from carving.tree._columns import Nodes
from carving.tree.topology import branch_lengths

if TYPE_CHECKING:
    from carving.tree.tree import Tree

_OF_A_STATE = ("visible", "hidden", "free_energy", "error", "converged")


def collapse(tree: "Tree", age: int) -> "Tree":
    """The tree as it was seen at an age: everything older is cut away.

    Leaves hang on the node that they had at that age, ``partition(age)``, under its own name. That node's
    age is now that age, between two checkpoints the older one's. Its magnetisations, free energy and
    error become those of its state at that age, as ``states`` has them (float32); where ``states`` has
    none, they stay those at its birth, as ``stable`` does in any case. ``birth_age`` of these nodes is
    NaN, as they are the oldest.

    ``leaves.distance`` grows by the lengths of the branches that are cut away, as lengths add where nodes
    with one child are joined: it is the way from the sample through the states in between, and no longer
    the straight one. ``leaves.error`` stays that of the sample's own fixed point.

    Parameters
    ----------
    tree
        Any tree.
    age
        Gradient updates; the oldest age gives the same tree.

    Raises
    ------
    InvalidInput
        If the age is outside the range of the checkpoints.
    """
    groups = tree.partition(age)
    updates = tree.ages.updates
    oldest = int(updates[updates >= age][-1])
    if oldest == updates[0]:
        return tree
    tips, first = np.unique(groups, return_index=True)
    tips = tips[np.argsort(first)]
    is_younger = tree.nodes.age < oldest
    if tree.has_added_root:
        # also where the tips have age 0 as well
        is_younger[-1] = True
    rows = np.concatenate([tips, np.flatnonzero(is_younger)])
    place = np.full(len(tree.nodes), -1)
    place[rows] = np.arange(len(rows))
    states = tree.states
    kept = np.flatnonzero((states.age <= oldest) & (place[states.node] >= 0))
    return replace(
        tree,
        nodes=_nodes(tree, rows, place, tips, oldest),
        leaves=tree.leaves.take(
            np.arange(len(groups)),
            node=place[groups],
            distance=tree.leaves.distance + _to_tips(tree, place)[tree.leaves.node],
        ),
        states=states.take(kept, node=place[states.node[kept]]),
        ages=tree.ages.take(np.flatnonzero(updates <= oldest)),
    )


def _nodes(tree: "Tree", rows: np.ndarray, place: np.ndarray, tips: np.ndarray, oldest: int) -> Nodes:
    """The rows of nodes that stay, the tips, which come first, as they are at that age."""
    nodes, states = tree.nodes, tree.states
    here = states.rows_at(oldest)
    state = np.full(len(nodes), -1)
    state[states.node[here]] = here
    # a node that was born at that age has its state already, in full precision
    moved = np.flatnonzero((nodes.age[tips] > oldest) & (state[tips] >= 0))
    changed = {}
    for column in _OF_A_STATE:
        changed[column] = getattr(nodes, column)[rows]
        changed[column][moved] = getattr(states, column)[state[tips[moved]]]
    for column in ("birth_age", "birth_uncertainty"):
        changed[column] = getattr(nodes, column)[rows]
        changed[column][: len(tips)] = np.nan
    age, parent = nodes.age[rows], nodes.parent[rows]
    age[: len(tips)] = oldest
    return nodes.take(rows, age=age, parent=np.where(parent < 0, -1, place[parent]), **changed)


def _to_tips(tree: "Tree", place: np.ndarray) -> np.ndarray:
    """The way from each node that is cut away to the tip that it belongs to; 0 elsewhere."""
    above, parent = branch_lengths(tree, "distance").tolist(), tree.nodes.parent.tolist()
    way = [0.0] * len(parent)
    for node in np.flatnonzero(place < 0)[::-1].tolist():
        way[node] = above[node] + way[parent[node]]
    return np.array(way)
