"""Samples that somebody wrote down as lists, of numbers or of letters."""

from typing import Any

import numpy as np

from carving.data._letters import UNKNOWN, encode_letters, letter_table
from carving.data._names import checked_names, numbered_names
from carving.data._samples import Samples
from carving.data._values import read_array
from carving.errors import InvalidInput

_DIGITS = "0123456789"


def samples_from_rows(
    rows: Any, names: Any = None, *, alphabet: str | None = None, source: str = "samples"
) -> Samples:
    """Samples of lists of whole numbers, or of aligned sequences as text.

    Parameters
    ----------
    rows
        A list with one entry a sample: a list of whole numbers, or text whose letters are those of the
        alphabet; digits, where there is no alphabet.
    names
        A list of text, no two alike; the numbers of the rows where it is None.
    alphabet
        The letters of the states, in the order of their codes.
    source
        What messages call them.

    Raises
    ------
    InvalidInput
        If they are no samples: of unequal length, of other values, of repeated names.
    """
    if not isinstance(rows, list) or not rows:
        raise InvalidInput(f"{source}: samples: give a list with at least one sample")
    if all(isinstance(row, str) for row in rows):
        values = _from_letters(rows, alphabet, source)
    elif all(isinstance(row, list) for row in rows):
        values = _from_numbers(rows, source)
    else:
        raise InvalidInput(f"{source}: samples: give lists of whole numbers, or sequences as text; not both")
    if names is not None and not isinstance(names, list):
        raise InvalidInput(f"{source}: names: give a list of text")
    own = numbered_names(range(len(rows))) if names is None else checked_names(names, len(rows), source)
    return Samples(values, own, alphabet, source)


def _from_numbers(rows: list[list[Any]], source: str) -> np.ndarray:
    _refuse_unequal(rows, source)
    try:
        values = np.array(rows)
    except (ValueError, OverflowError):
        values = np.array(None)
    if values.ndim != 2 or values.dtype.kind not in "iuf":
        raise InvalidInput(f"{source}: samples: every row must be a list of whole numbers")
    return read_array(values, None, source)[0]


def _from_letters(rows: list[str], alphabet: str | None, source: str) -> np.ndarray:
    _refuse_unequal(rows, source)
    letters = alphabet or _DIGITS
    for number, row in enumerate(rows):
        if not row.isascii():
            raise InvalidInput(
                f"{source}: row {number} holds letters that are not ASCII; give those of {letters}"
            )
    codes = encode_letters("".join(rows), letter_table(letters)).reshape(len(rows), -1)
    strange = np.argwhere(codes == UNKNOWN)
    if len(strange):
        row, column = strange[0].tolist()
        raise InvalidInput(
            f"{source}: row {row}, column {column}: {rows[row][column]!r} is none of the letters {letters}"
        )
    return codes


def _refuse_unequal(rows: list[Any], source: str) -> None:
    width = len(rows[0])
    if not width:
        raise InvalidInput(f"{source}: row 0 is empty; give one value a site")
    for number, row in enumerate(rows):
        if len(row) != width:
            raise InvalidInput(f"{source}: row {number} has {len(row)} entries, but row 0 has {width}")
