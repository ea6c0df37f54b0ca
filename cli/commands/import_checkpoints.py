"""``carve import``: other programs' checkpoints into a store."""

import click

from carving_cli._console import Console
from carving_cli._errors import interruptible
from carving_cli._options import STORE, common_options, force_option


@click.command(name="import")
@click.argument("source", type=STORE, metavar="FILE")
@click.argument("checkpoints", type=STORE)
@click.option(
    "--units",
    type=click.Choice(["bernoulli", "spin", "potts"]),
    default=None,
    help="Visible and hidden units of the file; spin where it holds -1/+1 machines.  "
    "[default: bernoulli, or potts where the weights have states]",
)
@click.option(
    "--alphabet",
    default=None,
    help="Letters of a Potts machine's states, in order.  [default: -ACDEFGHIKLMNPQRSTVWY]",
)
@force_option
@common_options
def command(source: str, checkpoints: str, units: str | None, alphabet: str | None, force: bool) -> None:
    """Convert the checkpoints of another program into a store of our own.

    FILE is an HDF5 file of rbms or clusterbm, or a folder of .npz files that hold weights,
    visible_bias, hidden_bias and updates.

    \b
    Example:
      carve import genomes_rbms.h5 checkpoints/
    """  # fmt: skip
    from carving.checkpoints import import_checkpoints

    console = Console()
    letters = {} if alphabet is None else {"alphabet": alphabet}
    with interruptible("nothing was written"), console.progress() as progress:
        run = import_checkpoints(source, checkpoints, units=units, force=force, progress=progress, **letters)
    ages = [int(age) for age in run.ages]
    console.summary(
        {"checkpoints": checkpoints, "ages": ages, "visible_size": run.visible_size,
         "hidden_size": run.hidden_size, "visible_unit": run.visible.name, "hidden_unit": run.hidden.name},
        [
            f"{checkpoints}: {len(ages)} checkpoints, ages {ages[0]:,} to {ages[-1]:,}, "
            f"{run.visible_size:,} {run.visible.name} and {run.hidden_size:,} {run.hidden.name} units",
            f"Next: carve build-tree {checkpoints} --samples FILE",
        ],
    )  # fmt: skip
