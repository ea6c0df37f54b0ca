"""A tree for sums over what its nodes hold: states in such an order that each node is a run of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from carving.statistics._known import Known
from carving.tree.topology import totals

if TYPE_CHECKING:
    from carving.tree import Tree


@dataclass(frozen=True, eq=False)
class Nesting:
    """Sums over the leaves of every node, at any depth, by differences of running sums.

    Attributes
    ----------
    start, stop : numpy.ndarray of int64, shape (nodes,)
        Each node holds the states ``start`` to ``stop`` − 1 of a walk from the root.
    of_leaf : numpy.ndarray of int64, shape (leaves,)
        The place of each leaf's state in that walk.
    """

    start: np.ndarray
    stop: np.ndarray
    of_leaf: np.ndarray

    @property
    def states(self) -> int:
        """How many states hold leaves."""
        return int(self.stop[-1])

    def tabulate(self, known: Known, weights: np.ndarray) -> np.ndarray:
        """The weight of each label in each state, (states, labels) int64."""
        shape, has = (self.states, len(known.labels)), known.code >= 0
        cell = self.of_leaf[has] * shape[1] + known.code[has]
        return (
            np.bincount(cell, weights=weights[has], minlength=shape[0] * shape[1])
            .astype(np.int64)
            .reshape(shape)
        )

    def totals(self, of_states: np.ndarray) -> np.ndarray:
        """Sums over the states of every node: (…, states, labels) to (…, nodes, labels)."""
        running = np.zeros(
            (*of_states.shape[:-2], self.states + 1, of_states.shape[-1]), dtype=of_states.dtype
        )
        np.cumsum(of_states, axis=-2, out=running[..., 1:, :])
        return running[..., self.stop, :] - running[..., self.start, :]


def nesting(tree: "Tree") -> Nesting:
    """The order of states, and the run of each node: two loops over the nodes."""
    nodes = len(tree.nodes)
    parent = tree.nodes.parent.tolist()
    holds = (np.bincount(tree.leaves.node, minlength=nodes) > 0).tolist()
    states = totals(tree.nodes.parent, np.flatnonzero(holds))
    count = states.tolist()
    # parents have higher numbers than their children: from the root on, each child takes the next places
    start, free = [0] * nodes, [0] * nodes
    for node in range(nodes - 1, -1, -1):
        above = parent[node]
        if above >= 0:
            start[node] = free[above]
            free[above] += count[node]
        free[node] = start[node] + holds[node]
    begin = np.array(start, dtype=np.int64)
    return Nesting(begin, begin + states, begin[tree.leaves.node])


def changes_of_levels(tree: "Tree") -> sparse.csr_array:
    """What begins and ends at each age, (ages, nodes): +1 where a node is born, −1 where it merges.

    The sum of anything over the groups at each age is the running sum of this times the nodes' values.
    """
    updates = tree.ages.updates
    born = np.searchsorted(-updates, -tree.nodes.age)
    nodes = np.arange(len(tree.nodes) - tree.has_added_root)
    merging = nodes[tree.nodes.parent[nodes] >= 0]
    merging = merging[tree.nodes.parent[merging] < len(nodes)]
    at = np.concatenate([born[nodes], born[tree.nodes.parent[merging]]])
    sign = np.concatenate([np.ones(len(nodes)), -np.ones(len(merging))])
    return sparse.csr_array(
        (sign, (at, np.concatenate([nodes, merging]))), shape=(len(updates), len(tree.nodes))
    )
