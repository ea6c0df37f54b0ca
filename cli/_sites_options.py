"""What sites are called: options of the commands that speak of them."""

from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carving_cli._options import FILE, Function

if TYPE_CHECKING:
    from carving.tree import Tree


@dataclass(frozen=True)
class SiteOptions:
    """What was asked for.

    Attributes
    ----------
    path
        The file of ``--sites``.
    letters
        The text of ``--alphabet``.
    """

    path: Path | None
    letters: str | None

    def of(self, tree: "Tree") -> dict[str, Any]:
        """``site_names`` and ``alphabet`` as functions of the library take them, checked against a tree."""
        from carving.data import PROTEIN_ALPHABET
        from carving.errors import InvalidInput
        from carving.statistics import read_site_names

        names = None if self.path is None else read_site_names(self.path)
        sites = tree.nodes.visible.shape[1]
        if names is not None and len(names) != sites:
            raise InvalidInput(
                f"{self.path}: has {len(names):,} names for {sites:,} sites; give one on each line"
            )
        return {
            "site_names": names,
            "alphabet": PROTEIN_ALPHABET if self.letters == "protein" else self.letters,
        }


def sites_options(function: Function) -> Function:
    """``--sites --alphabet``; the command is given ``sites``, ``SiteOptions``."""

    @wraps(function)
    def wrapped(*args: Any, sites_path: Path | None, alphabet: str | None, **kwargs: Any) -> Any:
        return function(*args, sites=SiteOptions(sites_path, alphabet), **kwargs)

    names = click.option(
        "--sites", "sites_path", type=FILE, default=None, metavar="FILE",
        help="Names of the sites, one on each line.  [default: numbers from 0]",
    )  # fmt: skip
    letters = click.option(
        "--alphabet", default=None, metavar="LETTERS",
        help="A letter for every state of Potts sites, or the word protein.  [default: numbers]",
    )  # fmt: skip
    return names(letters(wrapped))  # type: ignore[return-value]
