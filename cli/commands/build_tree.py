"""``carve build-tree``: from checkpoints and samples to a tree in every common format."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from carving_cli import _loading, _memory, _summary, _tree_folder
from carving_cli._console import Console
from carving_cli._errors import interruptible, option_errors
from carving_cli._options import (
    PositiveType,
    batch_size_option,
    branch_length_option,
    checkpoints_argument,
    common_options,
    computing_options,
    dask_option,
    force_option,
    iteration_option,
    labels_options,
    order_option,
    output_option,
    samples_options,
    tolerance_option,
    workers,
)
from carving_cli._outputs import check_folder


@click.command(name="build-tree")
@checkpoints_argument
@samples_options(required=False)
@labels_options
@output_option("tree", "The folder to write.")
@click.option(
    "--ages",
    default="all",
    show_default=True,
    metavar="AGES",
    help="Which checkpoints to use: all, every:N, log:N, acceptance:X (as few as swap chains with "
    "probability X), or a list as 1,5,20.",
)
@order_option
@tolerance_option
@iteration_option
@click.option(
    "--linkage-distance",
    type=PositiveType(),
    default=0.035,
    show_default=True,
    help="Fixed points closer than this (per site) belong to one group.",
)
@branch_length_option
@click.option("--report", is_flag=True, help="Write report.html as well, as `carve report` does.")
@batch_size_option
@dask_option
@computing_options
@force_option
@common_options
def command(
    checkpoints: str,
    samples_path: Path | None,
    rows: slice | None,
    unknown_letters: str,
    labels_path: Path | None,
    colors: Path | None,
    missing_labels: str,
    output: Path,
    ages: str,
    order: int,
    tolerance: float,
    iteration: str,
    linkage_distance: float,
    branch_length: str,
    report: bool,
    batch_size: int | None,
    dask: str | None,
    device: str,
    force: bool,
) -> None:
    """Build the family tree of samples from the checkpoints of a training.

    The output folder holds tree.zarr (everything), tree.nwk, tree.nhx, tree.graphml, nodes.csv,
    leaves.csv, a colour strip for iTOL for each label column, and summary.json. A run that was
    interrupted leaves what it had finished in a folder of the output's name with .partial, and the
    same command goes on from there. A format that cannot hold some name is left out with a warning.

    \b
    Examples:
      carve build-tree checkpoints/
      carve build-tree checkpoints/ --samples genomes.npz --labels people.csv -o tree/
      carve build-tree checkpoints/ --samples genomes.zarr --dask tcp://host:8786
    """  # fmt: skip
    from carving.sampling import select_ages_by_acceptance
    from carving.tree import build_tree

    console = Console()
    check_folder(output, force=force, mark="tree.zarr")
    work_folder = _work_folder(output, console)
    run = _loading.load_run(checkpoints)
    # a damaged checkpoint is found now, and not after the ages that are older than it
    run.verify()
    with option_errors("--ages"):
        chosen = select_ages_by_acceptance(run, ages)
    samples = _loading.load_samples(
        samples_path,
        run,
        rows=rows,
        unknown_letters=unknown_letters,
        source=checkpoints,
        stay=dask is not None,
    )
    labels = _loading.load_labels(labels_path, colors, samples.names, missing=missing_labels, console=console)
    if dask is None:
        _memory.warn_if_too_large(run, samples.values, batch_size, device, console)
    console.note(f"{len(samples):,} samples through {len(chosen):,} ages, on {device}")
    started = time.monotonic()

    def what_is_kept() -> str:
        if not work_folder.exists():
            return "too little was finished to be kept"
        return f"what was finished is in {work_folder}; the same command goes on from there"

    with (
        interruptible(what_is_kept),
        _removed_if_useless(work_folder),
        workers(dask) as executor,
        console.progress() as progress,
    ):
        tree = build_tree(
            run,
            samples,
            labels=labels,
            order=order,
            tolerance=tolerance,
            iteration=iteration,
            linkage_distance=linkage_distance,
            ages=ages,
            batch_size=batch_size,
            device=device,
            work_folder=work_folder,
            executor=executor,
            progress=progress,
        )
    with interruptible(what_is_kept):
        facts = _tree_folder.write(
            tree, output, branch_length=branch_length, report=report, force=force, console=console
        )
    shutil.rmtree(work_folder, ignore_errors=True)
    facts["seconds"] = round(time.monotonic() - started, 3)
    for line in _summary.of_work(facts):
        console.detail(line)
    console.summary(facts, _summary.of_tree(facts, checkpoints, samples_path, rows))


def _work_folder(output: Path, console: Console) -> Path:
    """Where finished ages are kept until the tree is whole; the library refuses one that is somebody's."""
    folder = output.with_name(f"{output.name}.partial")
    if folder.exists():
        console.note(
            f"{folder}: an earlier run was interrupted; what it had finished is used where machines, samples "
            "and settings are the same"
        )
    return folder


@contextmanager
def _removed_if_useless(folder: Path) -> Iterator[None]:
    """A folder in which a failure left nothing finished is no use to a later run."""
    existed = folder.exists()
    try:
        yield
    except BaseException:
        if not existed and not any(folder.glob("*.age")):
            shutil.rmtree(folder, ignore_errors=True)
        raise
