"""Colours of labels that people with any colour vision can tell apart."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import to_rgb

# the "muted" scheme of Paul Tol, https://personal.sric.nl/tol, and the orange of his "vibrant" one
_MUTED = "#332288 #DDCC77 #117733 #CC6677 #88CCEE #AA4499 #999933 #882255 #EE7733 #44AA99"
PALETTE = tuple(_MUTED.split())
OTHER = "#9A9A9A"
# of those the ones that stay furthest apart in any colour vision and are dark enough for thin lines
LINES = ("#332288", "#EE7733", "#88CCEE", "#117733", "#AA4499", "#882255")
INK = "#2B2B2B"
PALE = "#C9CDD3"


def label_colors(column: Sequence[str], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """A colour for every label: the chosen one, else one of the palette for the most frequent labels.

    Labels that are left over, and "" for unknown, are grey.
    """
    chosen = dict(chosen or {})
    frequent = [label for label, _ in Counter(column).most_common() if label and label not in chosen]
    free = [color for color in PALETTE if color not in chosen.values()]
    # in the order of names, so that the colours of two trees of the same data agree
    named = sorted(frequent[: len(free)])
    colors = dict.fromkeys(column, OTHER) | dict(zip(named, free, strict=False)) | chosen
    return {label: colors[label] for label in dict.fromkeys(column)}


def line_color(number: int) -> str:
    """Of the line with this number, from 0 on; grey beyond those that can be told apart, and for none, −1."""
    return LINES[number] if 0 <= number < len(LINES) else OTHER


def towards_grey(color: str, share: float) -> np.ndarray:
    """The colour when ``share`` is 1, a pale grey when it is 0, and what lies between."""
    return share * np.array(to_rgb(color)) + (1 - share) * np.array(to_rgb(PALE))
