"""``carve demo``: handwritten digits, from training to a tree, its picture and its report."""

import csv
import json
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carving_cli._console import Console
from carving_cli._errors import interruptible
from carving_cli._options import (
    common_options,
    force_option,
    output_option,
    seed_option,
    small_computing_options,
)
from carving_cli._outputs import check_folder
from carving_cli._progress import duration

if TYPE_CHECKING:
    from carving.tree import Tree

IMAGE_SHAPE = (8, 8)
TITLE = "A family tree of handwritten digits"
# of 16 levels of grey
INK_FROM = 8
# found by trial: all ten digits learn to differ, in some twenty seconds on two cores
TRAINING = "--hidden 200 --updates 8000 --k 5 --chains 250 --batch-size 250 --save exponential:40"


@click.command(name="demo")
@output_option("demo", "The folder to write.")
@seed_option
@small_computing_options
@force_option
@common_options
def command(output: Path, seed: int, device: str, force: bool) -> None:
    """Grow a tree of handwritten digits, from training to a report, in about a minute.

    Every step says what it does, and which command does the same for your own data.

    \b
    Example:
      carve demo -o demo/
    """
    console = Console()
    check_folder(output, force=force, mark="tree.png")
    started = time.monotonic()
    with interruptible("nothing was kept; start again with the same command"), _whole(output):
        _make_data(output, console)
        _train(output, seed, device, console)
        tree, level = _build_tree(output, device, console)
        _draw(tree, output, console)
        _report(tree, output, console)
    seconds = time.monotonic() - started
    facts: dict[str, Any] = json.loads((output / "tree" / "summary.json").read_text(encoding="utf-8"))
    facts |= {"output": str(output), "best_level": level, "seconds": round(seconds, 3)}
    console.summary(facts, [f"Done in {duration(seconds)}. What next", *_what_next(output)])


@contextmanager
def _whole(output: Path) -> Iterator[None]:
    """A new folder at ``output``; if the block fails, what was there before is back, or nothing."""
    old = output.with_name(f".{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    try:
        output.mkdir()
        yield
    except BaseException:
        shutil.rmtree(output, ignore_errors=True)
        if old.exists():
            old.rename(output)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _tell(console: Console, title: str, text: str) -> None:
    console.say("")
    console.say(title)
    console.say(click.wrap_text(text, width=88, initial_indent="   ", subsequent_indent="   "))


def _run(arguments: list[str], *, quietly: list[str]) -> None:
    """Run another carve command as part of this one, after having said which."""
    import torch

    from carving_cli.main import carve

    parent = click.get_current_context()
    arguments = [*arguments, "--threads", str(torch.get_num_threads())]
    Console().say(f"   $ carve {shlex.join(arguments)}")
    name, *rest = arguments
    part = carve.get_command(parent, name)
    assert part is not None
    with part.make_context(name, [*rest, *quietly], parent=parent) as context:
        context.meta["carving_cli.part"] = True
        try:
            part.invoke(context)
        finally:
            context.meta["carving_cli.part"] = False


def _make_data(output: Path, console: Console) -> None:
    import numpy
    from sklearn.datasets import load_digits

    levels, digits = load_digits(return_X_y=True)
    samples = (numpy.asarray(levels) >= INK_FROM).astype(numpy.uint8)
    _tell(
        console, "1. Data",
        f"{len(samples):,} handwritten digits of 8 x 8 pixels, each black or white: {output}/samples.npz. "
        f"Which digit each one is stands in {output}/labels.csv, for colours only: nothing below learns "
        "from it.",
    )  # fmt: skip
    names = [str(number) for number in range(len(samples))]
    numpy.savez_compressed(output / "samples.npz", samples=samples, names=numpy.array(names))
    with open(output / "labels.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "digit"])
        writer.writerows(zip(names, numpy.asarray(digits).tolist(), strict=True))


def _train(output: Path, seed: int, device: str, console: Console) -> None:
    _tell(
        console, "2. Training",
        "A restricted Boltzmann machine learns what digits look like: at first roughly, then more and more "
        f"finely. On the way it is saved at many ages (an age is a number of updates): {output}/checkpoints.",
    )  # fmt: skip
    arguments = ["train", f"{output}/samples.npz", f"{output}/checkpoints", *TRAINING.split()]
    arguments += ["--seed", str(seed)] if seed else []
    _run(arguments, quietly=["--device", device])


def _build_tree(output: Path, device: str, console: Console) -> "tuple[Tree, dict[str, Any]]":
    from carving import load_tree

    _tell(
        console, "3. Tree",
        "In the oldest machine every digit flows into a state: a typical digit that the machine knows. In "
        "younger machines states merge, since those cannot yet tell them apart, until one is left. The "
        f"merges are the tree: {output}/tree.",
    )  # fmt: skip
    arguments = ["build-tree", f"{output}/checkpoints", "--labels", f"{output}/labels.csv"]
    _run([*arguments, "-o", f"{output}/tree"], quietly=["--device", device])
    tree = load_tree(output / "tree")
    level = _best_level(tree)
    unconverged = int(tree.ages.unconverged.sum())
    _tell(
        console, "   Found",
        f"{tree.ages.groups[0]} states at the oldest age; {unconverged} fixed points did not converge. "
        f"Nobody told the machine of digits, yet its {level['groups']} groups at age {level['age']:,} agree "
        f"with them: adjusted mutual information {level['adjusted_mutual_information']:.2f}, where chance "
        "gives 0 and perfect agreement 1.",
    )  # fmt: skip
    return tree, level


def _best_level(tree: "Tree") -> dict[str, Any]:
    """The age whose groups agree best with the digits."""
    import numpy

    from carving.statistics import agreement

    found = agreement(tree, "digit", generator=numpy.random.default_rng(0))
    return {
        "age": int(found.age[found.best]),
        "groups": int(found.groups[found.best]),
        "adjusted_mutual_information": round(float(found.score[found.best]), 4),
    }


def _draw(tree: "Tree", output: Path, console: Console) -> None:
    from carving.report import draw_tree, save_figure

    _tell(
        console, "4. Picture",
        f"{output}/tree.png shows it: the youngest machine at the left, states of the oldest at the right, "
        "branches as thick as there are digits in them.",
    )  # fmt: skip
    figure = draw_tree(tree, column="digit", image_shape=IMAGE_SHAPE, title=TITLE)
    save_figure(figure, output / "tree.png")


def _report(tree: "Tree", output: Path, console: Console) -> None:
    from carving.report import write_report

    _tell(
        console, "5. Report",
        f"{output}/report.html is a page to click through, to search and to send to a colleague: the tree "
        "with its states as images, a slider for the age, what the groups have to do with the digits.",
    )  # fmt: skip
    rows, columns = IMAGE_SHAPE
    shown = ["report", f"{output}/tree", "--image", f"{rows}x{columns}", "--title", TITLE]
    console.say(f"   $ carve {shlex.join([*shown, '-o', f'{output}/report.html'])}")
    with console.progress() as progress:
        write_report(tree, output / "report.html", image_shape=IMAGE_SHAPE, title=TITLE, progress=progress)


def _what_next(output: Path) -> list[str]:
    tree, checkpoints = f"{output}/tree", f"{output}/checkpoints"
    commands = [
        (f"carve serve {output} --open", "the tree as a live page: place samples, build trees"),
        (f"carve info {tree}", "what the tree holds"),
        (
            f"carve build-tree {checkpoints} --labels {output}/labels.csv --order 1 -o {output}/naive",
            "by a cruder theory, to compare",
        ),
        (
            f"carve export {tree} --format newick --branch-length log-age -o {output}/ages.nwk",
            "other branches",
        ),
        (
            f"carve place {tree} {checkpoints} --samples {output}/samples.npz --rows :9 "
            f"-o {output}/placed.csv",
            "where samples belong",
        ),
    ]
    return [
        *(f"  {line}    # {purpose}" for line, purpose in commands),
        f"  open {output}/report.html in a browser; {tree}/tree.nwk opens in FigTree and iTOL",
        "  and with your own data:  carve train SAMPLES checkpoints/  then  carve build-tree checkpoints/",
    ]
