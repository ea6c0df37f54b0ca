"""What stands below the tree: labels, splits, pictures, settings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from carving.report.page._figures import MOST_NODES, Picture
from carving.report.page._html import figure, isolated, percent, section, settings, table, text
from carving.report.page._states import SITES
from carving.statistics import Agreement, Composition, composition, distinguishing_sites, separations, splits
from carving.statistics.splits import largest_first

if TYPE_CHECKING:
    from carving.tree import Tree

_MOST_SPLITS = 8
_MOST_PAIRS = 10
_MOST_BRANCHES = 4
# of all samples, that a branch has at least which is worth a row
_LEAST_SHARE = 0.005


def agreement_section(agreements: dict[str, Agreement]) -> str:
    """The age at which the groups agree best with each column, and what chance would do."""
    rows = [
        [
            isolated(column),
            f"{each.age[each.best]:,}",
            f"{each.groups[each.best]:,}",
            f"{each.score[each.best]:.3f}",
            f"{each.best_p_value:.2g}",
            f"{each.samples:,}",
        ]
        for column, each in agreements.items()
    ]
    head = ("labels", "best age", "groups", "adjusted mutual information", "p-value", "labelled samples")
    shuffles = max((each.permutations for each in agreements.values()), default=0)
    remark = (
        "<p>Adjusted mutual information is 1 for groups that are the labels and 0, on average, for labels "
        f"that are shuffled. The p-value is the share of {shuffles:,} shuffles whose own best age agrees as "
        "well: it is corrected for the choice of the age.</p>"
    )
    return section("Agreement with the labels", table(head, rows), remark) if rows else ""


def separation_section(tree: "Tree", agreements: dict[str, Agreement]) -> str:
    """Which labels part last, in the columns that can be compared."""
    parts = []
    for column in agreements:
        found = separations(tree, column)
        rows = [
            [
                f"{isolated(first)} and {isolated(second)}",
                "not parted" if np.isnan(age) else f"{int(age):,}",
                percent(together),
            ]
            for first, second, age, together in zip(
                found.first[:_MOST_PAIRS],
                found.second[:_MOST_PAIRS],
                found.age[:_MOST_PAIRS].tolist(),
                found.together[:_MOST_PAIRS].tolist(),
                strict=True,
            )
        ]
        more = f" (of {len(found):,} pairs)" if len(found) > _MOST_PAIRS else ""
        head = (f"{column}{more}", "parted from age", "together at the oldest age")
        parts.append(table(head, rows))
    return section("Labels that part last", *parts)


def split_section(
    tree: "Tree", column: str | None, site_names: Sequence[str] | None, alphabet: str | None
) -> str:
    """The deepest splits: the branches, and the sites that tell the two largest apart."""
    held = None if column is None else composition(tree, column)
    rows = [_split_row(tree, node, held, site_names, alphabet) for node in _deepest(tree)]
    remark = (
        f"<p>From the youngest age on; splits whose second branch has less than {100 * _LEAST_SHARE:g} % of "
        "the samples are left out, but for the first. Behind each site stands the difference between the "
        "probabilities in the two largest branches.</p>"
    )
    head = ("together up to age", "branches", "most distinguishing sites")
    return section("Deepest splits", table(head, rows, words=(1, 2)), remark) if rows else ""


def _deepest(tree: "Tree") -> list[int]:
    found = splits(tree)
    least = _LEAST_SHARE * tree.nodes.size[tree.root]
    second = [tree.nodes.size[children[1]] for children in found.children]
    chosen = [node for at, node in enumerate(found.node.tolist()) if at == 0 or second[at] >= least]
    return chosen[:_MOST_SPLITS]


def _split_row(
    tree: "Tree",
    node: int,
    held: Composition | None,
    site_names: Sequence[str] | None,
    alphabet: str | None,
) -> list[str]:
    differences = distinguishing_sites(tree, node, count=SITES, site_names=site_names, alphabet=alphabet)
    children = largest_first(tree, node).tolist()
    lines = [_branch(tree, child, held) for child in children[:_MOST_BRANCHES]]
    if len(children) > _MOST_BRANCHES:
        lines.append(f"and {len(children) - _MOST_BRANCHES:,} smaller ones")
    sites = ", ".join(
        f"{isolated(name)} ({difference:+.2f})".replace("(-", "(−")
        for name, difference in zip(differences.name, differences.difference.tolist(), strict=True)
    )
    added = node == tree.root and tree.has_added_root
    return ["none: apart from the start" if added else f"{tree.nodes.age[node]:,}", "<br>".join(lines), sites]


def _branch(tree: "Tree", child: int, held: Composition | None) -> str:
    words = f"{tree.nodes.size[child]:,} in {text(tree.nodes.name[child])}"
    if held is None:
        return words
    label, share = held.majority(child)
    return f"{words}: {isolated(label)} ({percent(share)})" if label else words


def figure_section(tree: "Tree", pictures: Sequence[Picture]) -> str:
    """The other pictures, each with its caption."""
    if not pictures:
        many = f"<p>Trees of more than {MOST_NODES:,} nodes have none: there is no room in them.</p>"
        return section("Pictures", many) if len(tree.nodes) > MOST_NODES else ""
    figures = "\n".join(figure(picture) for picture in pictures)
    return section("Pictures", f'<div class="gallery">\n{figures}\n</div>')


def settings_section(tree: "Tree") -> str:
    """How the tree was made."""
    work = {name: value for name, value in tree.spent.items() if value}
    return section(
        "How it was made",
        "<h3>Settings</h3>" + settings(tree.options) if tree.options else "",
        "<h3>Provenance</h3>" + settings(tree.provenance) if tree.provenance else "",
        f"<details><summary>Work of the solver</summary>{settings(work)}</details>" if work else "",
    )
