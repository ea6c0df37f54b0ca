"""``carve query``: the fixed points of samples in the machine of one age."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from carving_cli import _loading
from carving_cli._console import Console
from carving_cli._errors import interruptible
from carving_cli._options import (
    age_option,
    batch_size_option,
    checkpoints_argument,
    common_options,
    computing_options,
    force_option,
    iteration_option,
    order_option,
    output_option,
    samples_options,
    tolerance_option,
)

if TYPE_CHECKING:
    from carving.data import Samples
    from carving.meanfield import FixedPoints


@click.command(name="query")
@checkpoints_argument
@age_option
@samples_options(required=False)
@output_option("points.npz", "The file to write.")
@order_option
@tolerance_option
@iteration_option
@batch_size_option
@computing_options
@force_option
@common_options
def command(
    checkpoints: str,
    age: int | None,
    samples_path: Path | None,
    rows: slice | None,
    unknown_letters: str,
    output: Path,
    order: int,
    tolerance: float,
    iteration: str,
    batch_size: int | None,
    device: str,
    force: bool,
) -> None:
    """Find the fixed point that each sample flows to at one age.

    The output holds the arrays names, age, visible, hidden, free_energy, error, converged, stable
    and sweeps.

    \b
    Example:
      carve query checkpoints/ --age 8000 --samples genomes.npz -o points.npz
    """  # fmt: skip
    from carving import fixed_points
    from carving._files import check_output

    console = Console()
    check_output(output, force=force)
    run = _loading.load_run(checkpoints)
    age = _loading.chosen_age(run, age)
    machine = run.at_age(age).to(device=device)
    samples = _loading.load_samples(
        samples_path, run, rows=rows, unknown_letters=unknown_letters, source=checkpoints
    )
    with interruptible("nothing was written"), console.progress() as progress:
        points = fixed_points(
            machine,
            samples.values,
            order=order,
            tolerance=tolerance,
            iteration=iteration,
            batch_size=batch_size,
            progress=progress,
        )
        _save(points, samples, age, output, force=force)
    unconverged = int((~points.converged).sum())
    console.summary(
        {"output": str(output), "age": age, "samples": len(samples.values), "unconverged": unconverged,
         "stable": int(points.stable.sum())},
        [
            f"{output}: fixed points of {len(samples.values):,} samples at age {age:,}; "
            f"{unconverged:,} did not converge"
        ],
    )  # fmt: skip


def _save(points: "FixedPoints", samples: "Samples", age: int, output: Path, *, force: bool) -> None:
    import numpy

    from carving._files import whole_file

    columns = {
        name: getattr(points, name).cpu().numpy()
        for name in ("visible", "hidden", "free_energy", "error", "converged", "stable", "sweeps")
    }
    with whole_file(output, force=force) as file:
        # names as fixed-width text: object arrays would need pickle to be read
        numpy.savez(file, names=samples.names.astype(str), age=numpy.int64(age), **columns)
