"""``carve report``: a tree as one HTML page."""

from dataclasses import replace
from pathlib import Path

import click
from click.core import ParameterSource

from carving_cli import _loading
from carving_cli._console import Console
from carving_cli._errors import interruptible
from carving_cli._options import (
    FILE,
    common_options,
    force_option,
    seed_option,
    tree_argument,
)
from carving_cli._picture_options import (
    drawn_samples_options,
    image_option,
    read_drawn_samples,
    title_option,
)
from carving_cli._reshape_options import Reshape, reshape_options
from carving_cli._sites_options import SiteOptions, sites_options


@click.command(name="report")
@tree_argument
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=None,
    metavar="FILE",
    help="The page.  [default: report.html beside the tree]",
)
@title_option("page")
@image_option
@drawn_samples_options
@click.option(
    "--permutations",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="How often labels are shuffled to see what chance does.  [default: 999, fewer for large trees]",
)
@seed_option
@sites_options
@reshape_options
@force_option
@common_options
def command(
    tree: str,
    output: Path | None,
    title: str | None,
    image_shape: tuple[int, int] | None,
    samples_path: Path | None,
    unknown_letters: str,
    permutations: int | None,
    seed: int,
    sites: SiteOptions,
    reshape: Reshape,
    force: bool,
) -> None:
    """Write a tree as one HTML page to look at, to search and to send to a colleague.

    The page is a single file that asks the network for nothing. It holds the tree (zoom, collapse, search,
    colours by label, a slider for the age), what is known of every state, the members of each as a table to
    download, what the labels say, the deepest splits with their sites, pictures, and how it was made.

    A tree of more than 50,000 samples is shown as its states unless --leaves says otherwise.

    \b
    Examples:
      carve report tree/
      carve report tree/ --image 28x28 --title "Digits" -o digits.html
      carve report tree/ --leaves states --sites snps.txt
    """  # fmt: skip
    import numpy as np

    from carving._files import check_output
    from carving.report import write_report

    console = Console()
    if output is None:
        output = Path(_loading.tree_path(tree)).parent / "report.html"
    check_output(output, force=force)
    # what the leaves are is the page's own affair: it counts labels in the samples
    source = click.get_current_context().get_parameter_source("leaves")
    leaves = None if source is ParameterSource.DEFAULT else reshape.leaves
    shown = replace(reshape, leaves="samples")(_loading.load_tree(tree))
    names = sites.of(shown)
    samples = None
    if samples_path is not None:
        samples = read_drawn_samples(samples_path, names["alphabet"], unknown_letters)
    with interruptible("nothing was written"), console.progress() as progress:
        write_report(
            shown,
            output,
            leaves=leaves,
            samples=samples,
            image_shape=image_shape,
            title=title,
            permutations=permutations,
            generator=np.random.default_rng(seed),
            force=force,
            progress=progress,
            **names,
        )
    size = output.stat().st_size
    facts = {"output": str(output), "bytes": size, "samples": int(shown.nodes.size[shown.root])}
    console.summary(facts, [f"{output}: {size / 1e6:.1f} MB; open it in any browser"])
