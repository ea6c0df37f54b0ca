"""How well the groups at each age agree with labels, and whether shuffled labels would do as well."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import random_table

from carving.errors import InvalidInput
from carving.statistics._information import expected_information, times_log
from carving.statistics._known import check_column, compared_labels
from carving.statistics._nesting import changes_of_levels, nesting

if TYPE_CHECKING:
    from carving.tree import Tree

# entries of tables held at once while labels are shuffled
_ENTRIES = 1 << 20
# sums in another order differ by less than this, relative to N log N; different tables by more
_TIE = 1e-11

SIGNIFICANT = 0.01
"""Largest corrected p-value at which groups are said to agree: as one shuffle in a hundred does."""


@dataclass(frozen=True, eq=False, repr=False)
class Agreement:
    """The agreement of the groups at each age with the labels of a column, the oldest age first.

    Attributes
    ----------
    column
        The label column.
    age : numpy.ndarray of int64, shape (ages,)
    groups : numpy.ndarray of int64, shape (ages,)
        How many groups there are.
    score : numpy.ndarray of float64, shape (ages,)
        Adjusted mutual information: 1 for groups that are the labels, 0 on average for shuffled labels.
    p_value : numpy.ndarray of float64, shape (ages,)
        The share of shuffles that agree at that age as well as the labels do, (1 + k) / (1 + n).
    best
        Index of the highest score; of several the oldest age.
    best_p_value
        The share of shuffles whose own best age agrees as well as the labels' best: corrected for having
        chosen the age, (1 + k) / (1 + n).
    permutations
        How many shuffles: n.
    samples
        How many samples have a known label.
    """

    column: str
    age: np.ndarray
    groups: np.ndarray
    score: np.ndarray
    p_value: np.ndarray
    best: int
    best_p_value: float
    permutations: int
    samples: int

    def __len__(self) -> int:
        return len(self.age)

    @property
    def is_significant(self) -> bool:
        """Whether the groups agree with the labels better than shuffled labels do.

        The corrected p-value is at most ``SIGNIFICANT``, or the smallest that so few shuffles can give.
        """
        return self.best_p_value <= max(SIGNIFICANT, 1 / (1 + self.permutations))

    def __repr__(self) -> str:
        return (
            f"Agreement({self.column}: best at age {self.age[self.best]}, {self.groups[self.best]} groups, "
            f"score {self.score[self.best]:.3f}, p = {self.best_p_value:.3g} of {self.permutations} shuffles)"
        )


def agreement(
    tree: "Tree", column: str, *, permutations: int = 999, generator: np.random.Generator
) -> Agreement:
    """The adjusted mutual information of the groups at every age with the labels of a column.

    Samples whose label is not known are left out. p-values come from shuffling the labels among the others:
    a table of states and labels is drawn with the same sums, all shuffles equally likely, and added up to the
    groups of the younger ages.

    Parameters
    ----------
    tree
        A tree whose leaves are single samples.
    column
        A label column.
    permutations
        How many shuffles; the smallest p-value is 1 / (1 + ``permutations``).
    generator
        Of the shuffles.

    Raises
    ------
    InvalidInput
        If the tree has no such column, the column has fewer than two or more than 1,000 known
        labels, leaves stand for several samples, or there is no shuffle.

    Notes
    -----
    The score is that of ``sklearn.metrics.adjusted_mutual_info_score``, but for one thing: where no shuffle
    changes anything, as when all groups and all labels have one sample each, it is 0, not 1.

    Source: Vinh, Epps & Bailey, JMLR 11, 2837 (2010); the correction for the choice of the age is that of
    Westfall & Young, Resampling-based multiple testing (1993), for the largest of several scores.
    """
    if permutations < 1:
        raise InvalidInput(f"permutations: {permutations} is below 1; 999 is usual")
    known = compared_labels(tree, column)
    nested, changes = nesting(tree), changes_of_levels(tree)
    table = nested.tabulate(known, tree.leaves.size)
    label_sizes, state_sizes = table.sum(0), table.sum(1)
    samples = int(label_sizes.sum())
    f = times_log(samples)

    sizes = nested.totals(state_sizes[:, None])[:, 0]
    of_level = np.cumsum(changes @ np.stack([f[sizes], expected_information(sizes, label_sizes)], 1), axis=0)
    in_groups, expected = of_level.T
    in_labels = f[label_sizes].sum()
    offset = in_groups + in_labels - f[samples] + expected
    largest = f[samples] - (in_groups + in_labels) / 2 - expected
    tie = _TIE * f[samples]
    # else no shuffle changes anything
    scale = np.divide(1, largest, out=np.zeros(len(largest)), where=largest > 1e3 * tie)

    def together(tables: np.ndarray) -> np.ndarray:
        """Σ f(n_ij) at every age: (tables, states, labels) to (tables, ages)."""
        of_nodes = f[nested.totals(tables)].sum(-1)
        return np.cumsum(changes @ of_nodes.T, axis=0).T

    observed = together(table[None])[0]
    score = scale * (observed - offset) + 0.0
    best = int(np.argmax(score))
    at_least, best_at_least = np.zeros(len(score), dtype=np.int64), 0
    shuffled = random_table(state_sizes, label_sizes)
    at_once = max(1, _ENTRIES // table.size)
    for done in range(0, permutations, at_once):
        tables = shuffled.rvs(size=min(at_once, permutations - done), random_state=generator)
        drawn = together(np.asarray(tables, dtype=np.int64))
        at_least += (drawn >= observed - tie).sum(0)
        best_at_least += int(((scale * (drawn + tie - offset)).max(1) >= score[best]).sum())
    return Agreement(
        column=column,
        age=tree.ages.updates,
        groups=np.cumsum(changes @ np.ones(len(tree.nodes))).astype(np.int64),
        score=score,
        p_value=(1 + at_least) / (1 + permutations),
        best=best,
        best_p_value=(1 + best_at_least) / (1 + permutations),
        permutations=permutations,
        samples=samples,
    )


def best_levels(
    tree: "Tree",
    columns: Iterable[str] | None = None,
    *,
    permutations: int = 999,
    generator: np.random.Generator,
) -> dict[str, Agreement]:
    """Which age separates the labels of each column best: its ``agreement``, by column.

    Parameters
    ----------
    tree
        A tree.
    columns
        Label columns.  By default all that can be compared with chance: none where leaves stand for several
        samples, else those with two to 1,000 known labels.
    permutations, generator
        As for ``agreement``.

    Raises
    ------
    InvalidInput
        If a column that was named cannot be compared.
    """
    chosen = [column for column in tree.labels if is_compared(tree, column)] if columns is None else columns
    return {
        column: agreement(tree, column, permutations=permutations, generator=generator)
        for column in dict.fromkeys(chosen)
    }


def is_compared(tree: "Tree", column: str) -> bool:
    """Whether the labels of a column can be compared with chance."""
    check_column(tree, column)
    try:
        compared_labels(tree, column)
    except InvalidInput:
        return False
    return True
