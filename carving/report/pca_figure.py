"""The picture of the states' ways through the space of the data, in its two widest directions."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from carving.errors import InvalidInput
from carving.report._age_axis import age_ticks
from carving.report._axes import style
from carving.report._canvas import (
    EDGE,
    arrange,
    canvas,
    check_width,
    draw_legend,
    panel,
    title_height,
)
from carving.report._coloring import color_by, line_colors
from carving.report._labels import SMALL
from carving.report._palette import INK, PALE
from carving.report._plot import Plot
from carving.report._states import probabilities
from carving.report._trajectories import check_states, trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.data import Samples
    from carving.tree import Tree

_MOST_DOTS = 500
# samples that are drawn, and that the directions are taken from
_MOST_SAMPLES = 20_000
_BELOW, _LEFT, _RIGHT, _LEGEND_GAP = 0.42, 0.5, 0.62, 0.08
_SHAPE = 0.8
_AGES = LinearSegmentedColormap.from_list("ages", ["#9ecae1", "#6a51a3", "#111111"])


def draw_pca(
    tree: "Tree",
    *,
    samples: "Samples | np.ndarray | None" = None,
    column: str | None = None,
    most: int = 25,
    width: float = 7.0,
    title: str | None = None,
) -> Figure:
    """Draw the fixed points of all ages in the plane of the two widest directions of the data.

    Lines follow the states from the youngest age, where there is one, to the oldest; their colour is the age,
    and where a line forks, a state splits. Discs are the states of the oldest age, with an area that is
    in proportion to their samples, in the colour of their most frequent label. Dots are the samples.

    Parameters
    ----------
    tree
        Any tree.
    samples
        The data: a row for each leaf, or ``carving.data.Samples`` with the leaves' names among its own. Of
        more than 20,000 some are left out, evenly. Without them the directions are those of the states.
    column
        The label column to colour by; by default the first, if there is one.
    most
        How many ways are drawn: those of the largest states of the oldest age.
    width
        In inches.
    title
        Above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; :func:`save_figure` writes it.

    Raises
    ------
    InvalidInput
        If the tree holds no states, the samples are not its own, there is no such column, or the width is
        none.
    """
    check_width(width)
    check_states(tree)
    coloring = color_by(tree, column)
    rows, leaf = _rows(tree, samples)
    plane = _Plane(_oldest(tree) if rows is None else rows)
    legend = arrange([] if coloring is None else [(coloring.column, coloring.entries)], width - 2 * EDGE)
    above = title_height(title) + legend.height + _LEGEND_GAP
    height = _SHAPE * width
    figure = canvas((width, above + height + _BELOW), title=title)
    draw_legend(figure, legend, EDGE, figure.get_figheight() - title_height(title))
    axes = panel(figure, _LEFT, _BELOW, width - _LEFT - _RIGHT, height)
    style(axes)
    axes.tick_params(labelsize=SMALL, pad=2)
    for axis, number in ((axes.xaxis, 0), (axes.yaxis, 1)):
        axis.set_major_locator(MaxNLocator(5))
        axis.set_label_text(plane.name(number), fontsize=SMALL, color=INK)
        axis.labelpad = 1
    if rows is not None:
        colors: Any = PALE
        if coloring is not None:
            labels = tree.labels[coloring.column][leaf].tolist()
            colors = [coloring.colors[label] for label in labels]
        axes.scatter(
            *plane.of(rows).T, s=4, c=colors, alpha=0.5, linewidths=0, zorder=1, label="samples",
            # as one picture in .svg and .pdf: that many dots would make them slow
            rasterized=len(rows) > _MOST_DOTS,
        )  # fmt: skip
    lines = _draw_ways(axes, tree, plane, max(1, most))
    discs = PALE if coloring is None else line_colors(tree, coloring)
    _draw_oldest(axes, tree, plane, discs)
    _draw_scale(panel(figure, width - _RIGHT + 0.1, _BELOW, 0.09, height), lines)
    return figure


class _Plane:
    """The two directions in which rows of data are widest; all zero where they do not differ."""

    def __init__(self, rows: np.ndarray) -> None:
        from sklearn.decomposition import PCA

        self._fit: PCA | None = None
        if len(rows) > 1 and bool((rows != rows[0]).any()):
            self._fit = PCA(n_components=min(2, *rows.shape), random_state=0).fit(rows)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Places of rows, (rows, 2)."""
        places = np.zeros((len(rows), 2))
        if self._fit is not None and len(rows):
            found = self._fit.transform(rows)
            places[:, : found.shape[1]] = found
        return places

    def name(self, number: int) -> str:
        """Of a direction, with its share of the variance."""
        shares = [] if self._fit is None else self._fit.explained_variance_ratio_.tolist()
        share = f", {100 * shares[number]:.0f} % of variance" if number < len(shares) else ""
        return f"PC {number + 1}{share}"


def _rows(tree: "Tree", samples: "Samples | np.ndarray | None") -> tuple[np.ndarray | None, np.ndarray]:
    """Samples as probabilities of their sites, a row each, and which leaf each one is."""
    import torch

    from carving.units import Unit

    if samples is None:
        return None, np.zeros(0, dtype=np.int64)
    values = np.asarray(getattr(samples, "values", samples))
    source = str(getattr(samples, "source", "samples"))
    leaf, row = _leaves_of(tree, values, getattr(samples, "names", None), source)
    step = -(-len(leaf) // _MOST_SAMPLES)
    leaf, row = leaf[::step], row[::step]
    shape = tree.nodes.visible.shape[1:]
    unit = Unit.registry[tree.visible_unit].from_options(
        states=shape[1] if len(shape) > 1 else None, precision=None
    )
    encoded = unit.encode(values[row], torch.float32, source=source).numpy()
    if encoded.shape[1:] != shape:
        raise InvalidInput(
            f"{source}: has {encoded.shape[1]} columns, but the states of this tree "
            f"{tree.nodes.visible.shape[1]} sites; give the samples that it was built from"
        )
    return probabilities(tree, encoded).reshape(len(leaf), -1), leaf


def _leaves_of(
    tree: "Tree", values: np.ndarray, names: np.ndarray | None, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Leaves that have a sample, and the row of it."""
    if values.ndim < 2:
        raise InvalidInput(f"{source}: has the shape {values.shape}; give a row for each sample")
    if names is None:
        if len(values) != len(tree.leaves):
            raise InvalidInput(
                f"{source}: has {len(values):,} rows, but this tree {len(tree.leaves):,} leaves; give a row "
                "for each leaf, or Samples with their names"
            )
        return np.arange(len(values)), np.arange(len(values))
    row_of = {name: row for row, name in enumerate(names)}
    rows = np.array([row_of.get(name, -1) for name in tree.leaves.name.tolist()])
    if not (rows >= 0).any():
        raise InvalidInput(
            f"{source}: none of its names is a leaf of this tree; give the samples of the tree"
        )
    leaf = np.flatnonzero(rows >= 0)
    return leaf, rows[leaf]


def _oldest(tree: "Tree") -> np.ndarray:
    """The states that the directions are taken from: those that hold the leaves, or all if they are few."""
    visible = probabilities(tree, tree.nodes.visible).reshape(len(tree.nodes), -1)
    tips = np.unique(tree.leaves.node)
    return visible[tips] if len(tips) > 2 else visible[np.isfinite(visible).all(1)]


def _draw_ways(axes: "Axes", tree: "Tree", plane: _Plane, most: int) -> LineCollection:
    """From state to state of neighbouring ages, in the colour of the age."""
    places = plane.of(probabilities(tree, tree.states.visible).reshape(len(tree.states), -1))
    ways = [
        way if seen else way[:0]
        for way, seen in zip(trajectories(tree), _on_ways(tree, most).tolist(), strict=True)
    ]
    pairs = [np.stack([way[:-1], way[1:]], 1) for way in ways if len(way) > 1]
    pair = np.concatenate(pairs) if pairs else np.zeros((0, 2), dtype=np.int64)
    share = np.sqrt(tree.nodes.size / tree.nodes.size[-1])
    width = 0.5 + 1.8 * np.repeat(share, [max(0, len(way) - 1) for way in ways])
    age = np.log1p(tree.states.age.astype(float))
    limits = np.log1p(tree.ages.updates[[-1, 0]].astype(float))
    if limits[0] == limits[1]:
        limits += (-0.5, 0.5)
    # the old ones last, on top
    order = np.argsort(age[pair[:, 0]], kind="stable")
    lines = LineCollection(
        list(places[pair[order]]), array=age[pair[order, 0]], cmap=_AGES, norm=Normalize(*limits),
        linewidths=width[order], capstyle="round", zorder=2, label="ways",
    )  # fmt: skip
    axes.add_collection(lines)
    axes.autoscale_view()
    return lines


def _on_ways(tree: "Tree", most: int) -> np.ndarray:
    """Whether each node is one of the largest oldest states, or above one."""
    tips = np.unique(tree.leaves.node)
    seen = np.zeros(len(tree.nodes), dtype=bool)
    seen[tips[np.argsort(-tree.nodes.size[tips], kind="stable")[:most]]] = True
    for node, parent in enumerate(tree.nodes.parent[:-1].tolist()):
        seen[parent] |= seen[node]
    return seen


def _draw_oldest(axes: "Axes", tree: "Tree", plane: _Plane, colors: Any) -> None:
    tips = np.unique(tree.leaves.node)
    tips = tips[np.argsort(-tree.nodes.size[tips], kind="stable")]
    places = plane.of(probabilities(tree, tree.nodes.visible[tips]).reshape(len(tips), -1))
    share = tree.nodes.size[tips] / tree.nodes.size[-1]
    faces = colors if isinstance(colors, str) else [colors[node] for node in tips.tolist()]
    axes.scatter(
        *places.T, s=8 + 300 * share, c=faces, edgecolors=INK, linewidths=0.7, zorder=3, label="states"
    )


def _draw_scale(axes: "Axes", lines: LineCollection) -> None:
    bar = axes.figure.colorbar(lines, cax=axes)
    low, high = lines.get_clim()
    places, names = age_ticks(low or 0.0, high or 1.0, 6)
    bar.locator = FixedLocator(places)
    bar.formatter = FixedFormatter(names)
    bar.update_ticks()
    bar.outline.set_edgecolor(PALE)  # pyright: ignore[reportCallIssue]
    axes.tick_params(labelsize=6.5, labelcolor=INK, color=PALE, length=2, pad=1)
    axes.set_ylabel("updates", fontsize=6.5, color=INK, labelpad=1)


PLOT = Plot(
    name="pca",
    description="ways of the states through learning, in the plane in which the data are widest",
    draw=draw_pca,
)
