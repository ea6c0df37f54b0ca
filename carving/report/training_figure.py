"""The picture of a training: what was measured at every checkpoint, against age."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from carving.errors import InvalidInput
from carving.report._axes import age_axis, blank_figure, draw_bounds, logarithmic, style
from carving.report._palette import INK
from carving.tree.colors import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.checkpoints import CheckpointSequence

# inches of a panel, and of what is above, below and beside all of them
_PANEL = (3.5, 2.3)
_ABOVE, _BELOW, _BESIDE = 0.6, 0.15, 0.15
_COLUMNS = 3
_LINE, _BOUND = PALETTE[0], PALETTE[3]
_RELAXATION, _IS_BOUND = "relaxation_steps", "relaxation_is_bound"


@dataclass(frozen=True)
class _Known:
    """How to call a metric that trainings store."""

    title: str
    unit: str
    logarithmic: bool = False


_KNOWN = {
    "pseudo_log_likelihood": _Known("Pseudo-log-likelihood", "nats a site"),
    "reconstruction_error": _Known("Reconstruction error", "distance a site"),
    "visible_mean_error": _Known("Error of the means", "distance a site"),
    _RELAXATION: _Known("Relaxation of chains", "Gibbs steps", logarithmic=True),
    "weight_norm": _Known("Norm of the weights", "Frobenius"),
    "leading_singular_value": _Known("Leading singular value", "of the weights"),
}


def draw_training(run: "CheckpointSequence", *, title: str | None = None) -> Figure:
    """Draw everything that was measured while a machine learned, one panel a metric.

    Ages are on a logarithmic axis, as transitions of the machine are spread on it. Relaxation times
    that are lower bounds only, since chains were watched for too short a time, are open triangles that point
    upwards; the dashed line is the number of Gibbs steps of an update, where the store says it: far above it,
    what the training took for the machine's own averages is a mixture of machines past.

    Parameters
    ----------
    run
        Checkpoints with metrics, as :func:`carving.train` stores them. Metrics of other programs are drawn
        after those.
    title
        Above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; :func:`save_figure` writes it.

    Raises
    ------
    InvalidInput
        If nothing was measured.
    """
    measured = {name: values for name, values in run.metrics.items() if np.isfinite(values).any()}
    bound = measured.pop(_IS_BOUND, np.zeros(len(run))) == 1
    if not measured:
        raise InvalidInput(
            f"{run.path}: holds no metrics to draw; carve train measures them at every checkpoint"
        )
    names = [name for name in _KNOWN if name in measured] + sorted(set(measured) - set(_KNOWN))
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    above = _ABOVE if title else _BELOW
    size = (columns * _PANEL[0] + 2 * _BESIDE, rows * _PANEL[1] + above + _BELOW)
    figure = blank_figure(size)
    beside, below = _BESIDE / size[0], _BELOW / size[1]
    inside = (beside, below, 1 - 2 * beside, 1 - below - above / size[1])
    figure.set_layout_engine(ConstrainedLayoutEngine(rect=inside, w_pad=0.12, h_pad=0.12))
    if title:
        figure.text(
            2 * _BESIDE / size[0],
            1 - 0.35 / size[1],
            title,
            fontsize=15,
            color=INK,
            weight="bold",
            va="center",
        )
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for panel, name in zip(panels, names, strict=False):
        _draw_metric(panel, name, run.ages, measured[name], bound if name == _RELAXATION else None)
        if name == _RELAXATION:
            _draw_steps(panel, run.training.get("k"))
    for panel in panels[len(names) :]:
        panel.remove()
    return figure


def _draw_metric(
    axes: "Axes", name: str, ages: np.ndarray, values: np.ndarray, bound: np.ndarray | None
) -> None:
    known = _KNOWN.get(name, _Known(name.replace("_", " ").capitalize(), ""))
    style(axes)
    age_axis(axes, ages)
    axes.set_title(known.title, fontsize=10.5, color=INK, weight="bold", loc="left")
    axes.set_ylabel(known.unit, fontsize=8.5, color=INK)
    axes.set_xlabel("age, in updates", fontsize=8.5, color=INK)
    axes.plot(ages, values, color=_LINE, linewidth=1.4, zorder=2)
    known_well = np.ones(len(ages), dtype=bool) if bound is None else ~bound
    axes.plot(ages[known_well], values[known_well], "o", color=_LINE, markersize=3, zorder=3)
    if bound is not None and bound.any():
        draw_bounds(axes, ages[bound], values[bound], _BOUND, label="at least")
        axes.legend(fontsize=8, frameon=False, loc="upper left", labelcolor=INK, handletextpad=0.2)
    if known.logarithmic and (values[np.isfinite(values)] > 0).all():
        logarithmic(axes.yaxis)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))


def _draw_steps(axes: "Axes", steps: object) -> None:
    """How many Gibbs steps chains make in an update."""
    if isinstance(steps, int) and steps > 0:
        axes.axhline(steps, color=INK, linewidth=0.9, linestyle="--", zorder=1)
        axes.annotate(
            f"{steps} an update", (1, steps), xycoords=("axes fraction", "data"), textcoords="offset points",
            xytext=(0, 2), ha="right", va="bottom", fontsize=8, color=INK,
        )  # fmt: skip
