"""The ``carve`` command and its table of contents."""

import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click

from carving_cli._group import CarveGroup
from carving_cli._options import common_options

COMMANDS = {
    "demo": "demo",
    "train": "train",
    "import": "import_checkpoints",
    "export-checkpoints": "export_checkpoints",
    "info": "info",
    "build-tree": "build_tree",
    "query": "query",
    "place": "place",
    "transitions": "transitions",
    "sample": "sample",
    "quality": "quality",
    "export": "export",
    "report": "report",
    "serve": "serve",
    "consensus": "consensus",
    "plot": "plot",
    "labels": "labels",
    "completion": "completion",
}
"""Name of each command and the module of ``carving_cli.commands`` that holds it as ``command``."""


@click.group(
    cls=CarveGroup,
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@common_options
def carve() -> None:
    """Grow the family tree of data from the training history of a restricted Boltzmann machine.

    Samples flow down through the machine as it was at younger and younger ages. Where their
    fixed points merge, branches meet.

    \b
    Start here:
      carve demo                 handwritten digits, from training to a report, in a minute
      carve build-tree --help    your own machine and data
    """


def _stop_politely(_number: int, _frame: FrameType | None) -> None:
    # what runs inside `with` blocks is then tidied up just as after Ctrl-C
    raise KeyboardInterrupt("stopped")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line on the program's arguments, or on these.

    The exit code is 0 done, 1 failed, 2 bad usage, 130 interrupted.
    """
    signal.signal(signal.SIGTERM, _stop_politely)
    # what zarr was reading or writing when it was interrupted would be complained about at the very end
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    sys.exit(carve.main(arguments, prog_name="carve"))
