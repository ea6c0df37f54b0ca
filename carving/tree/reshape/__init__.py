"""Other trees of a tree: smaller ones to look at, or in an order that reads well.

They are methods of ``Tree`` as well: ``tree.condense()`` is ``condense(tree)``. Every function takes a
``Tree`` and gives a new one in which everything holds that holds in any tree; the one that is given stays
as it is. All are loops, linear in nodes and leaves, at any depth, but for the order by similarity, which
compares all pairs of states.
"""

from carving.tree.reshape._collapse import collapse
from carving.tree.reshape._condense import (
    LEAVES,
    TYPICAL_SAMPLE,
    composition_column,
    condense,
    nearest_leaves,
)
from carving.tree.reshape._prune import prune, prune_small
from carving.tree.reshape._rotate import MOST_STATES, check_order, rotate

__all__ = [
    "collapse",
    "condense",
    "prune",
    "prune_small",
    "rotate",
    "check_order",
    "nearest_leaves",
    "composition_column",
    "LEAVES",
    "TYPICAL_SAMPLE",
    "MOST_STATES",
]
