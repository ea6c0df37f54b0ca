"""The tree as the page's script reads it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.report.page._columns import measured, where_known, whole
from carving.report.page._labels import column_data, label_columns
from carving.report.page._shown import check_options, shown_tree
from carving.report.page._states import images_data, sites_data, typical_leaves
from carving.statistics import Agreement, best_levels
from carving.statistics.agreement import is_compared
from carving.tree.colors import PALETTE

if TYPE_CHECKING:
    from carving.tree import Tree


def page_data(
    tree: "Tree",
    *,
    leaves: str | None = None,
    image_shape: tuple[int, int] | None = None,
    site_names: Sequence[str] | None = None,
    alphabet: str | None = None,
) -> dict[str, Any]:
    """A tree as the interactive page shows it, in what JSON can hold.

    Parameters
    ----------
    tree
        Any tree.
    leaves, image_shape, site_names, alphabet
        As for ``write_report``.

    Returns
    -------
    dict
        What ``openTree`` of the page's script asks for; nodes have the numbers that they have in the tree.
        The page opens at the age that agrees best with the first label column.

    Raises
    ------
    InvalidInput
        If images, names or letters do not fit the sites, or there is no such kind of leaves.
    """
    check_options(tree, leaves, image_shape, site_names, alphabet)
    compared = [column for column in label_columns(tree).colored if is_compared(tree, column)][:1]
    # how well the best age agrees is not told, so that shuffles do not matter
    agreements = best_levels(tree, compared, permutations=1, generator=np.random.default_rng(0))
    options: dict[str, Any] = {"image_shape": image_shape, "site_names": site_names, "alphabet": alphabet}
    return tree_data(tree, shown_tree(tree, leaves), agreements, **options)


def tree_data(
    whole_tree: "Tree",
    shown: "Tree",
    agreements: dict[str, Agreement],
    *,
    image_shape: tuple[int, int] | None,
    site_names: Sequence[str] | None,
    alphabet: str | None,
) -> dict[str, Any]:
    """Everything that ``assets/view.js`` asks for.

    Parameters
    ----------
    whole_tree
        Whose labels and sizes count.
    shown
        The tree whose leaves are drawn: the same, or the one condensed from it, which has the same nodes.
    agreements
        By column; the page opens at the age that agrees best with the first.
    """
    nodes, leaves = shown.nodes, shown.leaves
    columns = label_columns(whole_tree)
    return {
        "has_added_root": shown.has_added_root,
        "rows_by_size": shown.is_condensed,
        "age": _first_age(whole_tree, agreements),
        "palette": list(PALETTE),
        "ages": {"updates": whole(shown.ages.updates)},
        "nodes": {
            "parent": whole(nodes.parent),
            "age": whole(nodes.age),
            "size": whole(nodes.size),
            "free_energy": measured(nodes.free_energy),
            "error": measured(nodes.error),
            "flags": whole(nodes.converged + 2 * nodes.stable),
            "support": where_known(nodes.support),
            "birth_age": where_known(nodes.birth_age),
            "typical": whole(typical_leaves(shown)),
            "other_names": _other_names(nodes.name, nodes.age),
        },
        "leaves": {
            "names": leaves.name.tolist(),
            "node": whole(leaves.node),
            "distance": measured(leaves.distance),
            "error": measured(leaves.error),
            "size": whole(leaves.size) if shown.is_condensed else None,
        },
        "columns": [column_data(whole_tree, shown, name) for name in columns.colored],
        "texts": [
            {"name": name, "values": values.tolist()}
            for name, values in shown.labels.items()
            if name not in columns.colored
        ],
        "sites": sites_data(shown, site_names, alphabet),
        "images": images_data(shown, image_shape),
    }


def _other_names(names: np.ndarray, ages: np.ndarray) -> dict[str, str]:
    """The names of nodes that are not ``t{age}.{k}`` with k counted within the age."""
    starts = np.flatnonzero(np.append(True, ages[1:] != ages[:-1]))
    k = np.arange(len(ages)) - np.repeat(starts, np.diff(np.append(starts, len(ages))))
    expected = (f"t{age}.{number}" for age, number in zip(ages.tolist(), k.tolist(), strict=True))
    pairs = zip(names.tolist(), expected, strict=True)
    return {str(node): name for node, (name, usual) in enumerate(pairs) if name != usual}


def _first_age(tree: "Tree", agreements: dict[str, Agreement]) -> int:
    """The age that agrees best with labels; else the youngest with more than two groups, else the oldest."""
    for each in agreements.values():
        return int(each.age[each.best])
    several = np.flatnonzero(tree.ages.groups > 2)
    return int(tree.ages.updates[several[-1] if len(several) else 0])
