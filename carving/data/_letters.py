"""Letters of sequences as codes: position in the alphabet."""

from collections import Counter

import numpy as np

from carving.errors import InvalidInput

PROTEIN_ALPHABET = "-ACDEFGHIKLMNPQRSTVWY"

UNKNOWN = 255


def letter_table(alphabet: str) -> np.ndarray:
    """The code of every byte: position in ``alphabet``, or ``UNKNOWN``.

    Lower case is read as upper, and ``.`` as ``-``, unless the alphabet itself tells them apart.

    Raises
    ------
    InvalidInput
        If the alphabet has fewer than two letters, one of them twice, or one that no sequence can hold.
    """
    if not isinstance(alphabet, str) or len(alphabet) < 2:
        raise InvalidInput(f"alphabet {alphabet!r}: needs at least two letters, such as {PROTEIN_ALPHABET}")
    repeated = [letter for letter, count in Counter(alphabet).items() if count > 1]
    if repeated:
        raise InvalidInput(f"alphabet {alphabet!r}: {repeated[0]!r} is there twice; name each letter once")
    for letter in alphabet:
        if not "!" <= letter <= "~" or letter == ">":
            raise InvalidInput(
                f"alphabet {alphabet!r}: {letter!r} cannot stand in a sequence; use visible ASCII letters"
            )
    table = np.full(256, UNKNOWN, dtype=np.uint8)
    codes = {letter: code for code, letter in enumerate(alphabet)}
    for letter, code in codes.items():
        others = {letter.lower(), letter.upper()} | ({"."} if letter == "-" else set())
        for other in {letter} | (others - set(codes)):
            table[ord(other)] = code
    return table


def gap_code(alphabet: str) -> int:
    """The code of ``-``, for letters that shall be read as gaps."""
    if "-" not in alphabet:
        raise InvalidInput(
            f"alphabet {alphabet!r}: has no gap '-', so that unknown letters cannot be read as one; "
            "add it or correct the letters"
        )
    return alphabet.index("-")


def encode_letters(letters: str, table: np.ndarray) -> np.ndarray:
    """Codes of ASCII letters, ``UNKNOWN`` where the alphabet lacks one."""
    return table[np.frombuffer(letters.encode("ascii"), dtype=np.uint8)]


class UnknownLetters:
    """Counts letters outside the alphabet and remembers where the first was."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first = ""

    def __bool__(self) -> bool:
        return bool(self._counts)

    def add(self, name: str, letters: str, codes: np.ndarray) -> None:
        """Count those of one record."""
        columns = np.flatnonzero(codes == UNKNOWN)
        if len(columns) == 0:
            return
        if not self._first:
            self._first = f"{letters[columns[0]]!r} in {name!r}, column {columns[0] + 1}"
        self._counts.update(letters[column] for column in columns)

    def message(self, source: str, alphabet: str) -> str:
        """One line that says how many, which, where first, and what to do."""
        kinds = ", ".join(f"{letter} {count}" for letter, count in sorted(self._counts.items()))
        return (
            f"{source}: {self._first} (from 1) is outside the alphabet {alphabet}; "
            f"{self._counts.total()} such letters in all ({kinds}); correct them, or read them as gaps with "
            "--unknown-letters gap"
        )
