"""What labels and sites say about a tree, as CSV files."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carving.export._table import cells, write_table
from carving.statistics._known import is_counted
from carving.statistics.agreement import Agreement
from carving.statistics.composition import composition
from carving.statistics.enrichment import enrichment
from carving.statistics.separations import separations
from carving.statistics.sites import distinguishing_sites
from carving.statistics.splits import splits

if TYPE_CHECKING:
    from carving.tree import Tree

Columns = dict[str, Sequence[Any]]


def write_tables(
    tree: "Tree",
    folder: Path,
    agreements: Mapping[str, Agreement] | None = None,
    *,
    columns: Collection[str] | None = None,
    count: int = 10,
    site_names: Sequence[str] | None = None,
    alphabet: str | None = None,
) -> list[str]:
    """Write a table each into a folder; the names of the files come back.

    ``levels.csv``: a row for each label column and age. ``composition.csv``: a row for each column, node and
    label that the node holds. ``enrichment.csv``: likewise, with what is expected and how likely it is.
    ``separations.csv``: a row for each pair of labels. ``splits.csv``: a row for each branch of each split.
    ``sites.csv``: the ``count`` sites that differ most at each split. What is not known is an empty cell.

    Parameters
    ----------
    tree
        A tree.
    folder
        An existing folder.
    agreements
        What ``best_levels`` found. ``levels.csv`` and ``enrichment.csv`` are about these columns, and are
        left out where there are none.
    columns
        Label columns that ``composition.csv`` and ``separations.csv`` are about, by default all; those with
        more than 1,000 different labels are left out, and so are the two where there is none.
    count, site_names, alphabet
        As for ``distinguishing_sites``.
    """
    agreements = agreements or {}
    columns = [column for column in (tree.labels if columns is None else columns) if is_counted(tree, column)]
    tables = {
        "levels.csv": [_levels(each) for each in agreements.values()],
        "composition.csv": [_composition(tree, column) for column in columns],
        "enrichment.csv": [_enrichment(tree, column) for column in agreements],
        "separations.csv": [_separations(tree, column) for column in columns],
        "splits.csv": [_splits(tree)],
        "sites.csv": [_sites(tree, count, site_names, alphabet)],
    }
    written = [name for name, parts in tables.items() if parts]
    for name in written:
        write_table(_joined(tables[name]), folder / name, force=False)
    return written


def _joined(parts: list[Columns]) -> Columns:
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def _levels(found: Agreement) -> Columns:
    return {
        "column": [found.column] * len(found),
        "age": cells(found.age),
        "groups": cells(found.groups),
        "score": cells(found.score),
        "p_value": cells(found.p_value),
        "best": cells(np.arange(len(found)) == found.best),
    }


def _composition(tree: "Tree", column: str) -> Columns:
    held = composition(tree, column)
    node, label = np.nonzero(held.counts)
    known = held.counts.sum(1)
    return {
        "column": [column] * len(node),
        "node": cells(tree.nodes.name[node]),
        "label": [held.labels[index] for index in label.tolist()],
        "count": cells(held.counts[node, label]),
        "share_of_known": cells(held.counts[node, label] / known[node]),
        "known": cells(known[node]),
        "unknown": cells(held.unknown[node]),
    }


def _enrichment(tree: "Tree", column: str) -> Columns:
    found = enrichment(tree, column)
    return {
        "column": [column] * len(found),
        "node": cells(tree.nodes.name[found.node]),
        **{
            name: cells(getattr(found, name))
            for name in ("label", "count", "expected", "fold", "p_value", "q_value")
        },
    }


def _separations(tree: "Tree", column: str) -> Columns:
    found = separations(tree, column)
    return {
        "column": [column] * len(found),
        **{name: cells(getattr(found, name)) for name in ("first", "second", "age", "together")},
    }


def _splits(tree: "Tree") -> Columns:
    found = splits(tree)
    branches = [len(children) for children in found.children]
    node = np.repeat(found.node, branches)
    child = np.concatenate([*found.children, np.empty(0, dtype=np.int64)])
    return {
        "node": cells(tree.nodes.name[node]),
        "age": cells(tree.nodes.age[node]),
        "size": cells(tree.nodes.size[node]),
        "child": cells(tree.nodes.name[child]),
        "child_age": cells(tree.nodes.age[child]),
        "child_size": cells(tree.nodes.size[child]),
    }


def _sites(tree: "Tree", count: int, site_names: Sequence[str] | None, alphabet: str | None) -> Columns:
    every = [
        distinguishing_sites(tree, node, count=count, site_names=site_names, alphabet=alphabet)
        for node in splits(tree).node.tolist()
    ]
    names = tree.nodes.name
    table: Columns = {
        "node": [names[each.node] for each in every for _ in each.name],
        "first": [names[each.children[0]] for each in every for _ in each.name],
        "second": [names[each.children[1]] for each in every for _ in each.name],
        "first_age": [int(each.ages[0]) for each in every for _ in each.name],
        "second_age": [int(each.ages[1]) for each in every for _ in each.name],
        "name": [name for each in every for name in each.name],
    }
    for name in ("site", "state", "difference"):
        table[name] = [value for each in every for value in getattr(each, name).tolist()]
    for row, name in enumerate(("in_first", "in_second")):
        table[name] = [value for each in every for value in each.magnetisation[row].tolist()]
    return table
