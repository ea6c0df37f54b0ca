"""``carve export``: a finished tree in further formats."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from carving._files import check_output
from carving.errors import CarvingError
from carving_cli import _loading
from carving_cli._console import Console
from carving_cli._export_options import export_options
from carving_cli._options import FILE, STORE, common_options, force_option
from carving_cli._registry_options import RegistryType, list_option
from carving_cli._reshape_options import Reshape, reshape_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carving.export import ExportOptions, Format
    from carving.tree import Tree


def _formats() -> "Mapping[str, Format]":
    from carving.export import formats

    return formats()


@click.command(name="export")
@click.argument("tree", type=STORE)
@click.option(
    "--format",
    "names",
    type=RegistryType("format", _formats),
    multiple=True,
    required=True,
    help="What to write; may be given several times. --list says what there is.",
)
@list_option(_formats, what="formats", width=10)
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=None,
    metavar="PATH",
    help="A folder, or for one format the file itself, or - for standard output.  "
    "[default: the folder of TREE]",
)
@export_options
@reshape_options
@force_option
@common_options
def command(
    tree: str,
    names: tuple[str, ...],
    output: Path | None,
    options: "ExportOptions",
    reshape: Reshape,
    force: bool,
) -> None:
    """Write a finished tree in other formats.

    \b
    Examples:
      carve export --list
      carve export tree/ --format newick --branch-length log-age -o ages.nwk
      carve export tree/ --format graphml --format csv -o for-cytoscape/
      carve export tree/ --format nexus --color-by population --precision 6 -o tree.nex
      carve export tree/ --format newick --leaves states --rotate size -o states.nwk
    """  # fmt: skip
    from carving.export import formats

    console = Console()
    chosen = [formats()[name] for name in dict.fromkeys(names)]
    if output is None:
        output = Path(_loading.tree_path(tree)).parent
    if str(output) == "-":
        _print(_only_file(chosen), reshape(_loading.load_tree(tree)), options)
        return
    as_file = len(chosen) == 1 and bool(chosen[0].suffix) and bool(output.suffix) and not output.is_dir()
    folder = output.parent if as_file else output
    check_output(folder, force=True)
    if as_file:
        check_output(output, force=force)
    finished = reshape(_loading.load_tree(tree))
    written = _write(chosen, finished, options, output if as_file else None, folder, force=force)
    console.summary({"files": written, "formats": names}, [*written])


def _only_file(chosen: "list[Format]") -> "Format":
    if len(chosen) > 1 or not chosen[0].suffix:
        raise click.UsageError("standard output takes one format that is one file; name a folder with -o")
    return chosen[0]


def _print(format: "Format", tree: "Tree", options: "ExportOptions") -> None:
    with TemporaryDirectory() as staging:
        path = Path(staging) / format.target
        format.write(tree, path, options)
        click.echo(path.read_bytes(), nl=False)


def _write(
    chosen: "list[Format]",
    tree: "Tree",
    options: "ExportOptions",
    file: Path | None,
    folder: Path,
    *,
    force: bool,
) -> list[str]:
    """Write everything beside its place and move it there only when all of it is whole."""
    made = not folder.exists()
    with TemporaryDirectory(prefix=".carve-export.", dir=folder.absolute().parent) as staging:
        try:
            for format in chosen:
                format.write(tree, Path(staging) / (file.name if file else format.target), options)
        except CarvingError as error:
            raise type(error)(str(error).replace(staging, str(folder))) from error
        entries = sorted(Path(staging).iterdir())
        targets = [folder / entry.name for entry in entries]
        for target in targets:
            if not made:
                check_output(target, force=force)
        folder.mkdir(exist_ok=True)
        for entry, target in zip(entries, targets, strict=True):
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(entry, target)
    return [str(target) for target in targets]
