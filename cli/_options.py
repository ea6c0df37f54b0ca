"""Options that more than one command has: one spelling, one default and one help text for each."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from carving_cli._errors import option_errors

if TYPE_CHECKING:
    from concurrent.futures import Executor

Function = TypeVar("Function", bound=Callable[..., Any])


def _print_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"carve {metadata.version('carving')}")
        context.exit()


version_option = click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and stop.",
)


def _remember_json(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    # before the command or after it
    context.meta["carving_cli.json"] = asked or context.meta.get("carving_cli.json", False)


def _remember_verbosity(context: click.Context, parameter: click.Parameter, value: int) -> None:
    sign = 1 if parameter.name == "verbose" else -1
    context.meta["carving_cli.verbosity"] = context.meta.get("carving_cli.verbosity", 0) + sign * value


def common_options(function: Function) -> Function:
    """``--json -q -v --version``: what every command understands."""
    for option in (
        version_option,
        click.option(
            "-v", "--verbose", count=True, expose_value=False, callback=_remember_verbosity,
            help="Say more: a line for each step, and the traceback of an error.",
        ),
        click.option(
            "-q", "--quiet", count=True, expose_value=False, callback=_remember_verbosity,
            help="Say less: no progress and no summary.",
        ),
        click.option(
            "--json", "as_json", is_flag=True, expose_value=False, callback=_remember_json,
            help="Print the summary as JSON on standard output.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


class RowsType(click.ParamType):
    """``A:B``: rows A to B − 1, as Python counts them."""

    name = "A:B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> slice:
        """Read the text with the library's own reader, so that both accept the same."""
        from carving.data import parse_rows

        with option_errors("--rows"):
            return parse_rows(value)


class PositiveType(click.ParamType):
    """A finite number above zero, and below another one where that is given."""

    name = "number"

    def __init__(self, below: float = float("inf")) -> None:
        self.below = below

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuse what click's own range lets through: nan and inf."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not 0 < number < self.below:
            what = (
                "a finite number above 0" if self.below == float("inf") else f"between 0 and {self.below:g}"
            )
            self.fail(f"{value!r} is not {what}", param, ctx)
        return number


class DeviceType(click.ParamType):
    """``auto``, ``cpu`` or ``cuda:N``; whether the device is there is asked when the command runs."""

    name = "auto|cpu|cuda:N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the spelling."""
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
            self.fail(f"{value!r} is not a device; use auto, cpu, or cuda:N with N = 0, 1, …", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Offer the usual three."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in ("auto", "cpu", "cuda:0") if name.startswith(incomplete)]


def _computing(threads: int | None, device: str) -> str:
    """Set the number of threads and turn ``auto`` into a device that is there."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    present = torch.cuda.device_count()
    if device == "auto":
        return "cuda:0" if present else "cpu"
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= present:
            raise click.BadOptionUsage(
                "--device",
                f"--device: {device} was asked for, but PyTorch sees {present} CUDA devices here; "
                "use --device cpu, or auto",
            )
        return f"cuda:{number}"
    return device


def computing_options(function: Function) -> Function:
    """``--device --threads``; the command is given a ``device`` that exists."""
    return _computing_options(function, threads=None)


def small_computing_options(function: Function) -> Function:
    """The same for work that is too small to be shared out: one thread unless asked for more."""
    return _computing_options(function, threads=1)


def shared_computing_options(function: Function) -> Function:
    """The same for a service, beside whose queries jobs compute: it is given ``other_threads``, theirs.

    Threads wait for each other at every product, so two processes with all cores each take many times as long
    as with a part of them each.
    """

    @wraps(function)
    def wrapped(*args: Any, threads: int | None, device: str, **kwargs: Any) -> Any:
        import torch

        cores = torch.get_num_threads()
        own = threads or max(1, cores // 2)
        others = max(1, cores - own)
        return function(*args, device=_computing(own, device), other_threads=others, **kwargs)

    words = "Number of CPU threads of queries; jobs share the others."
    return _device(_threads(None, words, usual="half of the cores")(wrapped))


def threads_option(function: Function) -> Function:
    """``--threads`` alone, for work that is done on the CPU."""

    @wraps(function)
    def wrapped(*args: Any, threads: int | None, **kwargs: Any) -> Any:
        _computing(threads, "cpu")
        return function(*args, **kwargs)

    return _threads(None)(wrapped)  # type: ignore[return-value]


def _threads(
    default: int | None, words: str = "Number of CPU threads.", *, usual: str = "as PyTorch chooses"
) -> Callable[[Function], Function]:
    shown = f"  [default: {usual}]" if default is None else ""
    return click.option(
        "--threads", type=click.IntRange(min=1), default=default, metavar="N",
        show_default=default is not None, help=f"{words}{shown}",
    )  # fmt: skip


def _computing_options(function: Function, *, threads: int | None) -> Function:
    @wraps(function)
    def wrapped(*args: Any, threads: int | None, device: str, **kwargs: Any) -> Any:
        return function(*args, device=_computing(threads, device), **kwargs)

    return _device(_threads(threads)(wrapped))


def _device(function: Callable[..., Any]) -> Any:
    return click.option(
        "--device", type=DeviceType(), default="auto", show_default=True, help="Where to compute."
    )(function)


# stores may be URLs, which a pathlib.Path would spoil; so they stay text
STORE = click.Path()
FILE = click.Path(path_type=Path)

checkpoints_argument = click.argument("checkpoints", type=STORE)
tree_argument = click.argument("tree", type=STORE)

force_option = click.option("--force", is_flag=True, help="Overwrite the output if it exists.")

age_option = click.option(
    "--age",
    type=click.IntRange(min=0),
    default=None,
    metavar="T",
    help="Age of the machine, in gradient updates.  [default: the oldest]",
)

seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    default=0,
    show_default=True,
    help="Seed of the random numbers.",
)

batch_size_option = click.option(
    "--batch-size", type=click.IntRange(min=1), default=None, metavar="N",
    help="Rows that are iterated together; changes memory and speed, never the result.  "
    "[default: as many as fit well]",
)  # fmt: skip


class DaskType(click.ParamType):
    """``local``, ``local:N`` or the address of a scheduler; whether one answers is seen when it is asked."""

    name = "local|local:N|ADDRESS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the spelling."""
        from carving._dask import check_dask

        with option_errors("--dask"):
            check_dask(value)
        return value


dask_option = click.option(
    "--dask", type=DaskType(), default=None,
    help="Share the samples out among Dask workers: local (one a core), local:N, or those of the scheduler "
    "at tcp://host:8786. The result is the same.",
)  # fmt: skip


@contextmanager
def workers(dask: str | None) -> Iterator["Executor | None"]:
    """Who ``--dask`` asks for, for as long as the block lasts."""
    if dask is None:
        yield None
        return
    from carving import dask_executor

    with dask_executor(dask) as executor:
        yield executor


order_option = click.option(
    "--order", type=click.IntRange(1, 3), default=2, show_default=True,
    help="Order of the Plefka expansion: 1 naive mean field, 2 TAP, 3 one more.",
)  # fmt: skip

tolerance_option = click.option(
    "--tolerance", type=PositiveType(below=1), default=1e-6, show_default="1e-6",
    help="Largest estimated error of a fixed point that counts as converged.",
)  # fmt: skip

iteration_option = click.option(
    "--iteration", type=click.Choice(["plain", "layer-exact"]), default="plain", show_default=True,
    help="Sweeps that say which fixed point a sample belongs to.",
)  # fmt: skip


def _branch_length(default: str | None, shown: str | bool) -> Callable[[Function], Function]:
    return click.option(
        "--branch-length", type=click.Choice(["distance", "log-age", "birth-age", "free-energy"]),
        default=default, show_default=shown, help="What the lengths of branches mean.",
    )  # fmt: skip


branch_length_option = _branch_length("distance", True)
# left to each format unless it is given
format_branch_length_option = _branch_length(None, "distance; log-age for auspice")


def output_option(default: str | None, help: str) -> Callable[[Function], Function]:
    """``-o/--output``; without a default it must be given."""
    return click.option(
        "-o", "--output", type=FILE, default=default, required=default is None,
        show_default=default is not None, metavar="PATH", help=help,
    )  # fmt: skip


rows_option = click.option(
    "--rows", type=RowsType(), default=None, help="Use only rows A to B-1 of the samples."
)

unknown_letters_option = click.option(
    "--unknown-letters", type=click.Choice(["error", "gap"]), default="error", show_default=True,
    help="What to do with letters outside the alphabet of sequences.",
)  # fmt: skip


def samples_options(*, required: bool) -> Callable[[Function], Function]:
    """``--samples --rows --unknown-letters``."""
    remark = "" if required else "  [default: those the checkpoint store holds]"
    samples_option = click.option(
        "--samples", "samples_path", type=FILE, default=None, required=required, metavar="FILE",
        help=f".npy .npz .zarr .h5, numbers as text, or FASTA.{remark}",
    )  # fmt: skip
    return lambda function: samples_option(rows_option(unknown_letters_option(function)))


def labels_options(function: Function) -> Function:
    """``--labels --colors --missing-labels``."""
    function = click.option(
        "--missing-labels", type=click.Choice(["error", "allow"]), default="error", show_default=True,
        help="What to do when a sample has no row in the labels.",
    )(function)  # fmt: skip
    function = click.option(
        "--colors", type=FILE, default=None, metavar="CSV", help="Colours of labels: legend,label,color."
    )(function)
    return click.option(
        "--labels", "labels_path", type=FILE, default=None, metavar="CSV",
        help="A name column and any number of label columns.",
    )(function)  # fmt: skip
