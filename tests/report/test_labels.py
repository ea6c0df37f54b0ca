"""Labels that keep out of each other's way, and colours of lines."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from carving.report._labels import spread
from carving.report._palette import LINES, OTHER, line_color

PLACES = st.lists(st.floats(0, 10), min_size=1, max_size=12).map(np.array)

# what linear RGB is to people without one kind of cone: Machado, Oliveira & Fernandes, IEEE Trans. Vis.
# Comput. Graph. 15, 1291 (2009), severity 1
VISION = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(color: str, vision: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of a colour as it is seen, white being D65."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(vision @ linear, 0, 1) / (0.9505, 1, 1.089)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@given(places=PLACES, gap=st.floats(0.01, 5))
def test_spread_labels_are_apart_in_order_and_inside(places, gap):
    found = spread(places, gap, -1, 11)
    order = np.argsort(places, kind="stable")
    # as far as there is room
    least = min(gap, 12 / max(len(places) - 1, 1))
    assert (np.diff(found[order]) >= least - 1e-9).all()
    assert found.min() >= -1 - 1e-9
    assert found.max() <= 11 + 1e-9


@given(places=PLACES, gap=st.floats(0.01, 0.5), seed=st.integers(0, 1000))
def test_no_other_places_that_are_apart_are_nearer(places, gap, seed):
    places = np.sort(places)
    found = spread(places, gap, -1, 11)
    generator = np.random.default_rng(seed)
    steps = gap * np.arange(len(places))
    for scale in (0.01, 0.1, 1.0):
        other = np.sort(found - steps + scale * generator.standard_normal(len(places)))
        other = np.clip(other, -1, 11 - steps[-1]) + steps
        assert np.square(found - places).sum() <= np.square(other - places).sum() + 1e-9


def test_labels_that_are_apart_stay():
    places = np.array([3.0, 1.0, 2.0])
    np.testing.assert_allclose(spread(places, 0.5, 0, 4), places)
    assert spread(np.zeros(0), 0.5, 0, 4).shape == (0,)


@pytest.mark.parametrize("kind", VISION)
def test_colours_of_lines_can_be_told_apart_by_people_with_any_vision(kind):
    seen = [lab(color, VISION[kind]) for color in (*LINES, OTHER)]
    # just noticeable is about 2.3; lines are thin
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 15


def test_colours_of_lines_are_darker_than_the_white_behind_them():
    assert max(lab(color, VISION["all cones"])[0] for color in LINES) < 80


def test_lines_beyond_the_colours_and_those_of_nothing_are_grey():
    assert [line_color(number) for number in (-1, 0, len(LINES))] == [OTHER, LINES[0], OTHER]
