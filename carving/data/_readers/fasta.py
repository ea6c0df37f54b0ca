"""FASTA, also gzipped: aligned sequences, each letter the code of its place in the alphabet."""

import numpy as np

from carving.data._letters import UNKNOWN, UnknownLetters, encode_letters, gap_code, letter_table
from carving.data._names import refuse_repeated
from carving.data._opening import existing, looks_like, numbered_lines
from carving.data._readers import Content, Reader, Request
from carving.data._stream import RowPicker
from carving.errors import CorruptStore, InvalidInput


class _Alignment:
    """Takes one record after the other; keeps the codes of the rows asked for."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._table = letter_table(request.alphabet)
        self._gap = gap_code(request.alphabet) if request.unknown_letters == "gap" else None
        self._unknown = UnknownLetters()
        self._codes = bytearray()
        self._width = 0
        self.names: list[str] = []
        self._lines: list[str] = []
        self.picker = RowPicker(request.rows)

    def add(self, header: str, line: int, parts: list[str]) -> None:
        source = self._request.source
        words = header.lstrip(">").split()
        if not words:
            raise InvalidInput(f"{source}: line {line}: the record has no name; write one after the '>'")
        name, letters = words[0], "".join(parts)
        if not letters:
            raise InvalidInput(f"{source}: line {line}: {name!r} has no sequence; the file may be cut short")
        if not letters.isascii():
            wrong = next(letter for letter in letters if not letter.isascii())
            raise InvalidInput(
                f"{source}: {name!r}, line {line}: {wrong!r} is no letter of a sequence; correct it"
            )
        self._width = self._width or len(letters)
        if len(letters) != self._width:
            raise InvalidInput(
                f"{source}: line {line}: {name!r} has {len(letters)} letters, but {self.names[0]!r} has "
                f"{self._width}; align the sequences to one length"
            )
        self.names.append(name)
        self._lines.append(f"line {line}")
        if self.picker.takes_next():
            self._keep(name, letters)

    def _keep(self, name: str, letters: str) -> None:
        codes = encode_letters(letters, self._table)
        if self._gap is None:
            self._unknown.add(name, letters, codes)
        else:
            codes[codes == UNKNOWN] = self._gap
        self._codes += codes.tobytes()

    def content(self) -> Content:
        source, alphabet = self._request.source, self._request.alphabet
        rows = self.picker.rows(source)
        refuse_repeated(self.names, self._lines, source)
        if self._unknown:
            raise InvalidInput(self._unknown.message(source, alphabet))
        values = np.frombuffer(self._codes, dtype=np.uint8).reshape(-1, self._width)
        return Content(values, rows, len(self.names), self.names, alphabet)


def _read(request: Request) -> Content:
    path = existing(request.path)
    alignment = _Alignment(request)
    header, header_line, parts = "", 0, []
    for number, line in numbered_lines(path):
        text = line.strip()
        if text.startswith(">"):
            if header:
                alignment.add(header, header_line, parts)
            if alignment.picker.finished:
                return alignment.content()
            header, header_line, parts = text, number, []
        elif text and not header:
            raise CorruptStore(
                f"{path}: line {number}: does not begin with '>', so it is not FASTA but {looks_like(path)}; "
                "name the file by its kind"
            )
        elif text:
            parts.append("".join(text.split()))
    if header:
        alignment.add(header, header_line, parts)
    return alignment.content()


READER = Reader(
    "FASTA", (".fasta", ".fa", ".faa", ".fas", ".fna", ".afa", ".mfa", ".aln"), _read, packed=True
)
