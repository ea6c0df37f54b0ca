"""Options of commands that show a tree: which of it, and in which order."""

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from carving_cli._errors import option_errors
from carving_cli._options import Function

if TYPE_CHECKING:
    from carving.tree import Tree

_LEAVES = ("samples", "states", "representatives")


@dataclass(frozen=True)
class Reshape:
    """What the options ask for; called with a tree, it gives the one to show.

    Attributes
    ----------
    leaves
        ``"samples"``, or what ``Tree.condense`` knows.
    at_age, smallest, rotate
        For ``Tree.collapse``, ``carving.tree.reshape.prune_small`` and ``Tree.rotate``; None: not asked for.
    """

    leaves: str = "samples"
    at_age: int | None = None
    smallest: int | None = None
    rotate: str | None = None

    def __call__(self, tree: "Tree") -> "Tree":
        """The tree as it was at that age, without small states, condensed, in that order.

        Raises
        ------
        click.BadOptionUsage
            If an option does not fit the tree; the message names the option.
        """
        return reshape(
            tree, leaves=self.leaves, at_age=self.at_age, smallest=self.smallest, rotate=self.rotate
        )


def reshape(
    tree: "Tree",
    *,
    leaves: str = "samples",
    at_age: int | None = None,
    smallest: int | None = None,
    rotate: str | None = None,
) -> "Tree":
    """See ``Reshape``."""
    from carving.tree.reshape import prune_small

    if at_age is not None:
        with option_errors("--at-age"):
            tree = tree.collapse(at_age)
    if smallest is not None:
        with option_errors("--smallest"):
            tree = prune_small(tree, smallest)
    if leaves != "samples":
        with option_errors("--leaves"):
            tree = tree.condense(leaves)
    if rotate is not None:
        with option_errors("--rotate"):
            tree = tree.rotate(rotate)
    return tree


class _OrderType(click.ParamType):
    """What ``Tree.rotate`` knows; whether there is such a column is asked when the tree is there."""

    name = "size|similarity|label:COLUMN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the spelling."""
        from carving.tree.reshape import check_order

        with option_errors("--rotate"):
            check_order(value)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Offer the three."""
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name) for name in ("size", "similarity", "label:") if name.startswith(incomplete)
        ]


def reshape_options(function: Function) -> Function:
    """``--leaves --at-age --smallest --rotate``; the command is given a ``reshape``, from tree to tree."""

    @wraps(function)
    def wrapped(
        *args: Any, leaves: str, at_age: int | None, smallest: int | None, rotate: str | None, **kwargs: Any
    ) -> Any:
        return function(*args, reshape=Reshape(leaves, at_age, smallest, rotate), **kwargs)

    for option in (
        click.option(
            "--rotate", type=_OrderType(), default=None,
            help="Order of the branches of a node: the largest first, like beside like, or by the most "
            "frequent label.",
        ),
        click.option(
            "--smallest", type=click.IntRange(min=1), default=None, metavar="N",
            help="Leave out states of fewer samples.",
        ),
        click.option(
            "--at-age", type=click.IntRange(min=0), default=None, metavar="T",
            help="Show the tree as it was at this age, in gradient updates: what is older is cut away.",
        ),
        click.option(
            "--leaves", type=click.Choice(_LEAVES), default="samples", show_default=True,
            help="What the leaves are: all samples; one for each state, with what it is made of; or for each "
            "state the sample that is nearest to it.",
        ),
    ):  # fmt: skip
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]
