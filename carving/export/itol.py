"""iTOL annotation: one colour strip a label column, with its legend."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from carving._files import whole_folder
from carving.export._format import ExportOptions, Format, refuse
from carving.tree.colors import label_colors

if TYPE_CHECKING:
    from carving.tree import Tree

_SEPARATORS = re.compile(r"[\t\n\r\x00-\x1f]")


def write_itol(tree: "Tree", folder: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write a folder with one ``COLUMN.txt`` a label column, to be dropped on the tree in iTOL.

    Labels without a colour of their own get one (carving.tree.colors): of a palette that can be told apart
    with any colour vision, beyond it evenly spread hues. Leaves whose label is unknown stay blank. A
    character of the column's name that a file name cannot hold is written as ``%`` and its code; the legend
    has the name itself. A tree without labels has no strips, and nothing is written.

    Parameters
    ----------
    tree
        What to write; goes with its Newick.
    folder
        Is made.
    force
        Replace what is there.

    Raises
    ------
    InvalidInput
        If a name, column or label holds a tab or line end, or a leaf's name starts with ``#``, which
        iTOL takes for a comment.
    """
    strips = {column: _strip(tree, column, folder) for column in tree.labels}
    if not strips:
        return
    with whole_folder(folder, force=force) as inside:
        for column, lines in strips.items():
            text = "\n".join(lines) + "\n"
            (inside / f"{_file_name(column)}.txt").write_text(text, encoding="utf-8", newline="\n")


def _strip(tree: "Tree", column: str, folder: str | os.PathLike[str]) -> list[str]:
    values = tree.labels[column].tolist()
    labels = sorted(set(values) - {""})
    for what, texts in (("label column", [column]), ("label", labels), ("name", tree.leaves.name)):
        for text in texts:
            if _SEPARATORS.search(text):
                raise refuse(folder, what, text, "iTOL files cannot hold tabs and line ends", "csv")
    colors = label_colors(values, tree.colors.get(column), distinct=True)
    lines = ["DATASET_COLORSTRIP", "SEPARATOR TAB", f"DATASET_LABEL\t{column}", "COLOR\t#0072b2"]
    if labels:
        lines += [
            f"LEGEND_TITLE\t{column}",
            "\t".join(["LEGEND_SHAPES", *("1" for _ in labels)]),
            "\t".join(["LEGEND_COLORS", *(colors[label] for label in labels)]),
            "\t".join(["LEGEND_LABELS", *labels]),
        ]
    lines.append("DATA")
    for name, label in zip(tree.leaves.name, values, strict=True):
        if label:
            if name.startswith("#"):
                raise refuse(
                    folder, "name", name, "iTOL takes a line that starts with # for a comment", "csv"
                )
            lines.append(f"{name}\t{colors[label]}\t{label}")
    return lines


def _file_name(column: str) -> str:
    """A column's name as a file's: what is no letter, digit, blank or ``-_.`` escaped, and never hidden."""
    safe = "".join(sign if sign.isalnum() or sign in "-_. " else quote(sign, safe="") for sign in column)
    return f"%2E{safe[1:]}" if safe.startswith(".") else safe


def _write(tree: "Tree", target: Path, options: ExportOptions) -> None:
    write_itol(tree, target, force=options.force)


FORMAT = Format(
    name="itol",
    target="itol",
    description="one colour strip a label column, with legend: iTOL",
    write=_write,
)
