"""Pictures with branches show the tree: lengths, places, colours, sizes, against what others say of it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from carving.report import draw_icicle, draw_radial, draw_rectangular
from carving.tree import Tree
from carving.tree.colors import label_colors
from carving.tree.topology import BRANCH_LENGTHS
from tests.report.pictures import pictured_tree
from tests.trees import random_tree, small_tree

TREES = st.builds(
    lambda leaves, seed, added: random_tree(
        leaves,
        generator=np.random.default_rng(seed),
        added_root=added,
        labels={"kind": [f"k{number % 3}" if number % 4 else "" for number in range(leaves)]},
    ),
    st.integers(2, 40),
    st.integers(0, 10_000),
    st.booleans(),
)


def lines_of(figure: Figure, panel: int) -> list[np.ndarray]:
    """The polygonal lines of a panel, each as its points."""
    found = []
    for collection in figure.axes[panel].collections:
        if isinstance(collection, PathCollection) and not len(collection.get_facecolor()):
            for path in collection.get_paths():
                begins = np.flatnonzero(np.asarray(path.codes) == path.MOVETO)
                found += np.split(np.asarray(path.vertices), begins[1:])
    return found


def distances(tree: Tree, branch_length: str) -> dict[str, float]:
    """How far every leaf is from the root, as ete3 has it."""
    root = tree.to_ete(branch_length=branch_length)
    return {leaf.name: root.get_distance(leaf) for leaf in root.iter_leaves()}


def has_branch(tree: Tree, branch_length: str) -> list[str]:
    return [leaf.name for leaf in tree.to_ete(branch_length=branch_length).iter_leaves() if leaf.dist > 0]


def named_rows(figure: Figure) -> dict[str, float]:
    """The place of every name beside the tips."""
    return {text.get_text(): text.get_position()[1] for text in figure.axes[-1].texts}


def start_of(tree: Tree, branch_length: str) -> float:
    """The place of the root: of births no later than any other."""
    nodes = tree.nodes
    births = np.where(np.isnan(nodes.birth_age), nodes.age, nodes.birth_age)
    ages = {"log-age": nodes.age[-1], "birth-age": births.min()}
    return float(np.log1p(ages.get(branch_length, 0)))


@settings(max_examples=8)
@given(tree=TREES, branch_length=st.sampled_from(BRANCH_LENGTHS))
def test_leaves_are_as_far_from_the_root_as_ete3_says(tree: Tree, branch_length: str):
    figure = draw_rectangular(tree, branch_length=branch_length)
    rows, lines = named_rows(figure), lines_of(figure, -2)
    ends: dict[float, float] = {}
    for line in lines:
        if line[0, 1] == line[-1, 1]:
            # a node may lie on the row of a leaf below it
            row = round(float(line[0, 1]), 6)
            ends[row] = max(ends.get(row, -1.0), float(line[-1, 0]))
    start, expected = start_of(tree, branch_length), distances(tree, branch_length)
    # those without a branch of their own have no line
    found = {name: ends[rows[name]] - start for name in has_branch(tree, branch_length)}
    assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-9)
    if branch_length == "distance":
        assert len(found) == len(tree.leaves)
    assert max(float(line[:, 0].max()) for line in lines) - start == pytest.approx(
        max(expected.values()), abs=1e-9
    )


@settings(max_examples=8)
@given(tree=TREES)
def test_radii_are_distances_and_angles_the_order_of_the_rows(tree: Tree):
    expected = distances(tree, "distance")
    names = sorted(named_rows(draw_rectangular(tree)).items(), key=lambda item: item[1])
    figure = draw_radial(tree)
    ends = np.array([line[-1] for line in lines_of(figure, -1) if len(line) == 2])
    radius = np.hypot(*ends.T)
    farthest = max(expected.values())
    tips = np.array([expected[name] for name, _ in names]) / farthest
    turn = (np.pi / 2 - np.arctan2(ends[:, 1], ends[:, 0])) % (2 * np.pi)
    # of leaves, by their angle; the outermost one gives the scale, the root lies at a share of it
    count = len(names)
    places = 0.015 + 0.97 * (np.arange(count) + 0.5) / count
    for place, tip in zip(places.tolist(), tips.tolist(), strict=True):
        near = np.abs(turn / (2 * np.pi) - place) < 1e-6
        assert np.isclose(radius[near] / radius.max(), 0.06 + 0.94 * tip, atol=1e-6).any()


def pieces(axes) -> Iterator[tuple[str, np.ndarray, str]]:
    """Label column, outline and colour of every piece of the strips or rings."""
    for collection in axes.collections:
        if isinstance(collection, PolyCollection) and not str(collection.get_label()).startswith("_"):
            faces: Any = collection.get_facecolor()
            for path, color in zip(collection.get_paths(), faces, strict=True):
                yield str(collection.get_label()), np.asarray(path.vertices), to_hex(color)


@settings(max_examples=8)
@given(tree=TREES)
def test_strips_have_the_colours_of_the_leaves_beside_them(tree: Tree):
    figure = draw_rectangular(tree)
    colors = label_colors(tree.labels["kind"].tolist())
    found = {}
    for _, outline, color in pieces(figure.axes[-1]):
        for name, row in named_rows(figure).items():
            if outline[:, 1].min() < row < outline[:, 1].max():
                assert name not in found
                found[name] = color
    labels = dict(zip(tree.leaves.name, tree.labels["kind"], strict=True))
    assert found == {name: colors[label] for name, label in labels.items() if label}


def test_rings_cover_as_much_of_the_circle_as_their_labels_have_leaves():
    tree = pictured_tree()
    areas: dict[tuple[str, str], float] = {}
    whole: dict[str, float] = {}
    for column, outline, color in pieces(draw_radial(tree).axes[-1]):
        x, y = outline.T
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        areas[column, color] = areas.get((column, color), 0) + area
        whole[column] = whole.get(column, 0) + area
    for column in tree.labels:
        labels = [label for label in tree.labels[column].tolist() if label]
        for label, color in label_colors(tree.labels[column].tolist(), tree.colors.get(column)).items():
            if label:
                share = areas[column, color] / whole[column]
                assert share == pytest.approx(labels.count(label) / len(labels), abs=0.005)


def test_supports_that_are_known_are_written_in_percent():
    for draw in (draw_rectangular, draw_radial):
        words = {text.get_text() for axes in draw(pictured_tree()).axes for text in axes.texts}
        assert {"90", "55"} <= words
        none = replace(pictured_tree(), nodes=replace(pictured_tree().nodes, support=np.full(7, np.nan)))
        assert not {"90", "55", "nan"} & {text.get_text() for axes in draw(none).axes for text in axes.texts}


def test_leaves_of_several_samples_have_bars_of_their_sizes():
    tree = pictured_tree().condense("states")
    figure = draw_rectangular(tree)
    bars = [
        np.ptp(np.asarray(path.vertices)[:, 0])
        for collection in figure.axes[-1].collections
        if str(collection.get_label()).startswith("_")
        for path in collection.get_paths()
    ]
    assert np.array(bars) / max(bars) == pytest.approx(np.array([6, 3, 4, 2]) / 6)
    assert {"6", "3", "4", "2"} <= set(named_rows(figure))


def test_columns_are_shown_in_the_order_asked_for():
    figure = draw_rectangular(pictured_tree(), columns=["group", "kind"])
    left = {}
    for column, outline, _ in pieces(figure.axes[-1]):
        left[column] = outline[:, 0].min()
    assert left["group"] < left["kind"]


def test_many_leaves_have_no_names_but_labels_of_long_runs():
    tree = random_tree(
        3000, generator=np.random.default_rng(0), states=3, labels={"kind": ["a", "b", ""] * 1000}
    )
    for draw in (draw_rectangular, draw_radial):
        words = {text.get_text() for text in draw(tree, branch_length="log-age").axes[-1].texts}
        assert {"a", "b"} <= words
        assert not set(tree.leaves.name) & words


@settings(max_examples=8)
@given(tree=TREES)
def test_bars_of_an_icicle_are_the_groups_of_every_age(tree: Tree):
    figure = draw_icicle(tree)
    (axes,) = [axes for axes in figure.axes if axes.get_xlabel()]
    (bars,) = [each for each in axes.collections if isinstance(each, PolyCollection)]
    boxes = np.array([np.asarray(path.vertices)[:4] for path in bars.get_paths()])
    left, right = boxes[..., 0].min(1), boxes[..., 0].max(1)
    low, high = boxes[..., 1].min(1), boxes[..., 1].max(1)
    # the bar of the root is only begun
    for age in tree.ages.updates[tree.ages.updates >= tree.nodes.age[-1]].tolist():
        at = np.log1p(age)
        crossed = (left < at - 1e-9) & (at <= right + 1e-9)
        sizes = np.unique(tree.partition(age), return_counts=True)[1]
        assert sorted(high[crossed] - low[crossed]) == pytest.approx(sorted(sizes))
        # side by side, from the first sample to the last
        order = np.argsort(low[crossed])
        assert np.append(low[crossed][order], len(tree.leaves)) == pytest.approx(
            np.append(0, high[crossed][order])
        )


def test_bars_have_the_colour_of_their_most_frequent_label():
    (axes,) = [axes for axes in draw_icicle(small_tree()).axes if axes.get_xlabel()]
    (bars,) = axes.collections
    # t100.0 is all EUR, t100.2 all AFR; of t100.1 nothing is known
    faces: Any = bars.get_facecolor()
    assert [to_hex(color) for color in faces[:3]] == ["#0094ff", "#c9cdd3", "#ff8800"]
