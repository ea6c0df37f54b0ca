"""The same tree with its leaves in an order that reads well: siblings change places, nothing else does."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.tree.reshape._tally import tally
from carving.tree.topology import first_leaves, minima, totals

if TYPE_CHECKING:
    from carving.tree.tree import Tree

MOST_STATES = 2_000
"""States that can be ordered by similarity: all pairs are compared, so that time and memory set an end."""

_BY_LABEL = "label:"


def check_order(by: str) -> None:
    """Raise ``InvalidInput`` unless this is an order that ``Tree.rotate`` knows for some tree."""
    if by not in ("size", "similarity") and not (by.startswith(_BY_LABEL) and len(by) > len(_BY_LABEL)):
        raise InvalidInput(f"order {by!r}: unknown; choose from size, similarity, label:COLUMN")


def rotate(tree: "Tree", by: str = "size") -> "Tree":
    """The same tree with its leaves in another order, in which siblings stand as they are asked to.

    Exports draw siblings by their first leaf, so that this is the order of the drawing. Only siblings
    change places: every node holds the same leaves as before. Nodes keep their indices.

    Parameters
    ----------
    tree
        Any tree.
    by
        ``"size"``: the largest first. ``"label:COLUMN"``: by the most frequent label of each, in the
        order of their names (numbers by value), those without any label last, and then the largest first;
        leaves of one state by their own label. ``"similarity"``: neighbouring states are as alike as they
        can be (optimal leaf ordering, Bar-Joseph, Gifford & Jaakkola 2001, by the distances between
        magnetisations); leaves of one state keep their order. What is equal keeps its order.

    Raises
    ------
    InvalidInput
        If there is no such order or column, or for similarity of more states than
        ``carving.tree.reshape.MOST_STATES``: all pairs are compared.
    """
    check_order(by)
    if by == "size":
        order = _leaf_order(tree, [-tree.nodes.size], -tree.leaves.size)
    elif by == "similarity":
        order = _leaf_order(tree, [_places_by_similarity(tree)], None)
    else:
        of_node, of_leaf = _ranks_of_labels(tree, by.removeprefix(_BY_LABEL))
        order = _leaf_order(tree, [of_node, -tree.nodes.size], of_leaf)
    return replace(
        tree,
        leaves=tree.leaves.take(order),
        labels={name: column[order] for name, column in tree.labels.items()},
    )


def _leaf_order(tree: "Tree", node_keys: list[np.ndarray], leaf_key: np.ndarray | None) -> np.ndarray:
    """The leaves in the order in which siblings ascend by the first key, then the next, then as before."""
    parent, leaves = tree.nodes.parent, tree.leaves
    before = first_leaves(tree)[: len(parent)]
    siblings = np.lexsort([key[:-1] for key in (before, *reversed(node_keys), parent)])
    # how many leaves of the same parent come before a node's own
    held = totals(parent, leaves.node)
    so_far = np.cumsum(held[siblings]) - held[siblings]
    above = parent[siblings]
    is_first = np.append(True, above[1:] != above[:-1])[: len(above)]
    start_of_run = np.maximum.accumulate(np.where(is_first, np.arange(len(above)), 0))
    offset = np.zeros(len(parent), dtype=np.int64)
    offset[siblings] = so_far - so_far[start_of_run]
    start, above_of = offset.tolist(), parent.tolist()
    for node in range(len(parent) - 2, -1, -1):
        start[node] += start[above_of[node]]
    keys = [] if leaf_key is None else [leaf_key]
    return np.lexsort([*keys, np.array(start)[leaves.node]])


def _ranks_of_labels(tree: "Tree", column: str) -> tuple[np.ndarray, np.ndarray]:
    """For every node the place of its most frequent label among all by name, and of every leaf's own."""
    counted = tally(tree, column)
    code_of = {label: code for code, label in enumerate(counted.labels)}
    own = np.array([code_of[label] for label in tree.labels[column].tolist()], dtype=np.int64)
    unknown = code_of[""]
    counts: list[dict[int, int]] = [{} for _ in range(len(tree.nodes))]
    rows = zip(counted.node.tolist(), counted.label.tolist(), counted.count.tolist(), strict=True)
    for node, label, count in rows:
        if label != unknown:
            counts[node][label] = count
    # the most frequent one as (samples, -place), the largest; places are small where names come first
    best = [max(((n, -label) for label, n in of.items()), default=(0, -unknown)) for of in counts]
    for node, above in enumerate(tree.nodes.parent[:-1].tolist()):
        small, large, most = counts[node], counts[above], best[above]
        if len(small) > len(large):
            # the smaller is added to the larger, so that this stays nearly linear with many labels
            small, large, most = large, small, best[node]
        for label, count in small.items():
            total = large[label] = large.get(label, 0) + count
            most = max(most, (total, -label))
        counts[above], best[above], counts[node] = large, most, {}
    return np.array([-label for _, label in best]), own


def _places_by_similarity(tree: "Tree") -> np.ndarray:
    """For every node the place of its first state in the order in which neighbours are most alike."""
    from scipy.cluster.hierarchy import leaves_list, optimal_leaf_ordering
    from scipy.spatial.distance import pdist

    states = np.unique(tree.leaves.node)
    if len(states) > MOST_STATES:
        raise InvalidInput(
            f"order by similarity: compares all pairs of {len(states):,} states, and {MOST_STATES:,} is the "
            "most; leave out small states (prune, --smallest), take a younger age (collapse, --at-age), or "
            "order by size"
        )
    points = tree.nodes.visible[states].reshape(len(states), -1)
    order = np.zeros(1, dtype=np.int64)
    if len(states) > 1:
        order = leaves_list(optimal_leaf_ordering(_binary_merges(tree, states), pdist(points)))
    place = np.full(len(tree.nodes), len(states))
    place[states] = np.argsort(order)
    return minima(tree.nodes.parent, place)


def _binary_merges(tree: "Tree", states: np.ndarray) -> np.ndarray:
    """The merges of states as scipy's linkage matrix, whose heights only count them.

    A node of more than two branches has them joined by average linkage first.
    """
    from scipy.cluster.hierarchy import linkage

    cluster = np.full(len(tree.nodes), -1)
    cluster[states] = np.arange(len(states))
    merges: list[tuple[int, int]] = []
    for node in range(len(tree.nodes)):
        children = tree.children.of(node)
        if not len(children):
            continue
        items = cluster[children].tolist()
        pairs = [[0, 1]][: len(items) - 1]
        if len(items) > 2:
            points = tree.nodes.visible[children].reshape(len(children), -1)
            pairs = linkage(points, "average")[:, :2].astype(int).tolist()
        for first, second in pairs:
            merges.append((items[first], items[second]))
            items.append(len(states) + len(merges) - 1)
        cluster[node] = items[-1]
    size = [1] * len(states)
    for first, second in merges:
        size.append(size[first] + size[second])
    heights = np.arange(1.0, len(merges) + 1)
    return np.column_stack([np.array(merges, dtype=np.float64), heights, size[len(states) :]])
