"""Choosing some of a sequence's ages."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from carving.errors import InvalidInput

_ALLOWED = "all, every:N, log:N, or ages like 1,5,20"


def select_ages(
    available: Sequence[int] | np.ndarray,
    ages: str | Sequence[int] | np.ndarray,
    *,
    source: str = "checkpoints",
) -> np.ndarray:
    """Some of the ages of a sequence, increasing.

    Parameters
    ----------
    available
        The ages that there are, increasing.
    ages
        ``"all"``; ``"every:N"``: each N-th, counted from the first; ``"log:N"``: about N, evenly spread in
        log(1 + age); ``"1,5,20"`` or a sequence of numbers: these. The first and the last age are kept
        by ``every`` and ``log``.
    source
        What the ages belong to, for messages.

    Returns
    -------
    numpy.ndarray
        int64.

    Raises
    ------
    InvalidInput
        For another word, a number below one, or an age that is not there or named twice.
    """
    known = np.asarray(available, dtype=np.int64)
    if not isinstance(ages, str):
        return _listed(known, ages, source)
    if ages == "all":
        return known.copy()
    rule = re.fullmatch(r"(every|log):([0-9]{1,18})", ages)
    if rule and int(rule[2]) > 0:
        number = int(rule[2])
        return _every(known, number) if rule[1] == "every" else _spread(known, number)
    if re.fullmatch(r"[0-9]{1,18}(,[0-9]{1,18})*", ages):
        return _listed(known, [int(age) for age in ages.split(",")], source)
    raise InvalidInput(f"ages: {ages!r} is not known; give {_ALLOWED}")


def _every(known: np.ndarray, number: int) -> np.ndarray:
    return np.union1d(known[::number], known[-1:])


def _spread(known: np.ndarray, number: int) -> np.ndarray:
    if number >= len(known):
        return known.copy()
    position = np.log1p(known.astype(np.float64))
    wanted = np.linspace(position[0], position[-1], max(number, 2))
    above = np.clip(np.searchsorted(position, wanted), 1, len(known) - 1)
    nearer_below = wanted - position[above - 1] <= position[above] - wanted
    return known[np.unique(above - nearer_below)]


def _listed(known: np.ndarray, ages: Sequence[int] | np.ndarray, source: str) -> np.ndarray:
    try:
        wanted = [int(age) for age in ages]
        whole = all(number == age for number, age in zip(wanted, ages, strict=True))
    except (TypeError, ValueError, OverflowError):
        whole, wanted = False, []
    if not whole or not wanted:
        raise InvalidInput(f"ages: {ages!r:.60} is not a list of ages; give {_ALLOWED}")
    repeated = [age for age in wanted if wanted.count(age) > 1] if len(set(wanted)) < len(wanted) else []
    if repeated:
        raise InvalidInput(f"ages: {repeated[0]} is named twice; name every age once")
    there = set(known.tolist())
    for age in wanted:
        if age not in there:
            above = int((known < age).sum())
            near = ", ".join(map(str, known[max(above - 1, 0) : above + 1]))
            hint = f"the nearest are {near}" if near else "it is empty"
            raise InvalidInput(f"{source}: has no checkpoint of age {age}; {hint}")
    return np.array(sorted(wanted), dtype=np.int64)
