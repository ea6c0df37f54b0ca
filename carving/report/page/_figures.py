"""Pictures in the page: as SVG where that is small, else as PNG."""

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from PIL import Image

from carving.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from carving.report._plot import Plot
    from carving.tree import Tree

MOST_NODES = 20_000
"""Trees of more nodes are not drawn: a picture has no room for so many states, and takes minutes."""

OF_LEAVES = ("radial",)
"""Pictures in which every leaf has a place; the others only count them."""

# what the page itself shows better
_INTERACTIVE = ("rectangular", "icicle")
_MOST_BYTES = 100_000
_DPI = 130
# letters are drawn: the reader's computer need not have the font, and a picture in a page cannot ask for it
_SETTINGS: Any = {"svg.fonttype": "path", "svg.hashsalt": "carving"}


def kinds() -> "list[Plot]":
    """The kinds of pictures that a report has, the river first."""
    from carving.report import plots

    chosen = [plot for name, plot in plots().items() if name not in _INTERACTIVE]
    return sorted(chosen, key=lambda plot: plot.name != "river")


@dataclass(frozen=True)
class Picture:
    """A picture as it stands in the page.

    Attributes
    ----------
    address
        A ``data:`` address with all of it.
    caption
        What it shows.
    is_broad
        Whether it is more than twice as wide as it is tall.
    """

    address: str
    caption: str
    is_broad: bool


def draw(plot: "Plot", tree: "Tree", options: dict[str, Any]) -> Picture | None:
    """A picture; None where this kind does not apply to the tree."""
    given = {name: value for name, value in options.items() if name in plot.options and value is not None}
    try:
        figure = plot.draw(tree, **given)
    except InvalidInput:
        # what was given for a picture is either used or refused
        if "samples" in given:
            raise
        return None
    caption = plot.description[:1].upper() + plot.description[1:]
    return Picture(as_address(figure), caption, figure.get_figwidth() > 2 * figure.get_figheight())


def as_address(figure: "Figure") -> str:
    """A ``data:`` address with the picture: no script in it runs, and nothing in it meets the page's own."""
    svg = _saved(figure, "svg")
    if len(svg) <= _MOST_BYTES:
        return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}"
    return f"data:image/png;base64,{base64.b64encode(_in_few_colors(_saved(figure, 'png'))).decode('ascii')}"


def _in_few_colors(png: bytes) -> bytes:
    """The picture with a palette of 256 colours, which takes about a third."""
    file = BytesIO()
    with Image.open(BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(file, format="PNG", optimize=True)
    return file.getvalue()


def _saved(figure: "Figure", kind: str) -> bytes:
    file = BytesIO()
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
    # settings of the whole program, but matplotlib knows no other way; they are its own again afterwards
    with mpl.rc_context(rc=_SETTINGS):
        figure.savefig(file, format=kind, dpi=_DPI, metadata=metadata)
    return file.getvalue()
