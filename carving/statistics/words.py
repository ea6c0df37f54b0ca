"""What a tree shows, in a paragraph of plain words."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from carving.statistics._known import MOST_LABELS, check_column
from carving.statistics.agreement import Agreement
from carving.statistics.composition import composition
from carving.statistics.separations import separations
from carving.statistics.sites import distinguishing_sites
from carving.statistics.splits import splits

if TYPE_CHECKING:
    from carving.tree import Tree

_MOST_NAMES = 6
_FEW = 3
_ZERO = 1e-9


def in_words(
    tree: "Tree",
    agreements: Mapping[str, Agreement] | None = None,
    *,
    columns: Collection[str] | None = None,
    site_names: Sequence[str] | None = None,
    alphabet: str | None = None,
) -> str:
    """One paragraph: how many states, the deepest split, which age agrees with which labels, what parts last.

    Labels are spoken of only where the groups agree with them better than shuffled labels do, p ≤ 0.01 after
    the correction for the choice of the age; where they do not, that is said.

    Parameters
    ----------
    tree
        Any tree.
    agreements
        What ``best_levels`` or ``agreement`` found, by column; a column without is not compared with chance.
    columns
        Label columns to speak of. By default all.
    site_names, alphabet
        As for ``distinguishing_sites``.

    Raises
    ------
    InvalidInput
        If a column is not there, or names do not fit the sites.
    """
    agreements = agreements or {}
    columns = list(tree.labels) if columns is None else list(columns)
    for column in columns:
        check_column(tree, column)
    compared = (agreements[column] for column in columns if column in agreements)
    found = sorted(
        (each for each in compared if each.is_significant), key=lambda each: -each.score[each.best]
    )
    sentences = [_states(tree), *_deepest_split(tree, found[0].column if found else None)]
    sentences += _sites(tree, site_names, alphabet)
    if columns and tree.is_condensed:
        sentences.append("Leaves stand for several samples each, so labels are not compared with chance.")
    for column in columns:
        sentences += _column(tree, column, agreements.get(column))
    return " ".join(sentences)


def _states(tree: "Tree") -> str:
    ages, samples = tree.ages, int(tree.leaves.size.sum())
    first, last = int(ages.groups[0]), int(ages.groups[-1])
    words = (
        f"{_count(samples, 'sample')} {'falls' if samples == 1 else 'fall'} into {_count(first, 'state')} "
    )
    words += f"at age {ages.updates[0]:,}"
    if len(ages) == 1:
        return f"{words}, the only age that was looked at."
    if first == 1:
        return f"{words} and at all {len(ages) - 1:,} younger ages: there is nothing to tell apart."
    return (
        f"{words}, the oldest of {len(ages):,}, and into {last:,} at age {ages.updates[-1]:,}, the youngest."
    )


def _deepest_split(tree: "Tree", column: str | None) -> list[str]:
    found = splits(tree)
    if not len(found):
        return []
    node, children = int(found.node[0]), found.children[0]
    sides = [f"{_count(size, 'sample')}" for size in tree.nodes.size[children].tolist()]
    if column is not None:
        held = composition(tree, column)
        home = children[held.counts[children].argmax(0)]
        sides = [
            f"{side} ({_held(held.labels, held.counts[child], held.counts[-1], home == child)})"
            for child, side in zip(children.tolist(), sides, strict=True)
        ]
    parts, by = f"{len(children):,} groups", "" if column is None else f", by {column}"
    if node == tree.root and tree.has_added_root:
        when = f"Already at the youngest age, {tree.ages.updates[-1]:,}, they are {parts}"
    else:
        age = int(found.age[0])
        older = int(tree.ages.updates[tree.ages.updates > age][-1])
        when = f"The deepest split: one group up to age {age:,}, {parts} from age {older:,} on"
    return [f"{when}{by}: {_listed(sides)}."]


def _held(labels: list[str], counts: np.ndarray, of: np.ndarray, at_home: np.ndarray) -> str:
    """The labels of which this branch holds most samples, with how many of them."""
    chosen = np.flatnonzero(at_home & (counts > 0))
    if not len(chosen):
        return "most of no label"
    chosen = chosen[np.argsort(-counts[chosen], kind="stable")]
    return _listed([f"{labels[label]}: {counts[label]:,} of {of[label]:,}" for label in chosen.tolist()])


def _sites(tree: "Tree", site_names: Sequence[str] | None, alphabet: str | None) -> list[str]:
    found = splits(tree)
    if not len(found):
        return []
    differences = distinguishing_sites(tree, int(found.node[0]), site_names=site_names, alphabet=alphabet)
    between = "The two" if len(found.children[0]) == 2 else "The two largest of them"
    counted = " (sites are counted from 0)" if site_names is None else ""
    return [f"{between} differ most at {', '.join(differences.name)}{counted}."]


def _column(tree: "Tree", column: str, agreement: Agreement | None) -> list[str]:
    if agreement is None:
        labels = len(set(tree.labels[column].tolist()) - {""})
        if labels < 2:
            return [
                f"The column {column} has {_count(labels, 'known label')}, so there is nothing to compare."
            ]
        if labels > MOST_LABELS:
            return [f"The column {column} has {labels:,} different labels, too many to compare."]
        return []
    best, shuffles = agreement.best, agreement.permutations
    as_good = round(agreement.best_p_value * (1 + shuffles)) - 1
    at = (
        f"at age {agreement.age[best]:,} ({_count(int(agreement.groups[best]), 'group')}): adjusted mutual "
        f"information {agreement.score[best]:.3f}"
    )
    number = "none agrees" if not as_good else "1 agrees" if as_good == 1 else f"{as_good:,} agree"
    chance = (
        f"of {_count(shuffles, 'shuffle')} of the labels {number} as well at {'some' if as_good else 'any'} "
        f"age, p = {agreement.best_p_value:.2g}"
    )
    if not agreement.is_significant:
        nothing = f"The groups do not agree with the labels of {column} better than shuffled labels do: "
        if agreement.score[best] < _ZERO:
            return [f"{nothing}at no age is their adjusted mutual information above 0."]
        return [f"{nothing}they agree best {at}, but {chance}."]
    return [
        f"The groups agree with the labels of {column} best {at}; {chance}.",
        *_last_to_part(tree, column),
    ]


def _last_to_part(tree: "Tree", column: str) -> list[str]:
    found = separations(tree, column)
    pairs = [f"{first} and {second}" for first, second in zip(found.first, found.second, strict=True)]
    never = int(np.isnan(found.age).sum())
    if not never:
        last = int((found.age == found.age[0]).sum())
        those = _pairs(pairs[:last], len(pairs))
        return [f"Of these labels {those} part last, at age {int(found.age[0]):,}."]
    those = _pairs(pairs[:never], len(pairs))
    return [f"Of these labels {those} are still together at age {tree.ages.updates[0]:,}."]


def _pairs(pairs: list[str], of: int) -> str:
    """All of a few pairs; of many how many, and the first."""
    if len(pairs) <= _FEW:
        return "; ".join(pairs)
    return f"{len(pairs):,} of {of:,} pairs ({'; '.join(pairs[:_FEW])}; …)"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _listed(words: Sequence[str]) -> str:
    """A list as a sentence has it, its end left out where it is long."""
    if len(words) > _MOST_NAMES:
        words = [*words[: _MOST_NAMES - 1], f"{len(words) - _MOST_NAMES + 1:,} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
