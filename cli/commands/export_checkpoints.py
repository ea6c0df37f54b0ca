"""``carve export-checkpoints``: a store as a file of another program."""

from pathlib import Path

import click

from carving_cli import _loading
from carving_cli._console import Console
from carving_cli._options import checkpoints_argument, common_options, force_option, output_option


@click.command(name="export-checkpoints")
@checkpoints_argument
@click.option("--to", "program", type=click.Choice(["rbms"]), required=True, help="For which program.")
@output_option(None, "The HDF5 file to write.")
@force_option
@common_options
def command(checkpoints: str, program: str, output: Path, force: bool) -> None:
    """Write checkpoints as a file that another program reads.

    \b
    Example:
      carve export-checkpoints checkpoints/ --to rbms -o checkpoints.h5
    """
    from carving.checkpoints import export_rbms

    console = Console()
    run = _loading.load_run(checkpoints)
    export_rbms(run, output, force=force)
    console.summary(
        {"output": str(output), "program": program, "ages": run.ages},
        [f"{output}: {len(run)} checkpoints for {program}"],
    )
