"""The states that a picture shows: which they are, in which order, and what they look like."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.report._coloring import Coloring
from carving.report._phylogram import order_of_nodes

if TYPE_CHECKING:
    from carving.tree import Tree


@dataclass(frozen=True, eq=False)
class ShownStates:
    """States of one age, as the branches of the tree are ordered.

    Attributes
    ----------
    node : numpy.ndarray of int64, shape (states,)
    age : int
    visible : numpy.ndarray of float64, shape (states, sites) or (states, sites, letters)
        Probabilities: spins as (1 + m) / 2.
    left_out : int
        How many smaller ones there are.
    """

    node: np.ndarray
    age: int
    visible: np.ndarray
    left_out: int


def shown_states(tree: "Tree", *, age: int | None, node: str | None, most: int) -> ShownStates:
    """The largest states at an age, by default the oldest; only those below a node where one is named."""
    age = int(tree.ages.updates[0]) if age is None else age
    found = np.unique(tree.partition(age))
    updates = tree.ages.updates
    age = int(updates[updates >= age][-1])
    if node is not None:
        found = found[_is_below(tree, node_named(tree, node))[found]]
        if not len(found):
            raise InvalidInput(f"node {node}: is no group any more at age {age:,}; name an older age")
    largest = found[np.argsort(-tree.nodes.size[found], kind="stable")[:most]]
    place = order_of_nodes(tree)
    chosen = largest[np.argsort(place[largest], kind="stable")]
    return ShownStates(chosen, age, points_at(tree, chosen, age), len(found) - len(chosen))


def points_at(tree: "Tree", nodes: np.ndarray, age: int) -> np.ndarray:
    """Visible probabilities of nodes at an age, or at their birth where the tree holds no others."""
    here = tree.states.rows_at(age)
    row = np.full(len(tree.nodes), -1)
    row[tree.states.node[here]] = here
    points = tree.nodes.visible[nodes]
    known = row[nodes] >= 0
    points[known] = tree.states.visible[row[nodes[known]]]
    return probabilities(tree, points)


def probabilities(tree: "Tree", visible: np.ndarray) -> np.ndarray:
    """Magnetisations between 0 and 1."""
    return (1 + visible) / 2 if tree.visible_unit == "spin" else visible


def as_images(visible: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """States as images; refuses those of another number of pixels."""
    if visible.ndim != 2 or visible.shape[1] != image_shape[0] * image_shape[1]:
        raise InvalidInput(
            f"image_shape {tuple(image_shape)}: the states have the shape {visible.shape[1:]}; "
            "give the rows and columns whose product is that, or None"
        )
    return visible.reshape(-1, *image_shape)


def node_named(tree: "Tree", name: str) -> int:
    """The index of a node by its name."""
    found = np.flatnonzero(tree.nodes.name == name)
    if not len(found):
        raise InvalidInput(
            f"node {name!r}: no node of this tree has that name; they are called like {tree.nodes.name[-1]}"
        )
    return int(found[0])


def _is_below(tree: "Tree", node: int) -> np.ndarray:
    """Whether each node is this one or below it; parents come after their children."""
    below = np.zeros(len(tree.nodes), dtype=bool)
    below[node] = True
    for child in range(node - 1, -1, -1):
        below[child] = below[tree.nodes.parent[child]]
    return below


def captions(tree: "Tree", nodes: np.ndarray, coloring: Coloring | None) -> list[str]:
    """How many samples each state has, and what most of them are labelled."""
    result = []
    for node in nodes.tolist():
        label = "" if coloring is None else coloring.composition.majority(node)[0]
        result.append(f"{label}  {tree.nodes.size[node]:,}" if label else f"{tree.nodes.size[node]:,}")
    return result
