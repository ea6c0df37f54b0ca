"""Words of the user's in pictures: shown as they are, in the room that there is; lengths are in inches."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from carving.report._labels import SMALL
from carving.report._palette import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

POINTS = 72
# what a reader sees where no font has the character
_NO_GLYPH = "□"
_CUT = "…"
# letters on a grid of pixels are a little wider than their outlines
_HINTED = 1.03


def literal(text: str) -> str:
    """The text as it can be drawn: on one line, a box for every character that no font here has."""
    family = tuple(FontProperties().get_family())
    return "".join(" " if c.isspace() else c if _has_glyph(c, family) else _NO_GLYPH for c in text)


@lru_cache(maxsize=1 << 14)
def _has_glyph(character: str, family: tuple[str, ...]) -> bool:
    fonts = (get_font(findfont(FontProperties(family=[name]))) for name in family)
    return any(font.get_char_index(ord(character)) for font in fonts)


def width_of(text: str, size: float = SMALL) -> float:
    """Inches that a text takes which :func:`literal` has made drawable."""
    if not text:
        return 0.0
    properties = FontProperties(size=size)
    return _HINTED * text_to_path.get_text_width_height_descent(text, properties, ismath=False)[0] / POINTS


def fitting(text: str, room: float, size: float = SMALL) -> str:
    """The text as it can be drawn, shortened in the middle, where names differ least, to so many inches."""
    # what is far too long need not be measured
    text = _shortened(literal(text), 400)
    width = width_of(text, size)
    while width > room and len(text) > 1:
        text = _shortened(text, max(1, min(len(text) - 1, int(len(text) * room / width))))
        width = width_of(text, size)
    return text


def _shortened(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    # the beginning says more than the end
    end = (length - 1) // 3
    return text[: length - 1 - end] + _CUT + (text[-end:] if end else "")


def put(axes: "Axes", x: float, y: float, text: str, **options: Any) -> "Text":
    """A text in data coordinates, no sign of which is taken for mathematics."""
    options = {"fontsize": SMALL, "color": INK, "va": "center"} | options
    return axes.text(x, y, text, parse_math=False, **options)
