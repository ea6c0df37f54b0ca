"""Pictures of states, splits, levels and ways through learning show what the tree holds."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.stats import entropy
from sklearn.metrics import adjusted_mutual_info_score

from carving.report import draw_free_energy, draw_levels, draw_pca, draw_split, draw_states, draw_tree
from carving.report._logo import draw_logo, information, letter_colors
from carving.report._palette import PALE
from tests.report.pictures import POINTS, STATE, pictured_tree, samples_of
from tests.report.test_draw_branches import lines_of
from tests.trees import small_tree


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


# ---- states


def test_images_are_the_states_in_the_order_of_the_tree():
    tree = pictured_tree()
    figure = draw_states(tree, image_shape=(2, 3))
    images: list[Any] = sorted(figure.axes[-1].images, key=lambda image: image.get_extent()[0])
    np.testing.assert_allclose([np.ravel(image.get_array()) for image in images], POINTS, atol=1e-6)
    assert [word for word in words_of(figure) if word in ("a  6", "b  3", "c  4", "d  2")] == [
        "a  6", "b  3", "c  4", "d  2",
    ]  # fmt: skip


def test_spins_are_drawn_as_probabilities():
    tree = pictured_tree()
    spins = replace(
        tree,
        visible_unit="spin",
        nodes=replace(tree.nodes, visible=2 * tree.nodes.visible - 1),
        states=replace(tree.states, visible=2 * tree.states.visible - 1),
    )
    for shape in ((2, 3), None):
        one, other = (draw_states(each, image_shape=shape) for each in (tree, spins))
        for mine, its in zip(images_of(one), images_of(other), strict=True):
            np.testing.assert_allclose(mine, its, atol=1e-6)


def images_of(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]


def test_states_of_an_age_are_those_of_its_partition():
    tree = pictured_tree()
    (rows,) = images_of(draw_states(tree, age=30))
    at_age = tree.states.age == 30
    np.testing.assert_allclose(rows, tree.states.visible[at_age])
    (below,) = images_of(draw_states(tree, age=30, node="t10.0"))
    np.testing.assert_allclose(below, tree.states.visible[at_age & np.isin(tree.states.node, [2, 3])])


def test_the_largest_states_are_shown_and_the_others_counted():
    figure = draw_states(pictured_tree(), most=2)
    np.testing.assert_allclose(images_of(figure)[0], POINTS[[0, 2]], atol=1e-6)
    assert "the 2 largest of 4 states at 100 updates" in words_of(figure)


def test_a_site_tells_as_many_bits_as_entropy_leaves():
    drawn = np.random.default_rng(0).dirichlet(np.ones(5), size=(3, 7))
    expected = np.log2(5) - entropy(drawn, base=2, axis=-1)
    np.testing.assert_allclose(information(drawn), expected)
    assert information(np.array([[1.0, 0, 0, 0]]))[0] == pytest.approx(2)
    assert information(np.full((1, 4), 0.25))[0] == pytest.approx(0)


def test_letters_are_stacked_as_high_as_they_should_be():
    axes: Axes = Figure().add_subplot()
    heights = np.array([[1.0, 0.25, 0.0, 0.5], [-0.5, 0.0, 2.0, 0.0]])
    colors: dict[str, str] = {"A": "#000000", "C": "#111111", "G": "#222222", "T": "#333333"}
    draw_logo(axes, heights, "ACGT", colors)
    (letters,) = axes.collections
    faces: Any = letters.get_facecolor()
    found = zip(faces, letters.get_paths(), strict=True)
    extents = {to_hex(color): path.get_extents() for color, path in found}
    # the highest is outermost: C from 0 on, then T, then A; below zero the A of the second site
    assert extents["#111111"].y0 == pytest.approx(0)
    assert extents["#111111"].y1 == pytest.approx(0.25)
    assert (extents["#333333"].y0, extents["#333333"].y1) == pytest.approx((0.25, 0.75))
    assert (extents["#000000"].y0, extents["#000000"].y1) == pytest.approx((-0.5, 1.75))
    assert (extents["#222222"].x0, extents["#222222"].x1) == pytest.approx((1.04, 1.96))


@pytest.mark.parametrize("alphabet", ["-ACDEFGHIKLMNPQRSTVWY", "ACGT", "-ACGT", "ACGU", "01"])
def test_every_letter_has_a_colour_and_every_colour_a_meaning(alphabet: str):
    colors, entries = letter_colors(alphabet)
    assert set(colors) == set(alphabet)
    if entries:
        assert {entry.color for entry in entries} == set(colors.values())


# ---- river


def test_images_of_a_river_are_the_states_where_they_are_born_in_frames_of_their_colour():
    tree = pictured_tree()
    figure = draw_tree(tree, image_shape=(2, 3), width=7.0)
    figure.canvas.draw()
    found = {}
    for axes in figure.axes:
        frames = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        for image, frame in zip(axes.images, frames, strict=True):
            left, right, low, high = image.get_extent()
            inside = frame.get_bbox()
            assert inside.x0 < left < right < inside.x1
            assert min(inside.y0, inside.y1) < high < low < max(inside.y0, inside.y1)
            # two rows of three square pixels
            width, height = abs(np.diff(axes.transData.transform([(left, low), (right, high)]), axis=0)[0])
            assert width / height == pytest.approx(3 / 2)
            points = np.ravel(np.asarray(image.get_array()))
            (node,) = np.flatnonzero(np.abs(tree.nodes.visible - points).max(1) < 1e-9).tolist()
            found[node] = to_hex(frame.get_edgecolor())
    assert set(found) == set(range(7))
    # all samples of that state are labelled b, and its parents' are not
    assert found[1] == tree.colors["kind"]["b"]
    assert found[4] == found[5] == found[6] == PALE.lower()


# ---- splits


def test_dots_of_a_split_are_the_probabilities_of_its_branches():
    # t1.0 parts into t10.0 and t100.2, whose states at age 10 are (0, ½) and (1, 1)
    figure = draw_split(small_tree())
    axes = next(axes for axes in figure.axes if axes.lines and axes.get_xlabel())
    first, second = (np.asarray(line.get_xydata()) for line in axes.lines)
    assert first.tolist() == [[0, 0.5], [0.5, 1.5]]
    assert second.tolist() == [[1, 0.5], [1, 1.5]]
    assert [word for word in words_of(figure) if word in ("0", "1")] == ["0", "1"]


def test_the_third_image_of_a_split_is_the_difference():
    first, second, difference = images_of(draw_split(pictured_tree(), image_shape=(2, 3)))[:3]
    np.testing.assert_allclose(difference, first - second)
    tree = pictured_tree()
    at_age = tree.states.age == 10
    np.testing.assert_allclose(np.ravel(first), tree.states.visible[at_age & (tree.states.node == 4)][0])
    np.testing.assert_allclose(np.ravel(second), tree.states.visible[at_age & (tree.states.node == 5)][0])


def test_a_split_says_what_its_branches_are():
    words = words_of(draw_split(pictured_tree(), width=7.0))
    assert "t1.0: one state until age 1; compared at age 10" in words
    assert "t30.0: 9 samples, a: 50 %, b: 50 %" in words
    assert "t10.0: 6 samples, c: 50 %, d: 33 %, a: 17 %" in words


# ---- levels


def test_scores_are_those_of_scikit_learn_at_every_age():
    tree = pictured_tree()
    upper = next(axes for axes in draw_levels(tree, permutations=3).axes if "AMI" in axes.get_ylabel())
    lines = [line for line in upper.lines if len(np.ravel(line.get_xdata())) > 1]
    for column, line in zip(("kind", "group"), lines, strict=True):
        known = tree.labels[column] != ""
        expected = [
            adjusted_mutual_info_score(tree.labels[column][known], tree.partition(age)[known])
            for age in tree.ages.updates.tolist()
        ]
        np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), expected, atol=1e-9)


@pytest.mark.parametrize("age", [100, 60, 30, 20, 10, 5, 1])
def test_groups_between_two_ages_are_those_of_the_partition(age: int):
    tree = pictured_tree()
    lower = next(axes for axes in draw_levels(tree, permutations=3).axes if axes.get_ylabel() == "groups")
    corners = np.asarray(lower.lines[0].get_path().vertices)
    at, levels = np.log1p(age), set()
    for begin, end in pairwise(corners.tolist()):
        # level pieces that lie over the age, and ends of upright ones
        if min(begin[0], end[0]) - 1e-9 <= at <= max(begin[0], end[0]) + 1e-9:
            levels |= {round(begin[1]), round(end[1])}
    assert len(set(tree.partition(age).tolist())) in levels
    if age not in tree.ages.updates:
        assert len(levels) == 1


def test_shuffled_labels_are_said_to_be_no_more_than_chance():
    tree = pictured_tree()
    chance = replace(tree, labels={"kind": list("abcabcabcabcabc")}, colors={})
    assert any("no more than chance" in word for word in words_of(draw_levels(chance, width=7.0)))
    assert not any("chance" in word for word in words_of(draw_levels(tree, width=7.0)))


# ---- ways through learning


def test_free_energies_lie_where_the_tree_has_them():
    tree = pictured_tree()
    figure = draw_free_energy(tree)
    x = np.log1p(tree.states.age.astype(float))
    lowest = {age: tree.states.free_energy[tree.states.age == age].min() for age in tree.states.age.tolist()}
    above = tree.states.free_energy - [lowest[age] for age in tree.states.age.tolist()]
    for panel, energy in ((-2, tree.states.free_energy), (-1, above)):
        expected = np.stack([x, energy], 1)
        corners = np.concatenate([line for line in lines_of(figure, panel) if len(line) > 1])
        for point in expected:
            assert np.abs(corners - point).max(1).min() < 1e-6
        for corner in corners:
            assert np.abs(expected - corner).max(1).min() < 1e-6


def test_lines_of_free_energy_follow_every_branch_to_where_it_joins():
    tree = small_tree()
    drawn = {
        tuple(map(tuple, np.round([line[0], line[-1]], 6).tolist()))
        for line in lines_of(draw_free_energy(tree), -2)
        if len(line) > 1
    }
    ends = {0: (100, -5, 10, -3), 1: (100, -4, 10, -3), 2: (100, -4.5, 1, -1.5), 3: (10, -3, 1, -1.5)}
    assert drawn == {((round(np.log1p(a), 6), b), (round(np.log1p(c), 6), d)) for a, b, c, d in ends.values()}


def test_signs_say_which_births_are_minima_and_converged():
    tree = pictured_tree()
    upper = draw_free_energy(tree).axes[-2]
    found = {
        str(each.get_label()): len(np.asarray(each.get_offsets()))
        for each in upper.collections
        if str(each.get_label()) in ("full", "open", "cross")
    }
    assert found == {"full": 5, "open": 1, "cross": 1}


def plane_of(figure: Figure) -> Axes:
    return next(axes for axes in figure.axes if axes.get_xlabel())


def offsets(axes, label: str) -> np.ndarray:
    (found,) = [each for each in axes.collections if each.get_label() == label]
    assert isinstance(found, PathCollection)
    return np.asarray(found.get_offsets())


def test_the_plane_is_that_of_the_singular_vectors():
    tree = pictured_tree()
    rows = samples_of(tree).astype(float)
    axes = plane_of(draw_pca(tree, samples=rows.astype("u1")))
    _, values, directions = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    plane = directions[:2].T
    # of either direction the sign is free
    for found, expected in (
        (offsets(axes, "samples"), (rows - rows.mean(0)) @ plane),
        (offsets(axes, "states"), (POINTS[[0, 2, 1, 3]] - rows.mean(0)) @ plane),
    ):
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-6)
    share = values**2 / (values**2).sum()
    assert axes.get_xlabel() == f"PC 1, {100 * share[0]:.0f} % of variance"


def test_ways_go_from_every_state_to_that_of_the_next_younger_age():
    tree = pictured_tree()
    axes = plane_of(draw_pca(tree, samples=samples_of(tree)))
    (ways,) = [each for each in axes.collections if isinstance(each, LineCollection)]
    # every state but the youngest one goes on
    assert len(ways.get_segments()) == len(tree.states) - 1
    np.testing.assert_allclose(
        sorted(np.asarray(ways.get_array())), sorted(np.log1p(tree.states.age[:-1].astype(float)))
    )


def test_samples_are_found_by_their_names():
    from carving.data import Samples

    tree = pictured_tree()
    rows, order = samples_of(tree), np.random.default_rng(0).permutation(15)
    shuffled = Samples(rows[order], tree.leaves.name[order])
    one, other = (
        next(axes for axes in draw_pca(tree, samples=each).axes if axes.get_xlabel())
        for each in (rows, shuffled)
    )
    np.testing.assert_allclose(offsets(one, "samples"), offsets(other, "samples"), atol=1e-9)


def test_letters_lie_where_their_one_hot_codes_do():
    tree = pictured_tree(letters=4)
    codes = np.where(POINTS[STATE] > 0.5, 0, 3).astype(np.uint8)
    one = next(axes for axes in draw_pca(tree, samples=codes).axes if axes.get_xlabel())
    other = next(
        axes for axes in draw_pca(tree, samples=np.eye(4, dtype=np.uint8)[codes]).axes if axes.get_xlabel()
    )
    np.testing.assert_allclose(offsets(one, "samples"), offsets(other, "samples"), atol=1e-9)
