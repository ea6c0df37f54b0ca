"""``carve train``: a machine and its history from samples."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from carving_cli._console import Console
from carving_cli._errors import interruptible, option_errors
from carving_cli._options import (
    FILE,
    PositiveType,
    common_options,
    computing_options,
    force_option,
    rows_option,
    seed_option,
    unknown_letters_option,
)
from carving_cli._progress import duration

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence

COUNT = click.IntRange(min=1)


@click.command(name="train")
@click.argument("samples", type=FILE)
@click.argument("checkpoints", type=FILE)
@rows_option
@unknown_letters_option
@click.option(
    "--hidden", type=COUNT, metavar="N", default=100, show_default=True, help="Number of hidden units."
)
@click.option(
    "--visible",
    type=click.Choice(["bernoulli", "spin", "potts"]),
    default=None,
    help="Kind of the visible units.  [default: what the samples look like]",
)
@click.option(
    "--hidden-unit",
    type=click.Choice(["bernoulli", "spin", "gaussian"]),
    default="bernoulli",
    show_default=True,
    help="Kind of the hidden units.",
)
@click.option(
    "--updates",
    type=COUNT,
    metavar="N",
    default=5000,
    show_default=True,
    help="Length of the training: the oldest age.",
)
@click.option(
    "--save",
    default="exponential:60",
    show_default=True,
    help="At which ages to save: exponential:N or linear:N.",
)
@click.option(
    "--method", default="pcd", show_default=True, help="How the machine's own averages are estimated."
)
@click.option(
    "--k", "steps", type=COUNT, metavar="N", default=10, show_default=True, help="Gibbs steps an update."
)
@click.option(
    "--chains", type=COUNT, metavar="N", default=500, show_default=True, help="Number of persistent chains."
)
@click.option(
    "--batch-size", type=COUNT, metavar="N", default=500, show_default=True, help="Samples an update."
)
@click.option(
    "--learning-rate",
    type=PositiveType(),
    default=None,
    help="Step size of the weights.  [default: 0.05 between 0/1 units, the same in effect for others]",
)
@click.option(
    "--keep-samples/--no-keep-samples",
    default=None,
    help="Keep the samples in the store, so that build-tree needs nothing else.  [default: below 64 MiB]",
)
@click.option("--resume", is_flag=True, help="Go on with the training that CHECKPOINTS holds.")
@seed_option
@computing_options
@force_option
@common_options
def command(
    samples: Path,
    checkpoints: Path,
    rows: slice | None,
    unknown_letters: str,
    hidden: int,
    visible: str | None,
    hidden_unit: str,
    updates: int,
    save: str,
    method: str,
    steps: int,
    chains: int,
    batch_size: int,
    learning_rate: float | None,
    keep_samples: bool | None,
    resume: bool,
    seed: int,
    device: str,
    force: bool,
) -> None:
    """Train a machine on samples and save it at many ages.

    Checkpoints are safe as soon as they are saved. A training that was stopped, in whatever way,
    goes on with --resume to the same result as if it had never stopped.

    \b
    Examples:
      carve train genomes.npz checkpoints/
      carve train genomes.npz checkpoints/ --updates 20000 --save exponential:100 --resume
    """  # fmt: skip
    from carving import read_samples, train
    from carving._files import check_output
    from carving.training import estimator_names, save_ages

    console = Console()
    if resume and force:
        raise click.UsageError("--resume and --force exclude each other; give one of them")
    if method not in estimator_names():
        names = ", ".join(estimator_names())
        raise click.BadOptionUsage("--method", f"--method: {method!r} is not known; give one of {names}")
    with option_errors("--save"):
        save_ages(save, updates)
    if not resume:
        check_output(checkpoints, force=force)
    data = read_samples(samples, rows=rows, unknown_letters=unknown_letters)
    go_on = f"what was saved is safe in {checkpoints}; the same command with --resume goes on from there"
    with interruptible(go_on), console.progress() as progress:
        run = train(
            data,
            checkpoints,
            hidden=hidden,
            visible=visible,
            hidden_unit=hidden_unit,
            updates=updates,
            method=method,
            k=steps,
            chains=chains,
            batch_size=batch_size,
            learning_rate=learning_rate,
            save=save,
            seed=seed,
            keep_samples=keep_samples,
            resume=resume,
            force=force,
            progress=progress,
            device=device,
        )
    _report(run, samples, checkpoints, console)


def _report(run: "CheckpointSequence", samples: Path, checkpoints: Path, console: Console) -> None:
    ages = [int(age) for age in run.ages]
    seconds = float(run.elapsed_seconds[-1])
    kept = run.samples is not None
    last = {name: float(values[-1]) for name, values in run.metrics.items()}
    given = "" if kept else f" --samples {samples}"
    console.summary(
        {"checkpoints": str(checkpoints), "ages": ages, "seconds": seconds, "samples_kept": kept,
         "metrics": last, "training": run.training},
        [
            f"{checkpoints}: {len(ages)} checkpoints, ages {ages[0]:,} to {ages[-1]:,}; {run.visible_size:,} "
            f"{run.visible.name} and {run.hidden_size:,} {run.hidden.name} units; {duration(seconds)}",
            f"  at the end     {', '.join(f'{name} {value:.4g}' for name, value in last.items())}",
            f"  samples        {'kept in it' if kept else 'not kept in it'}",
            "What next",
            f"  carve build-tree {checkpoints}{given}",
        ],
    )  # fmt: skip
