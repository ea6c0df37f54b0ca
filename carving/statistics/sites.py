"""Which sites tell the branches of a split apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.statistics.site_names import SiteNames
from carving.statistics.splits import largest_first

if TYPE_CHECKING:
    from carving.tree import Tree


@dataclass(frozen=True, eq=False, repr=False)
class SiteDifferences:
    """The sites at which the two branches of a split differ most, the most different first.

    Attributes
    ----------
    node
        The node that splits.
    children : numpy.ndarray of int64, shape (2,)
        Its two largest children.
    ages : numpy.ndarray of int64, shape (2,)
        The age of each child's state that is compared.
    site : numpy.ndarray of int64, shape (rows,)
        Sites, counted from 0.
    state : numpy.ndarray of int64, shape (rows,)
        Of a Potts site the state, counted from 0; else 1: the upper one of two.
    name : list of str
        Of each site, and of a Potts site with its state: ``"rs3827760"``, ``"14 C"``.
    difference : numpy.ndarray of float64, shape (rows,)
        The probability of the state in the first child minus that in the second.
    magnetisation : numpy.ndarray of float64, shape (2, rows)
        These probabilities: the visible magnetisations, spins as (1 + m) / 2.
    """

    node: int
    children: np.ndarray
    ages: np.ndarray
    site: np.ndarray
    state: np.ndarray
    name: list[str]
    difference: np.ndarray
    magnetisation: np.ndarray

    def __len__(self) -> int:
        return len(self.site)

    def __repr__(self) -> str:
        shown = ", ".join(self.name[:5]) + (", …" if len(self) > 5 else "")
        return f"SiteDifferences(node {self.node}: {shown})"


def distinguishing_sites(
    tree: "Tree",
    node: int,
    *,
    count: int | None = 10,
    site_names: Sequence[str] | None = None,
    alphabet: str | None = None,
) -> SiteDifferences:
    """The sites at which the states of the two largest children of a node differ most.

    The states are those at the youngest age at which the children are apart, the first one older than the
    node's. There the difference is what the machine has just learned, and nothing else yet: at older ages
    each child has gone on to learn what parts its own children. Where the tree does not hold both states at
    that age, the children's own points are compared, which are those at the ages at which they are born.

    Parameters
    ----------
    tree
        A tree.
    node
        A node with two children or more; see ``splits``.
    count
        How many rows at most; None for all.
    site_names
        A name for every site; by default their numbers from 0.
    alphabet
        A letter for every state of a Potts site; by default their numbers from 0.

    Raises
    ------
    InvalidInput
        If the node has fewer than two children, or there are not as many names as sites or letters as states.
    """
    if not 0 <= node < len(tree.nodes):
        raise InvalidInput(f"node {node}: this tree has the nodes 0 to {tree.root}")
    children = largest_first(tree, node)[:2]
    if len(children) < 2:
        raise InvalidInput(
            f"node {tree.nodes.name[node]}: has {len(children)} children, so nothing parts there; choose "
            "one of splits(tree)"
        )
    if count is not None and count < 1:
        raise InvalidInput(f"count: {count} is below 1; 10 is usual")
    names = SiteNames(tree, site_names, alphabet)
    points, ages = _when_apart(tree, node, children)
    if tree.visible_unit == "spin":
        points = (1 + points) / 2
    points = points.reshape(2, -1)
    difference = points[0] - points[1]
    row = np.argsort(-np.abs(difference), kind="stable")[:count]
    site, state = (row, np.ones_like(row)) if names.states is None else np.divmod(row, names.states)
    return SiteDifferences(
        node=node,
        children=children,
        ages=ages,
        site=site,
        state=state,
        name=[names.of(*each) for each in zip(site.tolist(), state.tolist(), strict=True)],
        difference=difference[row],
        magnetisation=points[:, row],
    )


def _when_apart(tree: "Tree", node: int, children: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both states at the youngest age at which they are apart, and that age; else both own points."""
    updates = tree.ages.updates
    # below an added root they are apart at the youngest age already
    is_added = tree.has_added_root and node == tree.root
    age = updates[-1] if is_added else updates[updates > tree.nodes.age[node]][-1]
    here = tree.states.rows_at(age)
    at_age = tree.states.node[here]
    rows = [int(here[at_age == child][0]) for child in children if child in at_age]
    if len(rows) == 2:
        return tree.states.visible[rows].astype(np.float64), np.array([age, age])
    return tree.nodes.visible[children].astype(np.float64), tree.nodes.age[children]
