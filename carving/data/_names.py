"""Names of samples: text, one a sample, none empty and no two alike."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from carving.errors import InvalidInput


def numbered_names(rows: Iterable[int]) -> np.ndarray:
    """The names of samples whose file has none: the numbers of their rows, from 0."""
    return as_text(str(row) for row in rows)


def as_text(names: Iterable[str]) -> np.ndarray:
    """An array of Python strings, of any length."""
    together = list(names)
    array = np.empty(len(together), dtype=object)
    array[:] = together
    return array


def checked_names(names: Any, count: int, source: str) -> np.ndarray:
    """Names as a file holds them (text, bytes or whole numbers) as text, after checking them.

    Raises
    ------
    InvalidInput
        If there are not as many as samples, or one is empty, not text, or there twice.
    """
    # a list stays one: as an array of numpy its strings would lose null characters at their ends
    array = as_text(names) if isinstance(names, list) else np.asarray(names)
    refuse_other_count(array.shape, count, source)
    text = [_text(name, row, source) for row, name in enumerate(array.tolist())]
    refuse_repeated(text, [f"row {row}" for row in range(count)], source)
    return as_text(text)


def refuse_other_count(shape: tuple[int, ...], count: int, source: str) -> None:
    """Raise unless names of this shape are one a sample; before reading them, where they may be many."""
    if shape != (count,):
        raise InvalidInput(
            f"{source}: there are {count} samples, but names of shape {tuple(shape)}; give one name a sample"
        )


def _text(name: object, row: int, source: str) -> str:
    if isinstance(name, bytes):
        try:
            name = name.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidInput(
                f"{source}: row {row}: the name {name!r} is not UTF-8 text; rename it"
            ) from None
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str):
        raise InvalidInput(f"{source}: row {row}: the name {name!r} is not text; save the names as strings")
    if not name:
        raise InvalidInput(f"{source}: row {row}: the name is empty; give every sample a name")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(
            f"{source}: row {row}: the name {name!r} is not valid Unicode; rename it"
        ) from None
    return name


def refuse_repeated(names: Sequence[str], places: Sequence[str], source: str) -> None:
    """Raise if a name is there twice, naming it and both places."""
    if len(set(names)) == len(names):
        return
    seen: dict[str, str] = {}
    for name, place in zip(names, places, strict=True):
        if name in seen:
            raise InvalidInput(
                f"{source}: {place}: the name {name!r} is already at {seen[name]}; names must differ"
            )
        seen[name] = place
