"""Label columns as the page's script reads them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.report._coloring import columns_of
from carving.report.page._columns import whole
from carving.statistics import composition
from carving.statistics._known import is_counted
from carving.tree.colors import label_colors

if TYPE_CHECKING:
    from carving.tree import Tree


@dataclass(frozen=True)
class LabelColumns:
    """The columns of a tree, by what a page can do with them.

    Attributes
    ----------
    colored
        Those whose labels are few enough to be colours.
    texts
        The others: they stand beside their leaves.
    """

    colored: list[str]
    texts: list[str]


def label_columns(tree: "Tree") -> LabelColumns:
    """Columns that sort the leaves into kinds, and all others."""
    few = [name for name in columns_of(tree, None) if is_counted(tree, name)]
    return LabelColumns(few, [name for name in tree.labels if name not in few])


def column_data(whole_tree: "Tree", shown: "Tree", name: str) -> dict[str, Any]:
    """A column of the whole tree, for the leaves that are shown: one label each, or how many of each.

    Labels are numbered from 0, which is the unknown one.
    """
    held = composition(whole_tree, name)
    labels = ["", *held.labels]
    colors = label_colors(whole_tree.labels[name].tolist(), whole_tree.colors.get(name), distinct=True)
    colors |= label_colors([""])
    known = held.counts.sum(1)
    majority = np.where(known > 0, 1 + held.counts.argmax(1), 0)
    return {
        "name": name,
        "labels": labels,
        "colors": [colors[label] for label in labels],
        "majority": whole(majority),
        # how many samples have that label, of how many that have one
        "most": whole(held.counts.max(1)),
        "known": whole(known) if held.unknown.any() else None,
        **_of_leaves(whole_tree, shown, name, labels, np.column_stack([held.unknown, held.counts])),
    }


def _of_leaves(
    whole_tree: "Tree", shown: "Tree", name: str, labels: list[str], counts: np.ndarray
) -> dict[str, Any]:
    if whole_tree is shown:
        number = {label: code for code, label in enumerate(labels)}
        codes = np.array([number[label] for label in shown.labels[name].tolist()], dtype=np.int64)
        return {"codes": whole(codes), "start": None, "counts": None}
    # leaves are states, whose samples are those of their nodes
    rows = counts[shown.leaves.node]
    leaf, codes = np.nonzero(rows)
    start = np.searchsorted(leaf, np.arange(len(rows) + 1))
    return {"codes": whole(codes), "start": whole(start), "counts": whole(rows[leaf, codes])}
