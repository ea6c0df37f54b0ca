"""``carve train``: a machine and its history from samples."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carving_cli._console import Console
from carving_cli._errors import deferred_interrupts, interruptible, option_errors
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
    import numpy

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
    metavar="RULE",
    help="At which ages to save: exponential:N, linear:N, acceptance:X (neighbours swap chains with "
    "probability X) or adaptive:N (both sides of every split).",
)
@click.option(
    "--method",
    default="pcd",
    show_default=True,
    metavar="NAME",
    help="How the machine's own averages are estimated: pcd, cd, rdm, emf, tempering or trajectory; settings "
    "of its own follow it, as in emf:order=3.",
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
    help="Step size of the weights.  [default: 0.05 between 0/1 units, the same in effect for others; 0.002 "
    "for adam]",
)
@click.option(
    "--rate",
    default="constant",
    show_default=True,
    metavar="SCHEDULE",
    help="How the step size changes: constant, exponential:N (halved every N updates), inverse:N or cosine.",
)
@click.option("--optimiser", default="sgd", show_default=True, metavar="NAME", help="sgd or adam.")
@click.option(
    "--momentum", type=float, default=0.0, show_default=True, help="Of the optimiser, from 0 to below 1."
)
@click.option("--l1", type=float, default=0.0, show_default=True, help="Pulls weights to zero evenly.")
@click.option("--l2", type=float, default=0.0, show_default=True, help="Pulls weights to zero by their size.")
@click.option(
    "--weights",
    default=None,
    metavar="RULE|FILE",
    help="How much each sample counts: identity:0.8 (one over the number of samples that agree in as much; "
    "usual for protein families), or a file of numbers.",
)
@click.option(
    "--beta",
    type=PositiveType(),
    default=1.0,
    show_default=True,
    help="Inverse temperature that the machines are stored with.",
)
@click.option(
    "--arithmetic",
    type=click.Choice(["auto", "integer", "plain"]),
    default="auto",
    show_default=True,
    help="How Gibbs steps are computed: plain in single precision; integer several times as fast, "
    "probabilities within 1e-3.",
)
@click.option(
    "--memory",
    type=COUNT,
    metavar="MIB",
    default=512,
    show_default=True,
    help="Samples held at a time; of larger .npy and zarr files parts are read as they are needed.",
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
    rate: str,
    optimiser: str,
    momentum: float,
    l1: float,
    l2: float,
    weights: str | None,
    beta: float,
    arithmetic: str,
    memory: int,
    keep_samples: bool | None,
    resume: bool,
    seed: int,
    device: str,
    force: bool,
) -> None:
    """Train a machine on samples and save it at many ages.

    Checkpoints are safe as soon as they are saved. Ctrl-C saves one more and stops. A training that was
    stopped, in whatever way, goes on with --resume to the same machine as if it had never stopped.

    Memory is about 0.33 GB for the program, a byte a site for each sample (up to --memory), 40 bytes for
    each weight (65 with adam), 30 for each unit of each chain, and 80 for each visible unit of the thousand
    samples that are measured; the states of a Potts site are units.

    \b
    Examples:
      carve train genomes.npz checkpoints/
      carve train genomes.npz checkpoints/ --save adaptive:40 --updates 20000
      carve train genomes.npz checkpoints/ --updates 20000 --save exponential:100 --resume
      carve train family.fasta checkpoints/ --weights identity:0.8 --hidden-unit gaussian
    """  # fmt: skip
    from carving import read_samples, train
    from carving._files import check_output
    from carving.training import check_optimiser, rate_factor, read_method, read_saving

    console = Console()
    if resume and force:
        raise click.UsageError("--resume and --force exclude each other; give one of them")
    with option_errors("--method"):
        read_method(method)
    with option_errors("--save"):
        read_saving(save, updates)
    with option_errors("--rate"):
        rate_factor(rate)
    with option_errors("--optimiser"):
        check_optimiser(optimiser)
    if not resume:
        check_output(checkpoints, force=force)
    # arrays that may be larger than memory are opened by the library
    whole = rows is None and (samples.is_dir() or samples.suffix.lower() == ".npy")
    data = samples if whole else read_samples(samples, rows=rows, unknown_letters=unknown_letters)
    weights_given = _weights(weights)
    go_on = f"what was saved is safe in {checkpoints}; the same command with --resume goes on from there"
    with interruptible(go_on), console.progress() as progress, deferred_interrupts() as stop:
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
            rate=rate,
            optimiser=optimiser,
            momentum=momentum,
            l1=l1,
            l2=l2,
            weights=weights_given,
            beta=beta,
            arithmetic=arithmetic,
            memory=memory * 2**20,
            save=save,
            seed=seed,
            keep_samples=keep_samples,
            resume=resume,
            force=force,
            progress=progress,
            announce=lambda settings: _announce(settings, console),
            warn=console.warn,
            stop=stop,
            device=device,
        )
        if stop():
            raise KeyboardInterrupt
    _report(run, samples, checkpoints, console)


def _weights(given: str | None) -> "str | numpy.ndarray | None":
    """A rule, or the numbers of a file."""
    import numpy

    from carving.errors import InvalidInput

    if given is None or not Path(given).is_file():
        return given
    try:
        return numpy.load(given) if given.endswith(".npy") else numpy.loadtxt(given, ndmin=1)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidInput(f"{given}: is no list of weights ({error}); give one number a line") from error


def _announce(settings: dict[str, Any], console: Console) -> None:
    """What is about to be done, before it begins."""
    console.note(
        "{samples:,} samples of {sites:,} sites, {hidden:,} hidden units; {updates:,} updates, saved at "
        "{save}".format(**settings)
    )
    batch = min(settings["batch_size"], settings["samples"])
    extra = "".join(f", {name} {settings[name]:g}" for name in ("momentum", "l1", "l2") if settings[name])
    weights = "" if settings["weights"] == "none" else f"; weights {settings['weights']}"
    console.note(
        "  {method} with k {k}, {chains:,} chains, batches of {batch:,}; {optimiser}, learning rate "
        "{learning_rate:g} {rate}{extra}; {arithmetic} arithmetic{given}".format(
            **{**settings, "batch": batch, "extra": extra, "given": weights}
        )
    )


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
