"""Pictures as files, in which words stay words."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from carving._files import whole_file
from carving.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
_MOST_PIXELS = 1 << 16
# letters as text that can be searched and edited, and the same file every time
_SETTINGS: Any = {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "carving"}


def save_figure(
    figure: "Figure", path: str | os.PathLike[str], *, force: bool = False, dpi: float | None = None
) -> None:
    """Write a picture, whole or not at all; words in .svg and .pdf stay text.

    Parameters
    ----------
    figure
        What one of the ``draw_…`` functions gives.
    path
        Ends in .png, .svg or .pdf.
    force
        Replace what is there.
    dpi
        Pixels an inch; by default the figure's own.

    Raises
    ------
    InvalidInput
        If the name ends in something else, or a .png would have 65,536 pixels or more on a side.
    OutputExists
        If it is there and ``force`` is not given.
    """
    suffix = check_picture(path)
    longest = max(figure.get_size_inches()) * (dpi or figure.dpi)
    if suffix == ".png" and longest >= _MOST_PIXELS:
        raise InvalidInput(
            f"{os.fspath(path)}: would be {longest:,.0f} pixels long; take fewer pixels an inch, show less, "
            "or let the name end in .svg or .pdf"
        )
    # who looks for when a picture was made finds it in the file system
    metadata = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[suffix]
    # settings of the whole program, but matplotlib knows no other way; they are its own again afterwards
    with whole_file(path, force=force) as file, mpl.rc_context(rc=_SETTINGS):
        figure.savefig(file, format=suffix[1:], dpi=dpi or "figure", metadata=metadata)


def check_picture(path: str | os.PathLike[str]) -> str:
    """The suffix of a picture's name; ``InvalidInput`` unless it is one that can be written."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidInput(
            f"{os.fspath(path)}: is no kind of picture; let it end in one of {' '.join(SUFFIXES)}"
        )
    return suffix
