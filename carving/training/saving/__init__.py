"""When to save: the ages (numbers of updates) at which a training leaves a checkpoint.

A rule is written ``name:argument``. It is a file here whose name is the rule's, which holds one subclass of
:class:`Saving`, called ``SAVING``, and is found without being named anywhere else.
"""

from carving._modules import attribute_of, names_in
from carving.errors import InvalidInput
from carving.training.saving._saving import Saving, Snapshot, Verdict

__all__ = ["Saving", "Snapshot", "Verdict", "read_saving", "save_ages", "saving_names"]


def saving_names() -> list[str]:
    """The names that ``save`` of :func:`carving.train` can begin with."""
    return names_in(__name__)


def read_saving(save: str, updates: int) -> Saving:
    """The rule that a ``save`` of :func:`carving.train` stands for.

    Raises
    ------
    InvalidInput
        If there is no such rule, its argument is none, or ``updates`` is not a positive number.
    """
    if updates < 1:
        raise InvalidInput(f"updates: {updates} is not a positive number; give at least 1")
    name, _, argument = str(save).partition(":")
    if name not in saving_names():
        known = ", ".join(_rule(each).usage for each in saving_names())
        raise InvalidInput(f"save: {save!r} is not known; give one of {known}")
    return _rule(name)(argument, updates)


def _rule(name: str) -> type[Saving]:
    return attribute_of(__name__, name, "SAVING")


def save_ages(save: str, updates: int) -> list[int]:
    """The ages at which a training of ``updates`` updates looks at whether to save, or saves.

    Parameters
    ----------
    save
        ``"exponential:N"``: at most N ages, evenly spaced in their logarithm. ``"linear:N"``: N ages, evenly
        spaced, and age 1. ``"acceptance:X"`` and ``"adaptive:N"`` choose some of the ages given here.
    updates
        The length of the training.

    Returns
    -------
    list of int
        Strictly increasing, from 1 to ``updates``.

    Raises
    ------
    InvalidInput
        If ``save`` is not a rule, or ``updates`` is not a positive number.

    Examples
    --------
    >>> save_ages("exponential:6", 1000)
    [1, 4, 16, 63, 251, 1000]
    """
    return read_saving(save, updates).looks().tolist()
