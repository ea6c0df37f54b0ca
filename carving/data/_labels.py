"""Labels of samples and their colours, from CSV files."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from carving.data._names import as_text, refuse_repeated
from carving.data._tables import Table, read_table
from carving.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of samples, aligned to their names.

    Attributes
    ----------
    columns
        For each label column its name and (n,) strings, ``""`` where the label is unknown.
    colors
        For some columns, the colour ``#RRGGBB`` of each label.
    unmatched_rows
        How many rows of the file are about names that no sample has.
    source
        Where they come from, for messages.
    """

    columns: dict[str, np.ndarray]
    colors: dict[str, dict[str, str]] = field(default_factory=dict)
    unmatched_rows: int = 0
    source: str = "labels"

    def __repr__(self) -> str:
        parts = [
            f"{name}: {len(set(column.tolist()) - {''})} labels, {np.count_nonzero(column == '')} unknown"
            for name, column in self.columns.items()
        ]
        return f"Labels({'; '.join(parts)}, from {self.source})"


def read_labels(
    path: str | os.PathLike[str],
    names: Iterable[str],
    *,
    missing: str = "error",
    colors: str | os.PathLike[str] | None = None,
) -> Labels:
    """Read labels from a CSV file: a column of names (``name``, or else the first), and others of labels.

    Parameters
    ----------
    path
        The file. An empty cell is an unknown label; rows about other names are counted.
    names
        The samples' names, in the order that the labels shall have.
    missing
        What to do about samples without a row: ``"error"``, or ``"allow"`` (all their labels unknown).
    colors
        A CSV file with the columns ``legend`` (a label column), ``label``, ``color`` (``#RRGGBB``).

    Returns
    -------
    Labels

    Raises
    ------
    MissingFile, CorruptStore
        If a file is not there, or damaged.
    InvalidInput
        If a sample has no row, a name is empty or repeated, or a file is not CSV as described.
    """
    if missing not in ("error", "allow"):
        raise InvalidInput(f"missing {missing!r}: is not an option; use 'error' or 'allow'")
    table = read_table(path)
    name_column = "name" if "name" in table.header else table.header[0]
    label_columns = [column for column in table.header if column != name_column]
    _check_header(table, name_column, label_columns)
    row_of = _rows_by_name(table, name_column)
    wanted = [str(name) for name in names]
    found = [row_of.get(name) for name in wanted]
    if missing == "error":
        _refuse_missing(wanted, found, table.source)
    columns = {}
    for column in label_columns:
        cells = table.column(column)
        columns[column] = as_text("" if row is None else _label(cells[row]) for row in found)
    known = set(wanted)
    unmatched = sum(name not in known for name in row_of)
    legends = {} if colors is None else _read_colors(colors, label_columns, table.source)
    return Labels(columns, legends, unmatched, table.source)


def _label(cell: str) -> str:
    return cell if cell.strip() else ""


def _check_header(table: Table, name_column: str, label_columns: Sequence[str]) -> None:
    if not label_columns:
        sign = next((sign for sign in (";", "\t") if sign in name_column), None)
        remedy = "separate the columns by commas" if sign else "add a column of labels"
        raise InvalidInput(f"{table.source}: has the single column {name_column!r}; {remedy}")
    for column in label_columns:
        if not column.strip():
            raise InvalidInput(
                f"{table.source}: a column of labels has no name; write one into the first line"
            )


def _rows_by_name(table: Table, name_column: str) -> dict[str, int]:
    names = table.column(name_column)
    for name, line in zip(names, table.lines, strict=True):
        if not name:
            raise InvalidInput(
                f"{table.source}: line {line}: the name is empty; write whose labels these are"
            )
    refuse_repeated(names, [f"line {line}" for line in table.lines], table.source)
    return {name: row for row, name in enumerate(names)}


def _refuse_missing(names: Sequence[str], found: Sequence[int | None], source: str) -> None:
    lacking = [name for name, row in zip(names, found, strict=True) if row is None]
    if not lacking:
        return
    raise InvalidInput(
        f"{source}: {len(lacking)} of {len(names)} samples have no row, the first is {lacking[0]!r}; add "
        "them, or take their labels as unknown with --missing-labels allow"
    )


def _read_colors(
    path: str | os.PathLike[str], label_columns: Sequence[str], labels_source: str
) -> dict[str, dict[str, str]]:
    table = read_table(path)
    absent = [column for column in ("legend", "label", "color") if column not in table.header]
    if absent:
        raise InvalidInput(
            f"{table.source}: has no column {absent[0]!r}; colours need the header legend,label,color"
        )
    legends: dict[str, dict[str, str]] = {}
    entries = zip(*(table.column(name) for name in ("legend", "label", "color")), table.lines, strict=True)
    for legend, label, color, line in entries:
        place = f"{table.source}: line {line}"
        if legend not in label_columns:
            raise InvalidInput(
                f"{place}: {legend!r} is no column of labels in {labels_source}, which has "
                f"{', '.join(label_columns)}; correct the legend"
            )
        of_legend = legends.setdefault(legend, {})
        if label in of_legend:
            raise InvalidInput(f"{place}: {label!r} of {legend!r} has a colour already; keep one")
        of_legend[label] = _color(color, place)
    return legends


def _color(text: str, place: str) -> str:
    """``#RRGGBB``, from that or its short form ``#RGB``."""
    if re.fullmatch("#[0-9a-fA-F]{6}", text):
        return text
    if re.fullmatch("#[0-9a-fA-F]{3}", text):
        return "#" + "".join(2 * digit for digit in text[1:])
    raise InvalidInput(f"{place}: {text!r} is not a colour; write it as #RRGGBB, for example #0094FF")
