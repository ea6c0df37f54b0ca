"""``carve place``: new samples into a finished tree."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carving_cli import _loading
from carving_cli._console import Console
from carving_cli._errors import interruptible
from carving_cli._options import (
    batch_size_option,
    checkpoints_argument,
    common_options,
    computing_options,
    dask_option,
    force_option,
    output_option,
    samples_options,
    tree_argument,
    workers,
)

if TYPE_CHECKING:
    from carving.data import Samples
    from carving.tree import Placement, Tree


@click.command(name="place")
@tree_argument
@checkpoints_argument
@samples_options(required=True)
@output_option("placed.csv", "The CSV to write: name,node,distance,converged.")
@batch_size_option
@dask_option
@computing_options
@force_option
@common_options
def command(
    tree: str,
    checkpoints: str,
    samples_path: Path,
    rows: slice | None,
    unknown_letters: str,
    output: Path,
    batch_size: int | None,
    dask: str | None,
    device: str,
    force: bool,
) -> None:
    """Say which node of a finished tree each new sample falls into.

    CHECKPOINTS are those that the tree was built from.

    \b
    Example:
      carve place tree/ checkpoints/ --samples new.npz -o placed.csv
    """
    from carving._files import check_output

    console = Console()
    check_output(output, force=force)
    finished = _loading.load_tree(tree)
    run = _loading.load_run(checkpoints)
    samples = _loading.load_samples(
        samples_path,
        run,
        rows=rows,
        unknown_letters=unknown_letters,
        source=checkpoints,
        stay=dask is not None,
    )
    with interruptible("nothing was written"), workers(dask) as executor, console.progress() as progress:
        placement = finished.place(
            samples, run, batch_size=batch_size, device=device, executor=executor, progress=progress
        )
        _save(placement, finished, samples, output, force=force)
    unconverged = int((~placement.converged).sum())
    hit = len(set(placement.node.tolist()))
    console.summary(
        {"output": str(output), "samples": len(samples), "nodes": hit, "unconverged": unconverged},
        [
            f"{output}: {len(samples):,} samples placed in {hit:,} of the tree's "
            f"{len(finished.nodes.name):,} nodes; {unconverged:,} did not converge"
        ],
    )


def _save(placement: "Placement", tree: "Tree", samples: "Samples", output: Path, *, force: bool) -> None:
    from carving._files import whole_file

    with whole_file(output, force=force, mode="w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "node", "distance", "converged"])
        for name, node, distance, converged in zip(
            samples.names, placement.node.tolist(), placement.distance.tolist(), placement.converged.tolist(),
            strict=True,
        ):  # fmt: skip
            writer.writerow([name, tree.nodes.name[node], distance, "true" if converged else "false"])
