"""``carve plot``: pictures of a finished tree."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carving_cli import _loading
from carving_cli._console import Console
from carving_cli._errors import interruptible, option_errors
from carving_cli._options import (
    FILE,
    STORE,
    PositiveType,
    common_options,
    force_option,
)
from carving_cli._picture_options import (
    drawn_samples_options,
    image_option,
    read_drawn_samples,
    title_option,
)
from carving_cli._registry_options import RegistryType, list_option
from carving_cli._reshape_options import reshape_options
from carving_cli._sites_options import SiteOptions, sites_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from carving.report import Plot
    from carving.tree import Tree

# options and the keywords of the library's functions that they are for
_KEYWORDS = {
    "--column": ("column", "columns"),
    "--branch-length": ("branch_length",),
    "--image": ("image_shape",),
    "--samples": ("samples",),
    "--node": ("node",),
    "--age": ("age",),
    "--sites": ("site_names",),
    "--alphabet": ("alphabet",),
    "--count": ("count", "most", "most_pictures"),
}


def _kinds() -> "Mapping[str, Plot]":
    from carving.report import plots

    return plots()


@click.command(name="plot")
@click.argument("kind", type=RegistryType("kind", _kinds))
@click.argument("tree", type=STORE)
@list_option(_kinds, what="kinds", width=12)
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=None,
    metavar="FILE",
    help="The picture: .png, .svg or .pdf.  [default: KIND.png beside the tree]",
)
@title_option("picture")
@click.option(
    "--width",
    type=PositiveType(),
    default=None,
    metavar="INCHES",
    help="Width of the picture; 3.4 is a column of a journal, 7 a page.  [default: that of the kind]",
)
@click.option(
    "--dpi", type=click.IntRange(30, 1200), default=200, show_default=True, metavar="N",
    help="Pixels an inch, of .png.",
)  # fmt: skip
@click.option(
    "--column", "columns", multiple=True, metavar="NAME",
    help="A label column to look at; may be given several times.  [default: all, or the first]",
)  # fmt: skip
@click.option(
    "--branch-length", type=click.Choice(["distance", "log-age", "birth-age", "free-energy"]),
    default=None, help="What the lengths of branches mean.  [default: distance]",
)  # fmt: skip
@image_option
@drawn_samples_options
@click.option("--node", default=None, metavar="NAME", help="A node of the tree.  [default: the root, or all]")
@click.option(
    "--age", type=click.IntRange(min=0), default=None, metavar="T",
    help="Age of the machine, in gradient updates.  [default: the oldest]",
)  # fmt: skip
@click.option(
    "--count", type=click.IntRange(min=1), default=None, metavar="N",
    help="How many sites, states or ways, the largest ones.  [default: as many as there is room for]",
)  # fmt: skip
@sites_options
@reshape_options
@force_option
@common_options
def command(
    kind: str,
    tree: str,
    output: Path | None,
    title: str | None,
    width: float | None,
    dpi: int,
    columns: tuple[str, ...],
    branch_length: str | None,
    image_shape: tuple[int, int] | None,
    samples_path: Path | None,
    unknown_letters: str,
    node: str | None,
    age: int | None,
    count: int | None,
    sites: SiteOptions,
    reshape: "Callable[[Tree], Tree]",
    force: bool,
) -> None:
    """Draw a finished tree.

    KIND says which picture; --list names all kinds. Each takes some of the options.

    \b
    Examples:
      carve plot --list
      carve plot river tree/ --image 28x28
      carve plot rectangular tree/ --leaves states --branch-length log-age -o tree.svg
      carve plot pca tree/ --samples genomes.npz --width 3.4 -o pca.pdf
    """  # fmt: skip
    from carving._files import check_output
    from carving.report import check_picture, plots, save_figure

    console = Console()
    plot = plots()[kind]
    given = {
        "--column": columns or None,
        "--branch-length": branch_length,
        "--image": image_shape,
        "--samples": samples_path,
        "--node": node,
        "--age": age,
        "--count": count,
        "--sites": sites.path,
        "--alphabet": sites.letters,
    }
    options = {_keyword(plot, option): option for option, value in given.items() if value is not None}
    if output is None:
        output = Path(_loading.tree_path(tree)).parent / f"{kind}.png"
    with option_errors("--output"):
        check_picture(output)
    check_output(output, force=force)

    finished = reshape(_loading.load_tree(tree))
    names = sites.of(finished)
    values: dict[str, Any] = {
        keyword: names.get(keyword, given[option]) for keyword, option in options.items()
    }
    if "column" in values:
        values["column"] = _only(columns, kind)
    if "samples" in values and samples_path is not None:
        values["samples"] = read_drawn_samples(samples_path, names["alphabet"], unknown_letters)
    values |= {} if width is None else {"width": width}
    with interruptible("nothing was written"):
        figure = plot.draw(finished, title=title, **values)
        save_figure(figure, output, force=force, dpi=dpi)
    inches = [round(float(side), 2) for side in figure.get_size_inches()]
    console.summary(
        {"output": str(output), "kind": kind, "inches": inches},
        [f"{output}: {plot.description}; {inches[0]:g} x {inches[1]:g} inches"],
    )


def _keyword(plot: "Plot", option: str) -> str:
    """What the option is called by the function that draws; an error where that has no use for it."""
    from carving.report import plots

    for keyword in _KEYWORDS[option]:
        if keyword in plot.options:
            return keyword
    kinds = [name for name, each in plots().items() if set(_KEYWORDS[option]) & set(each.options)]
    raise click.UsageError(
        f"{option} says nothing to {plot.name}; it is for {', '.join(kinds)}", click.get_current_context()
    )


def _only(columns: tuple[str, ...], kind: str) -> str:
    if len(columns) != 1:
        raise click.BadOptionUsage(
            "--column", f"--column: {kind} shows one label column, not {len(columns)}; give one"
        )
    return columns[0]
