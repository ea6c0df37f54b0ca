"""Grouping against scipy's single linkage and scikit-learn's DBSCAN."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from sklearn.cluster import DBSCAN

from carving.meanfield import link, same_points
from carving.meanfield.linkage import by_first_appearance, per_site_coordinates

# a coarse grid makes ties and exact repetitions common
clouds = hnp.arrays(np.float64, st.tuples(st.integers(1, 25), st.integers(1, 3)), elements=st.integers(-6, 6))


@given(clouds, st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0]))
def test_groups_are_those_of_dbscan(points: np.ndarray, distance: float) -> None:
    ours = link(torch.from_numpy(points), distance).group
    theirs = DBSCAN(eps=max(distance, 1e-12), min_samples=1).fit_predict(points)
    np.testing.assert_array_equal(ours, by_first_appearance(theirs))


@given(clouds, st.sampled_from([0.5, 1.0, 1.5, 2.5]))
def test_margins_are_the_heights_of_single_linkage(points: np.ndarray, distance: float) -> None:
    found = link(torch.from_numpy(points), distance)
    heights = linkage(pdist(points), "single")[:, 2] if len(points) > 1 else np.zeros(0)
    inside, outside = heights[heights <= distance], heights[heights > distance]
    np.testing.assert_allclose(found.largest_step, inside.max() if len(inside) else math.nan)
    np.testing.assert_allclose(found.smallest_gap, outside.min() if len(outside) else math.nan)


def test_close_points_in_many_dimensions_are_told_apart_exactly() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(300, 500, generator=generator, dtype=torch.float64)
    points[150:] = points[:150] + 1e-7 * torch.randn(150, 500, generator=generator, dtype=torch.float64)
    expected = fcluster(linkage(points.numpy(), "single"), 2.3e-6, "distance")
    np.testing.assert_array_equal(link(points, 2.3e-6).group, by_first_appearance(expected))


@given(clouds, st.sampled_from([0.5, 1.5, 2.5]), st.integers(0, 2**16))
def test_same_points_are_chains_of_close_rows(points: np.ndarray, closeness: float, seed: int) -> None:
    jitter = np.random.default_rng(seed).uniform(-1e-9, 1e-9, points.shape)
    rows = torch.from_numpy(points + jitter)
    ours = same_points(rows, torch.full((len(rows),), 1e-8, dtype=torch.float64), closeness)
    theirs = DBSCAN(eps=closeness, min_samples=1, metric="chebyshev").fit_predict(points)
    np.testing.assert_array_equal(ours, by_first_appearance(theirs))


def test_large_errors_make_rows_the_same_and_unknown_ones_do_not() -> None:
    rows = torch.tensor([[0.0], [0.5], [2.0]], dtype=torch.float64)
    error = torch.tensor([0.3, 0.3, math.inf], dtype=torch.float64)
    np.testing.assert_array_equal(same_points(rows, error, 1e-5), [0, 0, 1])


@pytest.mark.parametrize(("scale", "shape"), [(0.5, (6, 40)), (1.0, (6, 40)), (1.0, (6, 20, 3))])
def test_distances_are_per_site(scale: float, shape: tuple[int, ...]) -> None:
    m = torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    points = per_site_coordinates(m, scale)
    expected = scale * float((m[0] - m[1]).square().sum().sqrt()) / shape[1] ** 0.5
    assert float((points[0] - points[1]).norm()) == pytest.approx(expected)
