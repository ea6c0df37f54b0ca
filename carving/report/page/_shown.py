"""Which leaves a page shows, and whether what is given for it fits the tree."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from carving.errors import InvalidInput
from carving.report._states import as_images
from carving.statistics.site_names import SiteNames
from carving.tree.reshape import LEAVES

if TYPE_CHECKING:
    from carving.tree import Tree

MOST_LEAVES = 50_000
"""Trees of more leaves are shown as their states, unless all leaves are asked for."""


def check_options(
    tree: "Tree",
    leaves: str | None,
    image_shape: tuple[int, int] | None,
    site_names: Sequence[str] | None,
    alphabet: str | None,
) -> None:
    """Refuse what does not fit the tree."""
    if leaves not in (None, "samples", *LEAVES):
        raise InvalidInput(f"leaves {leaves!r}: unknown; choose from samples, {', '.join(LEAVES)}")
    if image_shape is not None:
        as_images(tree.nodes.visible[:1], image_shape)
    SiteNames(tree, site_names, alphabet)


def shown_tree(tree: "Tree", leaves: str | None) -> "Tree":
    """The tree with the leaves that are drawn: its nodes are the same."""
    if leaves is None:
        leaves = "states" if len(tree.leaves) > MOST_LEAVES and not tree.is_condensed else "samples"
    return tree if leaves == "samples" else tree.condense(leaves)
