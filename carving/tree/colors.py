"""Colours of labels: one choice for all exports, figures and reports of a tree."""

import colorsys
from collections import Counter
from collections.abc import Iterable, Mapping

# colours of Paul Tol's schemes, https://personal.sric.nl/tol: "muted", with the orange of "vibrant" and, as
# some eyes take its olive for that, a dark red instead; no two closer than 0.14 in any colour vision
_TOL = "#332288 #DDCC77 #117733 #CC6677 #88CCEE #AA4499 #661100 #882255 #EE7733 #44AA99"
PALETTE = tuple(_TOL.lower().split())
OTHER = "#9a9a9a"
_GOLDEN = 0.6180339887498949


def label_colors(
    column: Iterable[str], chosen: Mapping[str, str] | None = None, *, distinct: bool = False
) -> dict[str, str]:
    """A colour for every label: the chosen one, else one of ``PALETTE`` for the most frequent labels.

    Colours of the palette are given in the order of the labels' names, so that the colours of two trees of
    the same data agree. "", the unknown label, is grey.

    Parameters
    ----------
    column
        The labels, as often as they occur.
    chosen
        Colours that are fixed, ``#rrggbb``.
    distinct
        Labels that are left over get evenly spread hues of their own, which not every eye can tell apart;
        otherwise they are grey as well.

    Returns
    -------
    dict of str to str
        In the order of the labels' first occurrence.
    """
    chosen = dict(chosen or {})
    counts = Counter(column)
    frequent = [label for label, _ in counts.most_common() if label and label not in chosen]
    taken = {color.lower() for color in chosen.values()}
    free = [color for color in PALETTE if color not in taken]
    given = dict(zip(sorted(frequent[: len(free)]), free, strict=False))
    if distinct:
        given |= {label: _hue(number) for number, label in enumerate(frequent[len(free) :])}
    colors = given | chosen
    return {label: colors.get(label, OTHER) for label in counts}


def _hue(number: int) -> str:
    """One of a series of colours without end, neighbours far apart."""
    parts = colorsys.hls_to_rgb(number * _GOLDEN % 1, 0.35 + 0.1 * (number % 4), 0.6)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
