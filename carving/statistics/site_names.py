"""What sites and their states are called."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from carving.errors import InvalidInput, MissingFile

if TYPE_CHECKING:
    from carving.tree import Tree


def read_site_names(path: str | os.PathLike[str]) -> list[str]:
    """The names of sites from a text file, one on each line, in the order of the sites.

    Raises
    ------
    MissingFile
        If there is no such file.
    InvalidInput
        If it is no UTF-8 text, or a line is empty.
    """
    try:
        names = Path(path).read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise MissingFile(
            f"{path}: no such file; give a text file with the name of one site on each line"
        ) from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path}: is no UTF-8 text; give the name of one site on each line") from None
    for line, name in enumerate(names, start=1):
        if not name.strip():
            raise InvalidInput(f"{path}: line {line} is empty; give the name of one site on each line")
    return [name.strip() for name in names]


class SiteNames:
    """A name for every site and every state of it.

    Parameters
    ----------
    tree
        Of which tree.
    sites
        A name for every site; by default their numbers from 0.
    alphabet
        A letter for every state of a Potts site; by default their numbers from 0.

    Raises
    ------
    InvalidInput
        If there are not as many names as sites, or as many letters as states.
    """

    def __init__(self, tree: "Tree", sites: Sequence[str] | None, alphabet: str | None) -> None:
        visible = tree.nodes.visible
        self.states = visible.shape[2] if visible.ndim == 3 else None
        if sites is not None and len(sites) != visible.shape[1]:
            raise InvalidInput(f"site names: {len(sites)} for {visible.shape[1]} sites; give one for each")
        if alphabet is not None and self.states is None:
            raise InvalidInput(
                f"alphabet {alphabet!r}: the sites of this tree have two states, not letters; leave it out"
            )
        if alphabet is not None and len(alphabet) != self.states:
            raise InvalidInput(
                f"alphabet {alphabet!r}: has {len(alphabet)} letters for {self.states} states; give one each"
            )
        self._sites, self._alphabet = sites, alphabet

    def of(self, site: int, state: int) -> str:
        """The name of a site; of a Potts site with that of a state."""
        name = str(site) if self._sites is None else self._sites[site]
        if self.states is None:
            return name
        return f"{name} {state if self._alphabet is None else self._alphabet[state]}"
