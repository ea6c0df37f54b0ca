"""Sequence logos: letters as high as they tell, at every site."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from carving.data import PROTEIN_ALPHABET
from carving.errors import InvalidInput
from carving.report._canvas import Entry
from carving.report._palette import INK
from carving.tree.colors import OTHER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GAP = "-"
# kinds of residues, by what they do in water
_RESIDUES = {
    "water-shy": ("AVLIMFWYC", "#332288"),
    "polar": ("STNQ", "#44aa99"),
    "positive": ("KRH", "#ee7733"),
    "negative": ("DE", "#aa4499"),
    "G, P": ("GP", "#661100"),
}
_NUCLEOTIDES = {
    "A": ("A", "#117733"),
    "C": ("C", "#332288"),
    "G": ("G", "#ee7733"),
    "T, U": ("TU", "#882255"),
}
# of the height of a site that carries most: letters below it would not be seen
_LEAST = 0.004
_ALPHABETS = {4: "ACGT", 5: "-ACGT", 20: PROTEIN_ALPHABET[1:], 21: PROTEIN_ALPHABET}


def letters_of(states: int, alphabet: str | None) -> str:
    """The alphabet of so many states: the one given, or the usual one of that length, or numbers.

    Raises
    ------
    InvalidInput
        If its length is another, or there are too many states to number them with one sign each.
    """
    if alphabet is not None:
        if len(alphabet) != states:
            raise InvalidInput(
                f"alphabet {alphabet!r}: has {len(alphabet)} letters for {states} states; give one for each"
            )
        return alphabet
    if states in _ALPHABETS:
        return _ALPHABETS[states]
    numbers = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    if states > len(numbers):
        raise InvalidInput(f"alphabet: {states} states have no usual letters; give an alphabet")
    return numbers[:states]


def letter_colors(alphabet: str) -> tuple[dict[str, str], list[Entry]]:
    """The colour of every letter, and what the colours mean."""
    letters = set(alphabet)
    if letters <= set("-ACGTU"):
        kinds = _NUCLEOTIDES
    elif letters <= set(PROTEIN_ALPHABET):
        kinds = _RESIDUES
    else:
        return dict.fromkeys(alphabet, INK), []
    colors = {letter: color for members, color in kinds.values() for letter in members}
    entries = [Entry(name, color) for name, (members, color) in kinds.items() if letters & set(members)]
    if _GAP in letters:
        entries.append(Entry("gap", OTHER))
    return {letter: colors.get(letter, OTHER) for letter in alphabet}, entries


def information(probabilities: np.ndarray) -> np.ndarray:
    """Bits that each site tells: log₂ q less its entropy. (Schneider & Stephens, NAR 18, 6097 (1990).)

    Parameters
    ----------
    probabilities : numpy.ndarray, shape (..., sites, q)

    Returns
    -------
    numpy.ndarray of float64, shape (..., sites)
    """
    p = np.clip(probabilities, 0, 1)
    p = p / np.maximum(p.sum(-1, keepdims=True), 1e-300)
    entropy = -np.sum(p * np.log2(np.where(p > 0, p, 1)), axis=-1)
    return np.maximum(np.log2(p.shape[-1]) - entropy, 0)


@lru_cache(maxsize=256)
def _glyph(letter: str) -> Path:
    """A letter as wide and as high as 1, from the lower left corner on."""
    path = TextPath((0, 0), letter, size=10, prop=FontProperties(weight="bold"))
    extent = path.get_extents()
    shape = (np.asarray(path.vertices) - extent.min) / (extent.width, extent.height)
    if letter == _GAP:
        # a dash, not a block: it takes its place in the middle
        return Path(shape * (0.8, 0.25) + (0.1, 0.35), path.codes)
    if letter in "Il1":
        # narrow letters stay narrow
        return Path(shape * (0.4, 1) + (0.3, 0), path.codes)
    return Path(shape, path.codes)


def draw_logo(axes: "Axes", heights: np.ndarray, alphabet: str, colors: dict[str, str]) -> None:
    """Stacks of letters at x = 0, 1, …: positive heights upwards from 0, negative ones downwards.

    Parameters
    ----------
    axes
        Whose limits are set elsewhere.
    heights : numpy.ndarray, shape (sites, q)
        Of the letters; the highest is outermost.
    alphabet, colors
        The letters, and the colour of each.
    """
    least = _LEAST * np.abs(heights).sum(1).max(initial=0)
    parts: dict[str, list[Path]] = {}
    for site, column in enumerate(heights.tolist()):
        for sign in (1, -1):
            base = 0.0
            for code in np.argsort(np.abs(column), kind="stable").tolist():
                height = column[code]
                if height * sign > least:
                    glyph = _glyph(alphabet[code])
                    low = base if sign > 0 else base + height
                    vertices = np.asarray(glyph.vertices) * (0.92, abs(height)) + (site + 0.04, low)
                    parts.setdefault(colors[alphabet[code]], []).append(Path(vertices, glyph.codes))
                    base += height
    paths = [Path.make_compound_path(*same) for same in parts.values()]
    axes.add_collection(PathCollection(paths, facecolors=list(parts), linewidths=0), autolim=False)
