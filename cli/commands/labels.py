"""``carve labels``: what labels say about a tree."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carving_cli import _loading
from carving_cli._console import Console
from carving_cli._errors import interruptible
from carving_cli._options import FILE, common_options, force_option, seed_option, tree_argument
from carving_cli._outputs import check_folder
from carving_cli._sites_options import SiteOptions, sites_options

if TYPE_CHECKING:
    from carving.statistics import Agreement
    from carving.tree import Tree

_WIDTH = 98
# how many of a long list are shown; the tables hold all
_MOST_SHOWN = 5


@click.command(name="labels")
@tree_argument
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="A label column to look at; may be given several times.  [default: all]",
)
@click.option(
    "--permutations",
    type=click.IntRange(min=1),
    default=999,
    show_default=True,
    metavar="N",
    help="How often labels are shuffled to see what chance does.",
)
@seed_option
@sites_options
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=None,
    metavar="FOLDER",
    help="Write tables into a new folder.  [default: none]",
)
@force_option
@common_options
def command(
    tree: str,
    columns: tuple[str, ...],
    permutations: int,
    seed: int,
    sites: SiteOptions,
    output: Path | None,
    force: bool,
) -> None:
    """Say how a tree and labels agree.

    Which age separates which labels best, and whether shuffled labels would have done as well; what the
    deepest split parts, and by which sites; which labels part last. With -o a folder holds the tables:
    levels.csv, composition.csv, enrichment.csv, separations.csv, splits.csv, sites.csv.

    \b
    Examples:
      carve labels tree/
      carve labels tree/ --column continent --sites snps.txt -o labels/
    """  # fmt: skip
    import numpy as np

    from carving import statistics
    from carving.errors import InvalidInput

    console = Console()
    if output is not None:
        check_folder(output, force=force, mark="splits.csv")
    found = _loading.load_tree(tree)
    if not found.labels:
        raise InvalidInput(
            f"{tree}: this tree has no labels; build it with `carve build-tree ... --labels CSV`, a table "
            "with a name column and any number of label columns"
        )
    chosen = list(dict.fromkeys(columns)) or list(found.labels)
    for column in chosen:
        if column not in found.labels:
            raise InvalidInput(
                f"{tree}: {column!r} is no label column of this tree; choose from {', '.join(found.labels)}"
            )
    names = sites.of(found)
    generator = np.random.default_rng(seed)
    with interruptible("nothing was written"):
        agreements = statistics.best_levels(
            found, columns or None, permutations=permutations, generator=generator
        )
        words = statistics.in_words(found, agreements, columns=chosen, **names)
        files = [] if output is None else _write(found, output, agreements, chosen, names, force=force)
    facts = {
        "tree": tree,
        "words": words,
        "columns": {column: _facts(found, each) for column, each in agreements.items()},
        "output": None if output is None else str(output),
        "files": files,
    }
    lines = [*textwrap.wrap(words, _WIDTH), *_table(agreements)]
    if files:
        lines += [f"{output}: {' '.join(files)}"]
    console.summary(facts, lines, is_result=True)


def _write(
    tree: "Tree",
    output: Path,
    agreements: "dict[str, Agreement]",
    columns: list[str],
    names: dict[str, Any],
    *,
    force: bool,
) -> list[str]:
    """All tables or none."""
    from carving._files import whole_folder
    from carving.statistics import write_tables

    with whole_folder(output, force=force) as folder:
        return write_tables(tree, folder, agreements, columns=columns, **names)


def _facts(tree: "Tree", found: "Agreement") -> dict[str, Any]:
    """What JSON says of a column."""
    from carving.statistics import separations

    parted = separations(tree, found.column)
    shown = slice(_MOST_SHOWN)
    return {
        "best": {
            "age": int(found.age[found.best]),
            "groups": int(found.groups[found.best]),
            "score": float(found.score[found.best]),
            "p_value": found.best_p_value,
        },
        "samples": found.samples,
        "permutations": found.permutations,
        "levels": [
            dict(zip(("age", "groups", "score", "p_value"), level, strict=True))
            for level in zip(
                *(getattr(found, name).tolist() for name in ("age", "groups", "score", "p_value")),
                strict=True,
            )
        ],
        "last_to_part": [
            dict(zip(("first", "second", "age", "together"), pair, strict=True))
            for pair in zip(
                *(getattr(parted, name)[shown].tolist() for name in ("first", "second", "age", "together")),
                strict=True,
            )
        ],
    }


def _table(agreements: "dict[str, Agreement]") -> list[str]:
    """The best age of each column, aligned."""
    if not agreements:
        return []
    rows = [("column", "best age", "groups", "score", "p (corrected)")]
    for column, found in agreements.items():
        age, groups, score = (values[found.best] for values in (found.age, found.groups, found.score))
        rows.append((column, f"{age:,}", f"{groups:,}", f"{score:.3f}", f"{found.best_p_value:.2g}"))
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  " + "   ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
