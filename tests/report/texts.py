"""Where the words of a picture are."""

from matplotlib.figure import Figure
from matplotlib.transforms import Bbox


def boxes_of_texts(figure: Figure) -> dict[str, list[Bbox]]:
    """The boxes of all words that are seen, in pixels."""
    figure.draw_without_rendering()
    written = list(figure.texts)
    for axes in figure.axes:
        written += [axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title, *axes.texts]  # pyright: ignore
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            # there are ticks outside of what is shown, which are not drawn
            written += [
                tick.label1 for tick in axis.get_major_ticks() if limits[0] <= tick.get_loc() <= limits[1]
            ]
        legend = axes.get_legend()
        written += [] if legend is None else legend.get_texts()
    boxes: dict[str, list[Bbox]] = {}
    for text in written:
        if text.get_text() and text.get_visible():
            boxes.setdefault(text.get_text(), []).append(text.get_window_extent())
    return boxes


def overlapping_texts(figure: Figure) -> list[tuple[str, str]]:
    """Words that are drawn over each other."""
    boxes = [(name, box) for name, several in boxes_of_texts(figure).items() for box in several]
    return [
        (name, other)
        for index, (name, box) in enumerate(boxes)
        for other, other_box in boxes[:index]
        if box.overlaps(other_box)
    ]


def texts_outside(figure: Figure) -> list[str]:
    """Words that are not wholly within the picture."""
    width, height = figure.get_size_inches() * figure.dpi
    return [
        name
        for name, several in boxes_of_texts(figure).items()
        for box in several
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height
    ]
