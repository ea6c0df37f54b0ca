"""One leaf for each state: trees of any number of samples at a size that can be looked at."""

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from carving.errors import InvalidInput
from carving.tree._columns import Leaves, Nodes, free_name
from carving.tree.reshape._collapse import collapse
from carving.tree.reshape._tally import Tally, tally

if TYPE_CHECKING:
    from carving.tree.tree import Tree

LEAVES = ("states", "representatives")
"""What the leaves of a condensed tree can be."""

TYPICAL_SAMPLE = "typical sample"
"""The label column of a condensed tree that names the sample nearest to each state."""

# labels that a composition names; one more takes no more room than "other"
_MOST_NAMED = 3


def condense(tree: "Tree", leaves: str = "states", age: int | None = None) -> "Tree":
    """The tree with one leaf for each state of its oldest age, in the order of their first leaves.

    ``leaves.size`` says how many samples each leaf stands for. Nodes, states and ages stay.

    Parameters
    ----------
    tree
        One whose leaves are samples.
    leaves
        ``"states"``: a leaf is the state, under the name of its node, which gets ``_`` added: exports
        join the two, so that the name is found where it was. Its distance is 0 and its label in every
        column the most frequent one of its samples, the first by name of equally frequent ones, and ""
        where all are unknown. The column "typical sample" names the sample that is nearest to it.

        ``"representatives"``: a leaf is that sample, under its own name, with its own labels, distance
        and error.

        Both have a further column "COLUMN composition" for each label column: the shares of its samples
        with the most frequent labels, for instance "EUR 97 % + AFR 3 %". A name that is taken gets ``_``
        added.
    age
        Of the states; :func:`collapse` comes first. By default the oldest age.

    Raises
    ------
    InvalidInput
        If the tree is condensed already, or the age is outside the range of the checkpoints.
    """
    if leaves not in LEAVES:
        raise InvalidInput(f"leaves {leaves!r}: unknown; choose from {', '.join(LEAVES)}")
    if tree.is_condensed:
        raise InvalidInput(
            "condense: leaves of this tree stand for several samples already; condense the tree that it was "
            "made from"
        )
    if age is not None:
        tree = collapse(tree, age)
    typical, states = nearest_leaves(tree)
    columns = _label_columns(tree, states, typical, own=leaves == "representatives")
    size = tree.nodes.size[states]
    if leaves == "representatives":
        return replace(tree, leaves=replace(tree.leaves.take(typical), size=size), labels=columns)
    names = tree.nodes.name[states]
    columns[free_name(TYPICAL_SAMPLE, columns)] = tree.leaves.name[typical]
    return replace(
        tree,
        nodes=_renamed(tree.nodes, states, names),
        leaves=Leaves(
            name=names,
            node=states,
            distance=np.zeros(len(states)),
            error=tree.nodes.error[states],
            size=size,
        ),
        labels=columns,
    )


def composition_column(column: str) -> str:
    """The label column of a condensed tree that says what a column's labels are in each state."""
    return f"{column} composition"


def nearest_leaves(tree: "Tree") -> tuple[np.ndarray, np.ndarray]:
    """The leaf nearest to each state, and the state: in the order of the first leaves of the states."""
    node = tree.leaves.node
    by_distance = np.lexsort((tree.leaves.distance, node))
    of_node = node[by_distance]
    typical = by_distance[np.append(True, of_node[1:] != of_node[:-1])]
    states, first = np.unique(node, return_index=True)
    order = np.argsort(first)
    return typical[order], states[order]


def _renamed(nodes: Nodes, states: np.ndarray, leaf_names: np.ndarray) -> Nodes:
    """The nodes, those of the states under other names than their leaves."""
    taken = {*nodes.name.tolist(), *leaf_names.tolist()}
    names = nodes.name.tolist()
    for state in states.tolist():
        names[state] = free_name(names[state], taken)
        taken.add(names[state])
    return replace(nodes, name=names)


def _label_columns(
    tree: "Tree", states: np.ndarray, typical: np.ndarray, *, own: bool
) -> dict[str, np.ndarray]:
    """A label for every state in every column, and then what it is made of in every column."""
    columns, compositions = {}, {}
    for name in tree.labels:
        counted = tally(tree, name)
        columns[name] = tree.labels[name][typical] if own else _majority(counted, states)
        compositions[name] = _compositions(counted, states)
    for name, column in compositions.items():
        columns[free_name(composition_column(name), {*columns, *tree.labels})] = column
    return columns


def _majority(counted: Tally, states: np.ndarray) -> np.ndarray:
    """The most frequent label of each state; "" where all are unknown."""
    labels = np.array(counted.labels, dtype=object)
    is_first = np.append(True, counted.node[1:] != counted.node[:-1])
    return labels[counted.label[is_first]][np.argsort(np.argsort(states))]


def _compositions(counted: Tally, states: np.ndarray) -> np.ndarray:
    """What each state is made of, in words."""
    rows = zip(counted.node.tolist(), counted.label.tolist(), counted.count.tolist(), strict=True)
    words = {
        node: _in_words([(counted.labels[label], count) for _, label, count in of_node])
        for node, of_node in groupby(rows, key=lambda row: row[0])
    }
    result = np.empty(len(states), dtype=object)
    result[:] = [words[state] for state in states.tolist()]
    return result


def _in_words(counts: list[tuple[str, int]]) -> str:
    """The largest parts, the rest as one, and last what is unknown; "" if that is all."""
    known = [(label, count) for label, count in counts if label]
    if not known:
        return ""
    total = sum(count for _, count in counts)
    of_known = sum(count for _, count in known)
    if len(known) > _MOST_NAMED + 1:
        named = known[:_MOST_NAMED]
        known = [*named, ("other", of_known - sum(count for _, count in named))]
    if of_known < total:
        known.append(("unknown", total - of_known))
    return " + ".join(f"{label} {_percent(count, total)} %" for label, count in known)


def _percent(count: int, total: int) -> str:
    """A share in whole percent, but never one that says all or nothing where it is not."""
    share = 100 * count / total
    if count < total and not 1 <= share <= 99:
        return "<1" if share < 1 else ">99"
    return f"{share:.0f}"
