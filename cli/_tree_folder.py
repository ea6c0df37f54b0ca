"""The folder that build-tree leaves: the tree itself and every common format of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carving.errors import InvalidInput
from carving_cli._console import Console, jsonable

if TYPE_CHECKING:
    from carving.tree import Tree

FORMATS = ("newick", "nhx", "graphml", "csv", "itol")
"""What build-tree writes besides tree.zarr; the others are a matter of ``carve export``."""


def write(
    tree: "Tree", output: Path, *, branch_length: str, report: bool, force: bool, console: Console
) -> dict[str, Any]:
    """Write the whole folder or nothing of it, with ``report.html`` where that is asked for.

    A format that cannot hold a name or a depth of this tree is left out, with a warning: the tree
    has cost hours, the user has not asked for that format in particular, and tree.zarr holds all.

    Returns
    -------
    dict
        What summary.json says.
    """
    from carving._files import whole_folder
    from carving.export import ExportOptions, formats

    options = ExportOptions(branch_length=branch_length)
    skipped: dict[str, str] = {}
    with whole_folder(output, force=force) as folder:
        tree.save(folder / "tree.zarr")
        for name in FORMATS:
            try:
                formats()[name].write_into(tree, folder, options)
            except InvalidInput as error:
                # the folder has another name until it is whole
                skipped[name] = str(error).replace(str(folder), str(output))
        if report:
            from carving.report import write_report

            with console.progress() as progress:
                write_report(tree, folder / "report.html", progress=progress)
        facts = _facts(tree, output, branch_length, skipped)
        facts["files"] = [*_written(folder), "summary.json"]
        text = json.dumps(jsonable(facts), ensure_ascii=False, indent=2, allow_nan=False)
        (folder / "summary.json").write_text(f"{text}\n", encoding="utf-8")
    for name, reason in skipped.items():
        console.warn(f"{name} was left out: {reason}")
    return facts


def _facts(tree: "Tree", output: Path, branch_length: str, skipped: dict[str, str]) -> dict[str, Any]:
    return {
        "output": str(output),
        **tree.summary(),
        "largest_step": dict(zip(tree.ages.updates.tolist(), tree.ages.largest_step.tolist(), strict=True)),
        "smallest_gap": dict(zip(tree.ages.updates.tolist(), tree.ages.smallest_gap.tolist(), strict=True)),
        "options": {**tree.options, "branch_length": branch_length},
        "provenance": tree.provenance,
        "spent": tree.spent,
        "left_out": skipped,
    }


def _written(folder: Path) -> list[str]:
    """What is in the folder, the store as one entry."""
    top = sorted(path for path in folder.iterdir() if path.name != "itol")
    strips = sorted(folder.glob("itol/*.txt"))
    return [path.relative_to(folder).as_posix() for path in (*top, *strips)]
