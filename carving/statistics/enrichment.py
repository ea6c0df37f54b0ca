"""Which labels are more frequent in which nodes than chance explains."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from carving.statistics._known import compared_labels
from carving.statistics.composition import compose

if TYPE_CHECKING:
    from carving.tree import Tree


@dataclass(frozen=True, eq=False, repr=False)
class Enrichment:
    """Labels and the nodes that hold them, the least likely first.

    Attributes
    ----------
    column
        The label column.
    node : numpy.ndarray of int64, shape (rows,)
    label : numpy.ndarray of str, shape (rows,)
    count : numpy.ndarray of int64, shape (rows,)
        How many samples of the node have the label.
    expected : numpy.ndarray of float64, shape (rows,)
        How many would have it on average if labels were shuffled.
    fold : numpy.ndarray of float64, shape (rows,)
        ``count / expected``.
    p_value : numpy.ndarray of float64, shape (rows,)
        How likely shuffled labels give that many or more.
    q_value : numpy.ndarray of float64, shape (rows,)
        The smallest false discovery rate at which the row is among the discoveries.
    tests
        How many tests there were.
    """

    column: str
    node: np.ndarray
    label: np.ndarray
    count: np.ndarray
    expected: np.ndarray
    fold: np.ndarray
    p_value: np.ndarray
    q_value: np.ndarray
    tests: int

    def __len__(self) -> int:
        return len(self.node)

    def __repr__(self) -> str:
        return (
            f"Enrichment({self.column}: {(self.q_value <= 0.05).sum()} of {self.tests} tests with q ≤ 0.05)"
        )


def enrichment(tree: "Tree", column: str) -> Enrichment:
    """Which labels are enriched in which nodes: hypergeometric tests, one-sided, of all nodes and labels.

    Among N samples of known label a node holds a and a label has b; if labels are shuffled, how many are in
    both is hypergeometric. Only rows with at least one sample are listed; the others, whose p-value is 1,
    count as tests. A node that holds every sample tests nothing and is left out.

    q-values are those of Benjamini and Hochberg over all tests. Groups lie inside each other, so that tests
    depend on each other; the rate is then kept under positive dependence only, and the values are best read
    as an order.

    Parameters
    ----------
    tree
        A tree whose leaves are single samples.
    column
        A label column.

    Raises
    ------
    InvalidInput
        If the tree has no such column, the column has fewer than two or more than 1,000 known
        labels, or leaves stand for several samples: their single labels are not known.

    Notes
    -----
    Source: Benjamini & Hochberg, J. R. Stat. Soc. B 57, 289 (1995).
    """
    known = compared_labels(tree, column)
    counts = compose(tree, column, known).counts
    in_node, in_label = counts.sum(1), counts[-1]
    samples = int(in_label.sum())
    tested = np.flatnonzero((in_node > 0) & (in_node < samples))
    rows, labels = np.nonzero(counts[tested])
    node = tested[rows]
    count, expected = counts[node, labels], in_node[node] * in_label[labels] / samples
    p_value = stats.hypergeom.sf(count - 1, samples, in_label[labels], in_node[node])
    p_value = np.clip(p_value, 0, 1)
    tests = len(tested) * len(known.labels)
    # what is not there has p = 1 and comes last
    q_value = (
        stats.false_discovery_control(np.concatenate([p_value, np.ones(tests - len(node))]))
        if tests
        else p_value
    )
    order = np.lexsort((labels, node, -count / expected, p_value))
    return Enrichment(
        column=column,
        node=node[order],
        label=np.array(known.labels, dtype=object)[labels[order]],
        count=count[order],
        expected=expected[order],
        fold=(count / expected)[order],
        p_value=p_value[order],
        q_value=q_value[: len(node)][order],
        tests=tests,
    )
