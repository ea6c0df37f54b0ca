"""How block Gibbs steps are made: a way is a file here, found without being named anywhere else.

It holds one subclass of :class:`Steps`, called ``STEPS``, and its name is that of the file.
"""

from carving._modules import attribute_of, names_in
from carving.errors import InvalidInput
from carving.sampling._flat import FlatMachine
from carving.sampling.steps._steps import Steps

__all__ = ["Steps", "choose_steps", "fastest_steps", "find_steps", "steps_names"]


def steps_names() -> list[str]:
    """The names that a way to make steps can have."""
    return names_in(__name__)


def find_steps(name: str) -> type[Steps]:
    """The way of that name.

    Raises
    ------
    InvalidInput
        If there is none, with the names that there are.
    """
    if name not in steps_names():
        raise InvalidInput(f"steps: {name!r} is not known; give one of {', '.join(steps_names())}")
    return attribute_of(__name__, name, "STEPS")


def fastest_steps(machine: FlatMachine) -> str:
    """The fastest way that serves this machine here: ``integer`` where it does, else ``plain``."""
    return "integer" if find_steps("integer").serves(machine) else "plain"


def choose_steps(given: str, machine: FlatMachine, *, fastest: str, known: str) -> str:
    """The name of the way that ``arithmetic`` of a public function means: its own, or that of the fastest for
    the word ``fastest``; ``known`` lists all words, for the message.

    Raises
    ------
    InvalidInput
        If there is no such way, or it cannot make the steps of this machine here.
    """
    if given == fastest:
        return fastest_steps(machine)
    if given not in steps_names():
        raise InvalidInput(f"arithmetic: {given!r} is not known; give {known}")
    if not find_steps(given).serves(machine):
        units = f"{machine.sites} {machine.visible.name} and {len(machine.hidden_bias)} {machine.hidden.name}"
        where = machine.weights.device
        raise InvalidInput(
            f"arithmetic: {given} cannot draw {units} units on {where}; give {fastest} or plain"
        )
    return given
