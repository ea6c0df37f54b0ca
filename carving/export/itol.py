"""iTOL annotation: one colour strip a label column, with its legend."""

import colorsys
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from carving._files import whole_folder
from carving.export._format import ExportOptions, Format, refuse

if TYPE_CHECKING:
    from carving.tree import Tree

# Okabe and Ito, without black: told apart with any colour vision
PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
_SEPARATORS = re.compile(r"[\t\n\r\x00-\x1f]")
_GOLDEN = 0.6180339887498949


def write_itol(tree: "Tree", folder: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write a folder with one ``COLUMN.txt`` a label column, to be dropped on the tree in iTOL.

    Labels without a colour of their own get one: of a palette of seven that can be told apart with any
    colour vision, beyond them evenly spread hues. Leaves whose label is unknown stay blank. A character
    of the column's name that a file name cannot hold is written as ``%`` and its code; the legend has
    the name itself. A tree without labels has no strips, and nothing is written.

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


def label_colors(labels: list[str], colors: dict[str, str]) -> dict[str, str]:
    """A colour for every label: its own, or the next of the palette that no label has."""
    used = {color.lower() for color in colors.values()}
    free = [color for color in PALETTE if color not in used]
    result: dict[str, str] = {}
    invented = 0
    for label in labels:
        if label in colors:
            result[label] = colors[label]
        elif free:
            result[label] = free.pop(0)
        else:
            red, green, blue = colorsys.hls_to_rgb(invented * _GOLDEN % 1, 0.35 + 0.1 * (invented % 4), 0.6)
            result[label] = f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
            invented += 1
    return result


def _strip(tree: "Tree", column: str, folder: str | os.PathLike[str]) -> list[str]:
    values = tree.labels[column].tolist()
    labels = sorted(set(values) - {""})
    for what, texts in (("label column", [column]), ("label", labels), ("name", tree.leaves.name)):
        for text in texts:
            if _SEPARATORS.search(text):
                raise refuse(folder, what, text, "iTOL files cannot hold tabs and line ends", "csv")
    colors = label_colors(labels, tree.colors.get(column, {}))
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
