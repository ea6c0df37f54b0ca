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
    tree: "Tree", output: Path, *, branch_length: str, force: bool, console: Console
) -> dict[str, Any]:
    """Write the whole folder or nothing of it.

    A format that cannot hold a name or a depth of this tree is left out, with a warning: the tree
    has cost hours, the user has not asked for that format in particular, and tree.zarr holds all.

    Returns
    -------
    dict
        What summary.json says.
    """
    from carving._files import whole_folder

    skipped: dict[str, str] = {}
    with whole_folder(output, force=force) as folder:
        tree.save(folder / "tree.zarr")
        for name in FORMATS:
            try:
                export(tree, name, folder, branch_length=branch_length)
            except InvalidInput as error:
                skipped[name] = str(error)
        facts = _facts(tree, output, skipped, branch_length)
        facts["files"] = sorted(_shown(path, folder) for path in _files(folder)) + ["summary.json"]
        text = json.dumps(jsonable(facts), ensure_ascii=False, indent=2, allow_nan=False)
        (folder / "summary.json").write_text(f"{text}\n", encoding="utf-8")
    for name, reason in skipped.items():
        console.warn(f"{output}: the {name} files were left out: {reason}")
    return facts
