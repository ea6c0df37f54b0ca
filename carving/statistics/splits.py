"""Where branches part."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from carving.tree import Tree


@dataclass(frozen=True, eq=False, repr=False)
class Splits:
    """The nodes that have several children, from the root on: the youngest age first.

    Attributes
    ----------
    node : numpy.ndarray of int64, shape (splits,)
    age : numpy.ndarray of int64, shape (splits,)
        The oldest age at which all are one group; 0 for a root that was added, whose children are apart at
        the youngest age already.
    children : list of numpy.ndarray of int64
        The children of each node, the one with the most samples first.
    """

    node: np.ndarray
    age: np.ndarray
    children: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.node)

    def __repr__(self) -> str:
        return f"Splits({len(self)} nodes)"


def splits(tree: "Tree") -> Splits:
    """The nodes of a tree at which branches part, from the root on."""
    node = np.flatnonzero(np.diff(tree.children.offsets) > 1)[::-1]
    return Splits(node, tree.nodes.age[node], [largest_first(tree, each) for each in node.tolist()])


def largest_first(tree: "Tree", node: int) -> np.ndarray:
    """The children of a node by the number of their samples."""
    children = tree.children.of(node)
    return children[np.argsort(-tree.nodes.size[children], kind="stable")]
