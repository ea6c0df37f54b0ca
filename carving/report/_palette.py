"""Colours of lines, letters and branches; those of labels are the tree's own (carving.tree.colors)."""

import numpy as np
from matplotlib.colors import to_rgb

from carving.tree.colors import OTHER

# of the palette of labels those that stay furthest apart in any colour vision, dark enough for thin lines
LINES = ("#332288", "#ee7733", "#88ccee", "#117733", "#aa4499", "#882255")
INK = "#2B2B2B"
PALE = "#C9CDD3"


def line_color(number: int) -> str:
    """Of the line with this number, from 0 on; grey beyond those that can be told apart, and for none, −1."""
    return LINES[number] if 0 <= number < len(LINES) else OTHER


def towards_grey(color: str, share: float) -> np.ndarray:
    """The colour when ``share`` is 1, a pale grey when it is 0, and what lies between."""
    return share * np.array(to_rgb(color)) + (1 - share) * np.array(to_rgb(PALE))
