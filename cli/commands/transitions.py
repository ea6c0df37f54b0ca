"""``carve transitions``: the cascade of transitions of a training."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carving_cli import _cascade, _loading
from carving_cli._console import Console, jsonable
from carving_cli._errors import interruptible
from carving_cli._options import (
    STORE,
    PositiveType,
    checkpoints_argument,
    common_options,
    force_option,
    order_option,
    output_option,
    samples_options,
    seed_option,
    threads_option,
)
from carving_cli._outputs import check_folder

if TYPE_CHECKING:
    from carving.data import Samples
    from carving.physics import Cascade
    from carving.tree import Tree


@click.command(name="transitions")
@checkpoints_argument
@click.option(
    "--tree",
    "tree_path",
    type=STORE,
    default=None,
    metavar="TREE",
    help="The tree whose branches to look at.  [default: one of the samples, built here]",
)
@samples_options(required=False)
@output_option("transitions", "The folder to write.")
@order_option
@click.option(
    "--linkage-distance",
    type=PositiveType(),
    default=0.035,
    show_default=True,
    help="Of the tree that is built here.",
)
@click.option(
    "--directions",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    metavar="N",
    help="How many singular directions of the weights to follow.",
)
@click.option(
    "--precision",
    type=PositiveType(below=1),
    default=1e-4,
    show_default="1e-4",
    help="How closely the ages of transitions are located, in log age.",
)
@click.option(
    "--sampling",
    is_flag=True,
    help="Run Gibbs chains in every state at every age, for susceptibilities and relaxation times.",
)
@click.option(
    "--chains",
    type=click.IntRange(min=2),
    default=100,
    show_default=True,
    metavar="N",
    help="Gibbs chains in each state, with --sampling.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=8),
    default=2000,
    show_default=True,
    metavar="N",
    help="Gibbs steps of each chain, with --sampling.",
)
@seed_option
@threads_option
@force_option
@common_options
def command(
    checkpoints: str,
    tree_path: str | None,
    samples_path: Path | None,
    rows: slice | None,
    unknown_letters: str,
    output: Path,
    order: int,
    linkage_distance: float,
    directions: int,
    precision: float,
    sampling: bool,
    chains: int,
    steps: int,
    seed: int,
    force: bool,
) -> None:
    """Show the cascade of transitions that a training went through.

    Which direction of the weights condensed when, how soft each state was, when exactly the branches
    of the tree parted (between checkpoints, with an uncertainty), and with --sampling how far and how
    slowly the machine's own chains move at each age. The output folder holds a table for each
    (spectrum.csv, paramagnetic.csv, states.csv, splits.csv, chains.csv), the picture as cascade.svg
    and cascade.png, summary.txt, and tree.zarr, whose nodes know when they were born: with
    `carve export --branch-length birth-age` branches are as long as that says.

    Without samples, neither given nor in the store, there is no tree: then only the weights and the
    paramagnetic state are looked at.

    \b
    Examples:
      carve transitions checkpoints/
      carve transitions checkpoints/ --tree tree/ --samples genomes.npz --sampling -o out/
    """  # fmt: skip
    import torch

    from carving import physics

    console = Console()
    check_folder(output, force=force, mark="spectrum.csv")
    run = _loading.load_run(checkpoints)
    run.verify()
    samples = None
    if samples_path is not None or run.samples is not None:
        samples = _loading.load_samples(
            samples_path, run, rows=rows, unknown_letters=unknown_letters, source=checkpoints
        )
    tree = _given_tree(tree_path, samples, rows)
    if sampling and samples is None:
        raise click.UsageError("--sampling begins chains at samples: name the file with --samples FILE")
    with interruptible("nothing was written"), console.progress() as progress:
        if tree is None and samples is not None:
            from carving.tree import build_tree

            tree = build_tree(run, samples, order=order, linkage_distance=linkage_distance, progress=progress)
        cascade = physics.transitions(
            run,
            tree,
            samples,
            directions=directions,
            order=order,
            precision=precision,
            sampling=physics.Sampling(chains=chains, steps=steps) if sampling else None,
            generator=torch.Generator().manual_seed(seed),
            progress=progress,
        )
    lines = _cascade.in_words(cascade, checkpoints)
    with interruptible("nothing was written"):
        files = _write(cascade, lines, output, checkpoints, force=force)
    closing = [*lines, f"  files             {' '.join(files)}", "What next", f"  {_what_next(output, tree)}"]
    console.summary(
        {"output": str(output), **_cascade.facts(cascade), "files": files},
        [f"{output}: {closing[0]}", *closing[1:]],
    )


def _given_tree(path: str | None, samples: "Samples | None", rows: slice | None) -> "Tree | None":
    """The tree that was named; of these very samples."""
    if path is None:
        return None
    from carving.errors import InvalidInput

    tree = _loading.load_tree(path)
    if samples is not None and samples.names.tolist() != tree.leaves.name.tolist():
        remedy = "give the samples that it was built from" if rows is None else "give its --rows A:B"
        raise InvalidInput(
            f"{path}: its {len(tree.leaves):,} leaves are not the {len(samples.names):,} samples of "
            f"{samples.source}, in their order; {remedy}"
        )
    return tree


def _write(cascade: "Cascade", lines: list[str], output: Path, checkpoints: str, *, force: bool) -> list[str]:
    """Everything or nothing."""
    import json

    from carving import physics, report
    from carving._files import whole_folder

    title = f"Transitions of {Path(checkpoints.rstrip('/')).name}"
    with whole_folder(output, force=force) as folder:
        files = physics.write_cascade(cascade, folder)
        figure = report.draw_cascade(cascade, title=title)
        for name in ("cascade.svg", "cascade.png"):
            report.save_figure(figure, folder / name)
            files.append(name)
        (folder / "summary.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        text = json.dumps(jsonable(_cascade.facts(cascade)), ensure_ascii=False, indent=2, allow_nan=False)
        (folder / "summary.json").write_text(f"{text}\n", encoding="utf-8")
        files += ["summary.txt", "summary.json"]
        if cascade.tree is not None and cascade.splits is not None:
            cascade.tree.with_births(*physics.birth_ages(cascade.tree, cascade.splits)).save(
                folder / "tree.zarr"
            )
            files.append("tree.zarr")
    return files


def _what_next(output: Path, tree: "Tree | None") -> str:
    if tree is None:
        return f"look at {shlex.quote(str(output / 'cascade.png'))}"
    export = shlex.join(
        ["carve", "export", str(output), "--format", "newick", "--branch-length", "birth-age"]
    )
    return f"{export} -o births.nwk    branches as long as the located ages say"
