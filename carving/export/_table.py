"""Columns as a CSV file."""

import csv
from collections.abc import Iterable, Sequence
from typing import Any

from carving.export._format import Target, text_target


def cells(values: Any) -> list[Any]:
    """Values as the csv module writes them: floats in full, NaN empty, booleans in lower case."""
    if values.dtype.kind == "b":
        return ["true" if value else "false" for value in values.tolist()]
    if values.dtype.kind == "f":
        return [value if value == value else None for value in values.tolist()]
    return values.tolist()


def write_table(columns: dict[str, Sequence[Any]], target: Target, *, force: bool = False) -> None:
    """Write columns of equal length as CSV, a title above each; text is quoted, numbers are not."""
    with text_target(target, force=force) as file:
        # every text is quoted: a lone carriage return in a name would otherwise end a row for some readers
        table = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        table.writerow(columns)
        rows: Iterable[tuple[Any, ...]] = zip(*columns.values(), strict=True)
        table.writerows(rows)
