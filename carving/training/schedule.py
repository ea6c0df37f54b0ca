"""When to save: the ages (numbers of updates) at which a training leaves a checkpoint.

A schedule is written ``kind:argument``. A new kind is one more function here and its line in ``_KINDS``.
"""

from collections.abc import Callable

import numpy as np

from carving.errors import InvalidInput


def save_ages(save: str, updates: int) -> list[int]:
    """The ages at which a training of ``updates`` updates is saved.

    Parameters
    ----------
    save
        ``"exponential:N"``: at most N ages, evenly spaced in their logarithm (the first ones fall
        together, since ages are whole numbers). The modes of the data are learned at rates in
        proportion to their strength, so splits are about evenly spread in log age.
        ``"linear:N"``: N ages, evenly spaced, and age 1.
    updates
        The length of the training.

    Returns
    -------
    list of int
        Strictly increasing, from 1 to ``updates``.

    Raises
    ------
    InvalidInput
        If ``save`` is not a schedule, or ``updates`` is not a positive number.

    Examples
    --------
    >>> save_ages("exponential:6", 1000)
    [1, 4, 16, 63, 251, 1000]
    """
    if updates < 1:
        raise InvalidInput(f"updates: {updates} is not a positive number; give at least 1")
    kind, _, argument = str(save).partition(":")
    if kind not in _KINDS:
        raise InvalidInput(f"save: {save!r} is not a schedule; give one of {_allowed()}")
    if not (argument.isascii() and argument.isdigit() and int(argument) >= 2):
        raise InvalidInput(f"save: {save!r} needs a number of checkpoints N of at least 2; give {kind}:N")
    ages = np.unique(np.round(_KINDS[kind](min(int(argument), updates), updates)).astype(np.int64))
    return ages.tolist()


def _exponential(count: int, updates: int) -> np.ndarray:
    return np.geomspace(1, updates, count)


def _linear(count: int, updates: int) -> np.ndarray:
    # the first update, with which every schedule begins, and then N equal steps
    return np.concatenate([[1], np.arange(1, count + 1) * (updates / count)])


_KINDS: dict[str, Callable[[int, int], np.ndarray]] = {"exponential": _exponential, "linear": _linear}


def _allowed() -> str:
    return " or ".join(f"{kind}:N" for kind in _KINDS)
