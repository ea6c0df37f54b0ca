"""``carve sample``: samples drawn from the machine of one age."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from carving.errors import InvalidInput
from carving_cli import _loading
from carving_cli._console import Console
from carving_cli._errors import interruptible
from carving_cli._options import (
    age_option,
    checkpoints_argument,
    common_options,
    computing_options,
    force_option,
    output_option,
    samples_options,
    seed_option,
)

if TYPE_CHECKING:
    from carving._progress import Progress
    from carving.checkpoints import CheckpointSequence
    from carving.data import Samples


class ClampType(click.ParamType):
    """``SITE=VALUE``: the number of a site, and a number or a letter."""

    name = "SITE=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str]:
        """Check the spelling; what values there are is known when the checkpoints are."""
        found = re.fullmatch(r"([0-9]{1,9})=(\S+)", value)
        if found is None:
            self.fail(
                f"{value!r} is not SITE=VALUE; write for example 12=1, or 12=A for a letter", param, ctx
            )
        return int(found[1]), found[2]


@click.command(name="sample")
@checkpoints_argument
@click.option(
    "-n", "--count", type=click.IntRange(min=1), required=True, metavar="N", help="How many samples."
)
@age_option
@click.option(
    "--start",
    type=click.Choice(["data", "random", "tempering", "trajectory"]),
    default=None,
    help="Where chains come from: rows of the samples, independent sites, or swaps with the machine at "
    "higher temperatures or at younger ages.  [default: data where there are samples, else random]",
)
@samples_options(required=False)
@click.option(
    "--steps",
    type=click.IntRange(min=0),
    metavar="N",
    default=1000,
    show_default=True,
    help="Gibbs steps of every chain.",
)
@click.option(
    "--clamp",
    "clamped",
    type=ClampType(),
    multiple=True,
    help="A site that keeps a value, counted from 0; the others are drawn given it. Repeatable.",
)
@click.option(
    "--arithmetic",
    type=click.Choice(["fastest", "plain", "integer"]),
    default="fastest",
    show_default=True,
    help="How Gibbs steps are made: integer rounds probabilities by some 1e-5.",
)
@seed_option
@output_option("sampled.npz", "The file to write: .npy, .npz, .csv, or .fasta for sequences.")
@computing_options
@force_option
@common_options
def command(
    checkpoints: str,
    count: int,
    age: int | None,
    start: str | None,
    samples_path: Path | None,
    rows: slice | None,
    unknown_letters: str,
    steps: int,
    clamped: tuple[tuple[int, str], ...],
    arithmetic: str,
    seed: int,
    output: Path,
    device: str,
    force: bool,
) -> None:
    """Draw samples from the machine of one age.

    Every sample is the end of a Markov chain of its own. A machine that has learned separate states
    holds chains in the state that they start in; tempering and trajectory bring them across.

    The output can be given to every command that takes samples.

    \b
    Examples:
      carve sample checkpoints/ -n 1000
      carve sample checkpoints/ -n 500 --start trajectory -o drawn.fasta
      carve sample checkpoints/ -n 100 --clamp 12=1 --clamp 40=0 -o given.csv
    """  # fmt: skip
    from carving import sample
    from carving._files import check_output

    console = Console()
    write = _writer(output)
    check_output(output, force=force)
    if start not in (None, "data") and (samples_path is not None or rows is not None):
        raise click.UsageError(f"--samples and --rows are for --start data, not {start}; leave them out")
    run = _loading.load_run(checkpoints)
    age = _loading.chosen_age(run, age)
    if write is _write_fasta and run.alphabet is None:
        raise InvalidInput(
            f"{output}: {checkpoints} has no alphabet to write sequences with; write .npz, .npy or .csv"
        )
    known = _known(clamped, run)
    given = None
    if start == "data" or (start is None and (samples_path is not None or run.samples is not None)):
        start = "data"
        given = _loading.load_samples(
            samples_path, run, rows=rows, unknown_letters=unknown_letters, source=checkpoints
        )
    elif rows is not None:
        raise InvalidInput(f"{checkpoints}: holds no samples; name the file that does with --samples FILE")
    start = start or "random"
    told: list[str] = []
    with interruptible("nothing was written"), console.progress() as progress:

        def report(now: "Progress") -> None:
            told[:] = [now.message] if now.message else []
            progress(now)

        drawn = sample(
            run,
            count,
            age=age,
            start=start,
            samples=given,
            steps=steps,
            clamp=known or None,
            arithmetic=arithmetic,
            seed=seed,
            device=device,
            progress=report,
        )
        _save(write, drawn, age, output, force=force)
    console.summary(
        {"output": str(output), "age": age, "samples": count, "start": start, "steps": steps,
         "clamped": len(known), "seed": seed},
        [
            f"{output}: {count:,} samples of the machine at age {age:,}, {steps:,} Gibbs steps from "
            f"{_origin(start, given)}",
            *(f"  {line}" for line in told),
        ],
    )  # fmt: skip


def _origin(start: str, given: "Samples | None") -> str:
    return f"{len(given):,} rows of {given.source}" if given is not None else start


def _known(clamped: tuple[tuple[int, str], ...], run: "CheckpointSequence") -> dict[int, int]:
    """Values of the clamped sites; letters as their codes."""
    known: dict[int, int] = {}
    for site, text in clamped:
        if site in known:
            raise click.BadOptionUsage(
                "--clamp", f"--clamp: site {site} is named twice; give it one value, or leave it free"
            )
        if run.alphabet is not None:
            code = run.alphabet.find(text if text in run.alphabet else text.upper())
            if len(text) != 1 or code < 0:
                raise click.BadOptionUsage(
                    "--clamp", f"--clamp: site {site}: {text!r} is no letter of the alphabet {run.alphabet}"
                )
            known[site] = code
        elif re.fullmatch(r"[+-]?[0-9]{1,9}", text):
            known[site] = int(text)
        else:
            raise click.BadOptionUsage(
                "--clamp",
                f"--clamp: site {site}: {text!r} is no value of {run.visible.name} units; give a number",
            )
    return known


def _write_npy(file: IO[Any], drawn: "Samples", age: int) -> None:
    import numpy

    numpy.save(file, drawn.values)


def _write_npz(file: IO[Any], drawn: "Samples", age: int) -> None:
    import numpy

    # names as fixed-width text: object arrays would need pickle to be read
    numpy.savez(file, samples=drawn.values, names=drawn.names.astype(str), age=numpy.int64(age))


def _write_csv(file: IO[Any], drawn: "Samples", age: int) -> None:
    import numpy

    numpy.savetxt(file, drawn.values, fmt="%d", delimiter=",")


def _write_fasta(file: IO[Any], drawn: "Samples", age: int) -> None:
    import numpy

    letters = numpy.frombuffer(str(drawn.alphabet).encode("ascii"), dtype=numpy.uint8)
    for name, row in zip(drawn.names, drawn.values, strict=True):
        file.write(f">{name}\n".encode() + letters[row].tobytes() + b"\n")


Writer = Callable[[IO[Any], "Samples", int], None]

_WRITERS: dict[str, Writer] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".csv": _write_csv,
    ".fasta": _write_fasta,
    ".fa": _write_fasta,
}


def _writer(output: Path) -> Writer:
    if output.suffix.lower() not in _WRITERS:
        raise click.BadOptionUsage(
            "--output",
            f"--output: {output}: its name does not say what kind of file it is; let it end in one of "
            f"{' '.join(_WRITERS)}",
        )
    return _WRITERS[output.suffix.lower()]


def _save(write: Writer, drawn: "Samples", age: int, output: Path, *, force: bool) -> None:
    from carving._files import whole_file

    with whole_file(output, force=force) as file:
        write(file, drawn, age)
