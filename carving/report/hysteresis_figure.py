"""The picture of a hysteresis loop."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from carving.report._axes import explain, plain_figure
from carving.report._palette import INK, LINES, PALE

if TYPE_CHECKING:
    from carving.physics.hysteresis import Branch, Hysteresis

_SIZE = (4.0, 3.2)


def draw_hysteresis(result: "Hysteresis", *, title: str | None = None) -> Figure:
    """Draw the way up and the way down in a field; jumps are vertical, with an arrow.

    Parameters
    ----------
    result
        As :func:`carving.physics.hysteresis.hysteresis` gives it.
    title
        Above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; :func:`save_figure` writes it.
    """
    figure, axes = plain_figure(_SIZE, x_label="field κ along u", y_label="projection u·(m − m̄)", title=title)
    axes.axhline(0, color=PALE, linewidth=0.8, zorder=1)
    axes.axvline(0, color=PALE, linewidth=0.8, zorder=1)
    handles, ways = [], []
    for branch, color, name in ((result.up, LINES[0], "up"), (result.down, LINES[1], "down")):
        fields, projection = _way(branch)
        ways.append((fields, projection))
        handles += axes.plot(fields, projection, color=color, linewidth=1.3, zorder=3, label=name)
        for field, low, high in zip(*_jumps(branch), strict=True):
            middle = (low + high) / 2
            axes.annotate(
                "", (field, middle + 0.01 * (high - low)), xytext=(field, middle),
                arrowprops={"arrowstyle": "-|>", "color": color, "shrinkA": 0, "shrinkB": 0,
                            "mutation_scale": 9},
            )  # fmt: skip
    # the way back follows the way up, so that the two enclose the area
    fields, projection = (np.concatenate(columns) for columns in zip(*ways, strict=True))
    axes.fill(fields, projection, color=PALE, alpha=0.35, linewidth=0, zorder=0.8)
    open_end = "" if result.closed else ", not closed"
    handles.append(Patch(color=PALE, alpha=0.35, label=f"area {result.area:.3g}{open_end}"))
    explain(axes, handles, "upper left")
    axes.tick_params(labelcolor=INK)
    return figure


def _jumps(branch: "Branch") -> tuple[list[float], list[float], list[float]]:
    return branch.jumps.tolist(), branch.jumps_from.tolist(), branch.jumps_to.tolist()


def _way(branch: "Branch") -> tuple[np.ndarray, np.ndarray]:
    """Fields and projections as they are passed, with both ends of each jump."""
    fields, projection = branch.fields.numpy(), branch.projection.numpy()
    jumps, before, after = (np.array(column, dtype=float) for column in _jumps(branch))
    down = fields[-1] < fields[0]
    # how many of the fields have been passed when it jumps
    place = np.searchsorted(-fields if down else fields, -jumps if down else jumps)
    return (
        np.insert(fields, np.repeat(place, 2), np.repeat(jumps, 2)),
        np.insert(projection, np.repeat(place, 2), np.stack([before, after], 1).ravel()),
    )
