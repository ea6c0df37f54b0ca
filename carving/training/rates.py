"""How the learning rate changes during a training.

A schedule is written ``kind`` or ``kind:argument``. A new kind is one more function here and its line in
``_KINDS``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from carving.errors import InvalidInput


def rate_factor(schedule: str) -> Callable[[int, int], float]:
    """What the learning rate is multiplied with, as a function of the updates done and those in all.

    Parameters
    ----------
    schedule
        ``"constant"``; ``"exponential:N"``, halved every N updates; ``"inverse:N"``, 1/(1 + t/N) after t
        updates; ``"cosine"``, half a cosine from 1 to 0 over the whole training.

    Raises
    ------
    InvalidInput
        For any other.
    """
    kind, colon, argument = str(schedule).partition(":")
    if kind not in _KINDS:
        raise InvalidInput(f"rate: {schedule!r} is not a schedule; give {allowed_rates()}")
    needs, make = _KINDS[kind]
    if needs != bool(colon):
        remedy = f"give {kind}:N" if needs else f"give {kind} alone"
        raise InvalidInput(f"rate: {schedule!r}: {remedy}")
    # Python makes no number of thousands of digits
    if needs and not (
        argument.isascii() and argument.isdigit() and len(argument) <= 18 and int(argument) > 0
    ):
        raise InvalidInput(f"rate: {schedule!r} needs a positive number of updates; give {kind}:N")
    return make(int(argument or 0))


def _constant(_: int) -> Callable[[int, int], float]:
    return lambda done, updates: 1.0


def _exponential(half: int) -> Callable[[int, int], float]:
    return lambda done, updates: 0.5 ** (done / half)


def _inverse(scale: int) -> Callable[[int, int], float]:
    return lambda done, updates: 1 / (1 + done / scale)


def _cosine(_: int) -> Callable[[int, int], float]:
    return lambda done, updates: (1 + math.cos(math.pi * done / updates)) / 2


_KINDS: dict[str, tuple[bool, Callable[[int], Callable[[int, int], float]]]] = {
    "constant": (False, _constant),
    "exponential": (True, _exponential),
    "inverse": (True, _inverse),
    "cosine": (False, _cosine),
}


def allowed_rates() -> str:
    """The kinds of schedule, for messages."""
    return " or ".join(f"{kind}:N" if needs else kind for kind, (needs, _) in _KINDS.items())
