"""CSV files: a header and rows as wide as it, each with the number of its line."""

import csv
import os
from dataclasses import dataclass

from carving.data._opening import existing, numbered_lines, one_line
from carving.errors import InvalidInput


@dataclass(frozen=True)
class Table:
    """A CSV file as text.

    Attributes
    ----------
    header
        Names of the columns.
    rows
        Cells, as many a row as columns.
    lines
        The number of the line at which each row ends, from 1.
    source
        What messages call the file.
    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    source: str

    def column(self, name: str) -> list[str]:
        """The cells of one column."""
        index = self.header.index(name)
        return [row[index] for row in self.rows]


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a CSV file (``.tsv``: separated by tabs), also gzipped; blank lines are passed over.

    Raises
    ------
    InvalidInput
        If it has no rows, a row of another width than the header, or quotes that do not close.
    """
    file = existing(path)
    source = str(file)
    tabs = file.name.lower().removesuffix(".gz").endswith((".tsv", ".tab"))
    lines = (line for _, line in numbered_lines(file))
    reader = csv.reader(lines, delimiter="\t" if tabs else ",", strict=True)
    rows: list[list[str]] = []
    numbers: list[int] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
                numbers.append(reader.line_num)
    except csv.Error as error:
        raise InvalidInput(
            f"{source}: line {reader.line_num}: is not CSV ({one_line(error)}); check the quotes there"
        ) from error
    if not rows:
        raise InvalidInput(f"{source}: holds no header; write the names of the columns into the first line")
    _check_width(rows, numbers, source)
    return Table(rows[0], rows[1:], numbers[1:], source)


def _check_width(rows: list[list[str]], numbers: list[int], source: str) -> None:
    header = rows[0]
    for name in header:
        if header.count(name) > 1:
            raise InvalidInput(
                f"{source}: line {numbers[0]}: two columns are called {name!r}; rename one of them"
            )
    for row, number in zip(rows, numbers, strict=True):
        if len(row) != len(header):
            raise InvalidInput(
                f"{source}: line {number}: has {len(row)} cells, but the header has {len(header)}; "
                "quote cells that hold a comma"
            )
