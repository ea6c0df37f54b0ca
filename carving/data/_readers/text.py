"""Numbers as text, also gzipped: a line a sample, separated by blanks, commas, semicolons or tabs."""

import csv

import numpy as np

from carving.data._opening import existing, looks_like, numbered_lines
from carving.data._readers import Content, Reader, Request
from carving.data._stream import RowPicker
from carving.data._values import Collector
from carving.errors import CorruptStore, InvalidInput

_BLOCK_LINES = 512


class _Table:
    """Takes lines, turns blocks of them into numbers, and knows where each came from."""

    def __init__(self, request: Request) -> None:
        self._source = request.source
        self._collector = Collector(request.source)
        self._delimiter: str | None = None
        self._width = 0
        self._numbers: list[int] = []
        self._lines: list[str] = []
        self._first_line = 0

    def add(self, number: int, line: str) -> None:
        if not self._width:
            self._delimiter = next((sign for sign in ",;\t" if sign in line), None)
            self._width = len(_fields(line, self._delimiter))
            self._first_line = number
        self._numbers.append(number)
        self._lines.append(line)
        if len(self._lines) == _BLOCK_LINES:
            self._convert()

    def _convert(self) -> None:
        try:
            block = np.loadtxt(
                self._lines,
                delimiter=self._delimiter,
                quotechar='"',
                comments=None,
                ndmin=2,
                dtype=np.float64,
            )
        except ValueError:
            block = None
        if block is None or block.shape != (len(self._lines), self._width):
            # numpy does not say where in the file; go through the lines again, slowly
            block = np.array(
                [self._numbers_of(*both) for both in zip(self._numbers, self._lines, strict=True)]
            )
        numbers = self._numbers
        self._collector.add(block, lambda row, column: f"line {numbers[row]}, field {column + 1}")
        self._numbers, self._lines = [], []

    def _numbers_of(self, number: int, line: str) -> list[float]:
        fields = _fields(line, self._delimiter)
        if len(fields) != self._width:
            raise InvalidInput(
                f"{self._source}: line {number}: has {len(fields)} numbers, but line {self._first_line} has "
                f"{self._width}; every sample needs the same number of sites"
            )
        values = []
        for column, field in enumerate(fields, 1):
            try:
                values.append(float(field))
            except ValueError:
                raise InvalidInput(
                    f"{self._source}: line {number}, field {column}: {field[:40]!r} is not a number; text "
                    "samples hold numbers only, without a header or names (for those use .npz)"
                ) from None
        return values

    def values(self) -> np.ndarray:
        if self._lines:
            self._convert()
        return self._collector.values()


def _fields(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:  # a field of more than 131,072 characters, which is no number
        return line.split(delimiter)


def _read(request: Request) -> Content:
    path = existing(request.path)
    table, picker = _Table(request), RowPicker(request.rows)
    for number, line in numbered_lines(path):
        text = line.strip("\r\n ")
        # a page break is a blank line too; but tabs stand between numbers, which are missing here
        if not text or text.startswith("#") or (text.isspace() and "\t" not in text):
            continue
        if "\0" in text:
            raise CorruptStore(
                f"{path}: line {number}: holds null characters, so it is not text but {looks_like(path)}; "
                "name the file by its kind"
            )
        if picker.takes_next():
            table.add(number, text)
        if picker.finished:
            break
    rows = picker.rows(request.source)
    return Content(table.values(), rows, picker.seen)


READER = Reader("text", (".txt", ".csv", ".tsv", ".dat"), _read, packed=True)
