"""Vertical lines where branches of a tree part, through panels over one axis of ages."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection

from carving.report._labels import NAMES_AT, lead, places_of, size_of, spread, write
from carving.report._palette import line_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from carving.physics import Cascade
    from carving.physics.spectrum import SpectrumAlongLearning

# inches that the sizes take above the panels, and in which lines lead to them
SIZES, _LEADER = 0.86, 0.15
# inches between two labels in a row
_APART = 0.125
_MOST_LABELS = 12


@dataclass(frozen=True, eq=False)
class Partings:
    """The splits whose age is known, those that matter most first."""

    age: np.ndarray
    uncertainty: np.ndarray
    sizes: np.ndarray
    colors: list[str]


def partings_of(cascade: "Cascade") -> Partings:
    """Those of a cascade; the more samples are on the smaller side, the more a split matters."""
    splits, tree = cascade.splits, cascade.tree
    if splits is None or tree is None:
        return Partings(np.zeros(0), np.zeros(0), np.zeros((0, 2), dtype=np.int64), [])
    sizes = -np.sort(-np.stack([tree.nodes.size[splits.child], tree.nodes.size[splits.other]], 1), axis=1)
    rows = np.lexsort([-sizes[:, 0], -sizes[:, 1]])
    rows = rows[np.isfinite(splits.age[rows])]
    along = softest_along(cascade.spectrum, splits.direction, splits.age)[rows]
    return Partings(
        splits.age[rows], splits.uncertainty[rows], sizes[rows], [line_color(number) for number in along]
    )


def softest_along(spectrum: "SpectrumAlongLearning", fields: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """Which singular direction each field has most to do with; −1 where they are less than half of it."""
    parts = spectrum.components(fields, ages)
    # not so where there is no direction, which is NaN
    return np.where(np.square(parts).sum(1) >= 0.5, np.nan_to_num(parts).argmax(1), -1)


def draw_partings(axes: "Axes", partings: Partings, top: float) -> None:
    """Lines through a panel, and the gap above it."""
    transform = axes.get_xaxis_transform()
    log_age = np.log1p(partings.age)
    for side, (width, alpha) in (
        (slice(None, _MOST_LABELS), (0.8, 0.8)),
        (slice(_MOST_LABELS, None), (0.4, 0.25)),
    ):
        lines = [[(age, 0), (age, top)] for age in partings.age[side].tolist()]
        options = {"colors": partings.colors[side], "linewidths": width, "alpha": alpha, "clip_on": False}
        axes.add_collection(
            LineCollection(lines, transform=transform, zorder=1.2, label="splits", **options), autolim=False
        )
    edges = [
        np.clip(np.expm1(log_age + sign * partings.uncertainty), *axes.get_xlim())[:_MOST_LABELS]
        for sign in (-1, 1)
    ]
    bands = [
        [(low, 0), (low, 1), (high, 1), (high, 0)] for low, high in np.stack(edges, 1).tolist() if high > low
    ]
    colors = [color for color, low, high in zip(partings.colors, *edges, strict=False) if high > low]
    axes.add_collection(
        PolyCollection(bands, transform=transform, facecolors=colors, alpha=0.13, linewidths=0, zorder=0.5),
        autolim=False,
    )


def label_partings(axes: "Axes", partings: Partings) -> None:
    """How many samples are on either side, above the panels."""
    ages = partings.age[:_MOST_LABELS]
    if not len(ages):
        return
    height = size_of(axes)[1]
    at = places_of(axes, np.stack([ages, np.full(len(ages), axes.get_ylim()[1])], 1))[:, 0]
    places = spread(at, _APART, _APART / 2, size_of(axes)[0])
    upright = {"rotation": 90, "ha": "center", "va": "bottom"}
    for (large, small), place in zip(partings.sizes.tolist(), places.tolist(), strict=False):
        write(axes, place, height + _LEADER, f"{large:,} | {small:,}", **upright)
    write(axes, -NAMES_AT, height + _LEADER, "samples", fontsize=8.5, **upright)
    ends = np.full(len(at), height)
    leaders = np.stack([at, ends, places, ends + _LEADER - 0.02], 1).reshape(-1, 2, 2)
    lead(axes, leaders, partings.colors[:_MOST_LABELS], 0.8)
