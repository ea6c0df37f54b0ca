"""``carve info``: what a store holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carving.errors import InvalidInput
from carving_cli._console import Console
from carving_cli._errors import interruptible, option_errors
from carving_cli._options import FILE, STORE, common_options, force_option

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence


@click.command(name="info")
@click.argument("store", type=STORE)
@click.option(
    "--plot",
    type=FILE,
    default=None,
    metavar="FILE",
    help="Draw what was measured at every checkpoint of a training: .png, .svg or .pdf.",
)
@force_option
@common_options
def command(store: str, plot: Path | None, force: bool) -> None:
    """Say what a checkpoint store or a tree holds.

    STORE is a folder or .zip of checkpoints, or a tree that build-tree wrote.

    \b
    Examples:
      carve info checkpoints/
      carve info checkpoints/ --plot training.png
    """  # fmt: skip
    from carving._files import check_output
    from carving_cli import _loading

    if plot is not None:
        from carving.report import check_picture

        with option_errors("--plot"):
            check_picture(plot)
        check_output(plot, force=force)
    if _loading.kind_of_store(store) == "tree":
        if plot is not None:
            raise InvalidInput(f"{store}: is a tree; --plot draws a training, so name a store of checkpoints")
        values, lines = _tree(store)
    else:
        from carving import open_checkpoints

        run = open_checkpoints(store)
        values, lines = _checkpoints(store, run)
        if plot is not None:
            _draw(run, plot, force=force)
            values["plot"] = str(plot)
            lines.append(f"  drawn in      {plot}")
    Console().summary(values, lines, is_result=True)


def _draw(run: "CheckpointSequence", plot: Path, *, force: bool) -> None:
    from carving.report import draw_training, save_figure

    title = f"{Path(run.path).name}: {len(run)} checkpoints"
    with interruptible("nothing was written"):
        save_figure(draw_training(run, title=title), plot, force=force)


def _checkpoints(store: str, run: "CheckpointSequence") -> tuple[dict[str, Any], list[str]]:
    ages = [int(age) for age in run.ages]
    values: dict[str, Any] = {
        "kind": "checkpoints",
        "path": str(store),
        "checkpoints": len(run),
        "ages": ages,
        "visible_unit": run.visible.name,
        "hidden_unit": run.hidden.name,
        "beta": run.beta,
        "alphabet": run.alphabet,
        "samples": None if run.samples is None else len(run.samples),
        "metrics": sorted(run.metrics),
        "training": run.training,
        "provenance": run.provenance,
        "being_written": run.being_written,
        "fingerprint": run.fingerprint,
    }
    if ages:
        machine = run[-1]
        values |= {"visible_size": machine.visible_size, "hidden_size": machine.hidden_size}
        values["states"] = machine.states
    lines = [f"{store}: a checkpoint store"]
    if ages:
        states = f" of {values['states']} states" if values["states"] else ""
        lines.append(
            f"  machine       {values['visible_size']:,} {run.visible.name} visible units{states}, "
            f"{values['hidden_size']:,} {run.hidden.name} hidden units"
        )
        lines.append(f"  checkpoints   {len(ages)}, at ages {shorten(ages)}")
    else:
        lines.append("  checkpoints   none yet")
    lines.append(f"  samples       {'not kept' if run.samples is None else f'{len(run.samples):,} kept'}")
    if run.alphabet:
        lines.append(f"  alphabet      {run.alphabet}")
    if run.metrics:
        lines.append(f"  metrics       {', '.join(sorted(run.metrics))}")
    for key, value in run.training.items():
        lines.append(f"  {key:<13} {value}")
    if run.being_written:
        lines.append("  being written now: more checkpoints will follow")
    return values, lines


def _tree(store: str) -> tuple[dict[str, Any], list[str]]:
    from carving_cli import _loading

    tree = _loading.load_tree(store)
    values = {"kind": "tree", "path": str(store), **tree.summary(), "options": tree.options}
    values |= {"provenance": tree.provenance, "labels": list(tree.labels)}
    ages = [int(age) for age in tree.ages.updates]
    groups = [int(number) for number in tree.ages.groups]
    unconverged = int(tree.ages.unconverged.sum())
    lines = [
        f"{store}: a tree",
        f"  leaves        {len(tree.leaves.name):,} samples",
        f"  nodes         {len(tree.nodes.name):,}",
        f"  ages          {len(ages)}, from {ages[0]:,} down to {ages[-1]:,}",
        f"  states        {groups[0]} at the oldest age, {groups[-1]} at the youngest",
        f"  unconverged   {unconverged}",
        f"  labels        {', '.join(tree.labels) or 'none'}",
        f"  units         {tree.visible_unit} visible, {tree.hidden_unit} hidden",
    ]
    lines += [f"  {name.replace('_', ' '):<21} {value}" for name, value in tree.options.items()]
    return values, lines


def shorten(numbers: list[int], most: int = 12) -> str:
    """A list of numbers in a line: the first and last few when there are many."""
    shown = [f"{number:,}" for number in numbers]
    if len(shown) > most:
        shown = [*shown[: most // 2], "…", *shown[-most // 2 :]]
    return " ".join(shown)
