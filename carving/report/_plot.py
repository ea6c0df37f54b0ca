"""What a kind of picture is; a new one is one new module ``…_figure.py`` that defines ``PLOT``."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plot:
    """A kind of picture of a tree, found by its module's ``PLOT``.

    Attributes
    ----------
    name : str
        What the command line calls it.
    description : str
        What it shows, in a few words.
    draw : callable
        Takes a tree, and what may be chosen as keywords; returns a matplotlib.figure.Figure.
    """

    name: str
    description: str
    draw: "Callable[..., Figure]"

    @property
    def options(self) -> tuple[str, ...]:
        """What may be chosen: the names of the keywords of ``draw``."""
        parameters = signature(self.draw).parameters.values()
        return tuple(each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY)
