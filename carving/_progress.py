"""How long loops report what they have done: one small value passed to one callback."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One report of a long loop.

    Attributes
    ----------
    stage
        What is being done, for example ``"age 8000"``.
    done, total
        How much of it, in the loop's own units (rows, updates, checkpoints).
    message
        Anything else worth a few words, for example ``"228 states"``.
    """

    stage: str
    done: int
    total: int
    message: str = ""


ProgressCallback = Callable[[Progress], None]
