"""The report: one HTML file with a tree, what was found in it, and how it was made."""

import os
from collections.abc import Iterator, Sequence
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from carving._files import check_output, whole_file
from carving._progress import Progress
from carving._version import version_of
from carving.report.page import _figures
from carving.report.page._assets import asset, d3_version, script, tree_view
from carving.report.page._columns import as_json
from carving.report.page._data import tree_data
from carving.report.page._html import image, prose, text
from carving.report.page._labels import label_columns
from carving.report.page._sections import (
    agreement_section,
    figure_section,
    separation_section,
    settings_section,
    split_section,
)
from carving.report.page._shown import check_options, shown_tree
from carving.statistics import best_levels, in_words
from carving.statistics.agreement import is_compared

if TYPE_CHECKING:
    from carving._progress import ProgressCallback
    from carving.data import Samples
    from carving.tree import Tree

# fewest and most shuffles of labels, and the entries of their tables of states and labels
_PERMUTATIONS = (99, 999)
_MOST_ENTRIES = 20_000_000


def write_report(
    tree: "Tree",
    path: str | os.PathLike[str],
    *,
    leaves: str | None = None,
    samples: "Samples | np.ndarray | None" = None,
    image_shape: tuple[int, int] | None = None,
    site_names: Sequence[str] | None = None,
    alphabet: str | None = None,
    title: str | None = None,
    permutations: int | None = None,
    generator: np.random.Generator | None = None,
    force: bool = False,
    progress: "ProgressCallback | None" = None,
) -> None:
    """Write a tree as one HTML page that needs no network: to look at, to search, to send to a colleague.

    Parameters
    ----------
    tree
        Any tree.
    path
        The file, whole or not at all.
    leaves
        ``"samples"``, or what ``Tree.condense`` knows. By default the samples, or the states where there are
        more than ``MOST_LEAVES`` samples. Labels and sizes are those of the samples in any case.
    samples
        The data, for their picture: as for ``carving.report.draw_pca``.
    image_shape
        Rows and columns, where visible units are the pixels of an image: states are shown as images.
    site_names
        A name for every site.
    alphabet
        A letter for every state of Potts sites.
    title
        Above the page.
    permutations, generator
        Of the comparison of labels with chance, as for ``carving.statistics.agreement``. By default 999, down
        to 99 where there are so many states and labels that more would take minutes, and a generator that is
        seeded with 0.
    force
        Replace what is there.
    progress
        Called with a ``Progress`` after each part.

    Raises
    ------
    InvalidInput
        If images, names or letters do not fit the sites, the samples are not those of the tree, or there is
        no such kind of leaves.
    OutputExists
        If the file is there and ``force`` is not given.
    """
    check_output(path, force=force)
    check_options(tree, leaves, image_shape, site_names, alphabet)
    steps = _Steps(progress, 4 + len(_figures.kinds()))
    generator = np.random.default_rng(0) if generator is None else generator
    shown = shown_tree(tree, leaves)
    steps.done("tree")
    columns = label_columns(tree).colored
    compared = [column for column in columns if is_compared(tree, column)]
    shuffles = _usual_permutations(tree, compared) if permutations is None else permutations
    agreements = best_levels(tree, compared, permutations=shuffles, generator=generator)
    steps.done("labels")
    names: dict[str, Any] = {"site_names": site_names, "alphabet": alphabet}
    data = tree_data(tree, shown, agreements, image_shape=image_shape, **names)
    steps.done("states")
    options = {"samples": samples, "image_shape": image_shape, "agreements": agreements, **names}
    pictures = dict(_pictures(tree, shown, options, steps))
    still = pictures.pop("river", None)
    said = in_words(tree, agreements, columns=columns, **names)
    page = Template(asset("page.html")).substitute(
        version=text(version_of("carving")),
        title=text(title or _usual_title(tree)),
        facts=text(_facts(tree, shown)),
        words=f'<p class="words">{prose(said, _names(tree, columns, site_names))}</p>',
        tree_view=tree_view("" if still is None else image(still)),
        sections="\n".join(
            (
                agreement_section(agreements),
                split_section(tree, columns[0] if columns else None, **names),
                separation_section(tree, agreements),
                figure_section(tree, list(pictures.values())),
                settings_section(tree),
            )
        ),
        data=as_json(data),
        style=asset("page.css"),
        script=script(),
        d3=asset("d3.min.js"),
        d3_version=text(d3_version()),
        d3_licence=text(asset("d3.LICENSE")),
    )
    with whole_file(path, force=force, mode="w") as file:
        file.write(page)
    steps.done("page")


class _Steps:
    """Reports parts of the work that are done."""

    def __init__(self, progress: "ProgressCallback | None", total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def done(self, what: str) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(Progress("report", self._done, self._total, what))


def _usual_permutations(tree: "Tree", columns: Sequence[str]) -> int:
    """As many shuffles as take a few seconds for each column."""
    labels = max((len(set(tree.labels[column].tolist())) for column in columns), default=1)
    return int(np.clip(_MOST_ENTRIES // (labels * int(tree.ages.groups[0])), *_PERMUTATIONS))


def _pictures(
    tree: "Tree", shown: "Tree", options: dict[str, Any], steps: _Steps
) -> Iterator[tuple[str, _figures.Picture]]:
    """Every kind of picture that applies to the tree, by its name."""
    for plot in _figures.kinds():
        drawn = shown if plot.name in _figures.OF_LEAVES else tree
        picture = None if len(tree.nodes) > _figures.MOST_NODES else _figures.draw(plot, drawn, options)
        if picture is not None:
            yield plot.name, picture
        steps.done(plot.name)


def _names(tree: "Tree", columns: Sequence[str], site_names: Sequence[str] | None) -> Iterator[str]:
    """What people have named, of what is spoken of."""
    yield from columns
    yield from site_names or ()
    for column in columns:
        yield from set(tree.labels[column].tolist())


def _usual_title(tree: "Tree") -> str:
    number = int(tree.nodes.size[tree.root])
    return f"Family tree of {number:,} {'sample' if number == 1 else 'samples'}"


def _facts(tree: "Tree", shown: "Tree") -> str:
    ages, states = tree.ages.updates, int(tree.ages.groups[0])
    facts = [
        f"{int(tree.nodes.size[tree.root]):,} samples",
        f"{states:,} {'state' if states == 1 else 'states'} at the oldest age",
        f"{len(ages):,} ages from {ages[-1]:,} to {ages[0]:,} updates",
        f"machine {tree.visible_unit} × {tree.hidden_unit}",
    ]
    if shown is not tree:
        facts.append(f"shown with {len(shown.leaves):,} leaves, one for each state")
    return " · ".join(facts)
