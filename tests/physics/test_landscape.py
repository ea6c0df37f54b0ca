"""Saddles against minimax paths on a grid, closed forms, and dense Hessians."""

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.cluster.hierarchy import fcluster
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from torch import Tensor

from carving import RBM, fixed_points
from carving.errors import InvalidInput
from carving.physics._barrier_along import barrier_along
from carving.physics.landscape import Landscape, landscape
from carving.physics.paths import Couplings, Field
from tests.machines import ordering_machine, random_samples
from tests.physics.roots import root_of
from tests.reference.free_energy import gibbs_free_energy, stationarity
from tests.reference.reduced_chain import curie_weiss, direction

SITES = 100


# ---- grid search: Γ(m_v) with the best m_h, and the lowest way over it


def eliminated(rbm: RBM, order: int, m_v: Tensor) -> Tensor:
    """min over m_h of Γ, by bisection of its slope: hidden units do not see each other at given m_v."""
    low, high = (-1.0, 1.0) if rbm.hidden.name == "spin" else (0.0, 1.0)
    low = torch.full((len(m_v), rbm.hidden_size), low, dtype=torch.float64)
    high = torch.full_like(low, high)
    for _ in range(45):
        middle = ((low + high) / 2).requires_grad_()
        (slope,) = torch.autograd.grad(gibbs_free_energy(rbm, order, m_v, middle).sum(), middle)
        low, high = (
            torch.where(slope < 0, middle, low).detach(),
            torch.where(slope < 0, high, middle).detach(),
        )
    return gibbs_free_energy(rbm, order, m_v, (low + high) / 2)


def lowest_way(energy: np.ndarray, begin: int, end: int) -> list[int]:
    """The cells of the minimax way between two cells of a grid, eight neighbours a cell."""
    cells = np.arange(energy.size).reshape(energy.shape)
    pairs = np.concatenate(
        [
            np.stack([a.ravel(), b.ravel()], 1)
            for a, b in (
                (cells[1:], cells[:-1]),
                (cells[:, 1:], cells[:, :-1]),
                (cells[1:, 1:], cells[:-1, :-1]),
                (cells[1:, :-1], cells[:-1, 1:]),
            )
        ]
    )
    flat = energy.ravel()
    height = flat[pairs].max(1) - flat.min() + 1.0
    graph = coo_array((height, (pairs[:, 0], pairs[:, 1])), shape=(flat.size, flat.size)).tocsr()
    before = breadth_first_order(minimum_spanning_tree(graph), begin, directed=False)[1]
    way = [end]
    while way[-1] != begin:
        way.append(int(before[way[-1]]))
    return way


def saddle_on_a_grid(rbm: RBM, order: int, one: Tensor, other: Tensor) -> float:
    """Γ of the lowest way between two states of a machine with two visible units."""
    edge = (-1.0, 1.0) if rbm.visible.name == "spin" else (0.0, 1.0)
    x = y = np.linspace(edge[0] + 1e-4, edge[1] - 1e-4, 121)
    ends, height = [one.numpy(), other.numpy()], math.inf
    for _ in range(4):
        grid = np.stack(np.meshgrid(x, y, indexing="ij"), -1).reshape(-1, 2)
        energy = eliminated(rbm, order, torch.from_numpy(grid)).numpy()
        cells = [int(np.square(grid - end).sum(1).argmin()) for end in ends]
        way = lowest_way(energy.reshape(len(x), len(y)), *cells)
        top = int(np.argmax(energy[way]))
        height = float(energy[way[top]])
        # the same around it, between cells of the way that lie lower on either side
        ends = [grid[way[max(top - 5, 0)]], grid[way[min(top + 5, len(way) - 1)]]]
        width = 8 * (x[1] - x[0]), 8 * (y[1] - y[0])
        x, y = (
            np.linspace(max(centre - w, edge[0] + 1e-4), min(centre + w, edge[1] - 1e-4), 61)
            for centre, w in zip(grid[way[top]], width, strict=True)
        )
    return height


SMALL = [
    ("spin", [[1.5], [1.3]], [0.05, -0.02], [0.03]),
    ("spin", [[1.6, 0.5], [1.5, -0.4]], [0.06, -0.02], [0.05, 0.1]),
    ("bernoulli", [[6.5], [5.5]], [-3.15, -2.8], [-6.05]),
    ("bernoulli", [[6.0, 2.0], [5.5, -2.0]], [-3.95, -1.75], [-5.7, 0.1]),
]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("unit", "weights", "a", "b"), SMALL)
def test_small_machines_have_the_saddle_that_a_grid_has(
    unit: str, weights: list, a: list, b: list, order: int
) -> None:
    # the second order needs stronger couplings for its states; the paramagnetic one is a third there
    scale = 1.0 if order == 1 else 1.6
    w, a_v, b_h = (scale * torch.tensor(x, dtype=torch.float64) for x in (weights, a, b))
    rbm = RBM(w, a_v, b_h, unit, unit)
    found = landscape(rbm, rbm.visible.configurations(2, torch.float64), order=order)
    assert len(found) > 1
    assert not len(found.unresolved)
    heights = cophenetic(found.merge_heights(), len(found)) + float(found.free_energy.min())
    for (one, other), height in zip(itertools.combinations(range(len(found)), 2), heights, strict=True):
        expected = saddle_on_a_grid(rbm, order, found.visible[one], found.visible[other])
        assert height == pytest.approx(expected, abs=1e-6)


# ---- closed forms of Curie–Weiss machines


def energy_of(k: float, m: float, field: float = 0.0) -> float:
    """Γ at order 1 of N sites at magnetisation m along ξ, for θ = K m + κ/√N."""
    entropy = -sum((1 + s * m) / 2 * math.log((1 + s * m) / 2) for s in (1, -1))
    return SITES * (-k * m * m / 2 - entropy) - field * math.sqrt(SITES) * m


def test_curie_weiss_has_two_states_and_the_paramagnetic_saddle() -> None:
    k = 1.5
    rbm = curie_weiss(SITES, k)
    pattern = torch.sign(direction(SITES)[:, 0])
    samples = torch.stack([pattern, -pattern, pattern])
    found = landscape(rbm, samples, order=1, weights=np.array([1.0, 5.0, 1.0]))
    m = root_of(lambda x: math.atanh(x) - k * x, 1e-3, 1 - 1e-12)
    assert found.weight.tolist() == pytest.approx([5 / 7, 2 / 7])
    assert found.minimum.tolist() == [1, 0, 1]
    assert found.between.tolist() == [[0, 1]]
    assert found.saddle_visible.abs().max() < 1e-9
    expected = energy_of(k, 0.0) - energy_of(k, m)
    assert found.barriers[0].tolist() == pytest.approx([expected, expected], abs=1e-9)


def test_a_barrier_vanishes_at_the_spinodal_with_power_three_halves() -> None:
    k = 2.0
    rbm, u = curie_weiss(SITES, k), direction(SITES)[:, 0]
    start = fixed_points(rbm, torch.sign(u)[None], order=1)
    found = barrier_along(Field(rbm, u, 1), start.visible[0], start.hidden[0], begin=0.0, end=-10.0, number=9)
    m_s = math.sqrt(1 - 1 / k)
    assert found.spinodal == pytest.approx(-math.sqrt(SITES) * (k * m_s - math.atanh(m_s)), rel=1e-5)
    for field, barrier in zip(found.place.tolist(), found.barrier.tolist(), strict=True):

        def state(x: float, field: float = field) -> float:
            return math.atanh(x) - k * x - field / math.sqrt(SITES)

        stable, top = root_of(state, m_s, 1 - 1e-14), root_of(state, -m_s, m_s)
        expected = energy_of(k, top, field) - energy_of(k, stable, field)
        assert barrier == pytest.approx(expected, rel=1e-5)
    away, barrier = (found.place - found.spinodal)[-2:], found.barrier[-2:]
    slope = float(torch.log(barrier[0] / barrier[1]) / torch.log(away[0] / away[1]))
    assert slope == pytest.approx(1.5, abs=0.01)


def test_a_state_without_a_saddle_to_end_in_has_no_barrier_along_a_path() -> None:
    rbm, u = curie_weiss(SITES, 2.0), direction(SITES)[:, 0]
    start = fixed_points(rbm, torch.sign(u)[None], order=1)
    state = start.visible[0], start.hidden[0]
    with pytest.raises(InvalidInput, match="still there"):
        barrier_along(Field(rbm, u, 1), *state, begin=0.0, end=-1.0)
    with pytest.raises(InvalidInput, match="saddle"):
        barrier_along(Couplings(rbm, 1), *state)
    with pytest.raises(InvalidInput, match="no minimum"):
        barrier_along(Field(rbm, u, 1), 0 * state[0], 0 * state[1], begin=0.0, end=-10.0)


# ---- every unit and order


@pytest.mark.parametrize(
    ("visible", "hidden", "order"),
    [("spin", "gaussian", 1), ("bernoulli", "bernoulli", 2), ("spin", "spin", 3), ("potts", "spin", 2)],
)
def test_saddles_are_stationary_and_fall_in_one_direction_only(visible: str, hidden: str, order: int) -> None:
    rbm = ordering_machine(visible, hidden, 1.8)
    found = landscape(rbm, random_samples(rbm, 30), order=order)
    assert len(found.between)
    states = found.saddle_visible, found.saddle_hidden
    assert float(stationarity(rbm, order, *states).max()) < 1e-9
    for v, h in zip(*states, strict=True):
        values = torch.linalg.eigvalsh(tangent_hessian(rbm, order, v, h))
        assert int((values < 0).sum()) == 1
    assert bool((found.barriers > 0).all())
    assert bool((found.saddle_curvature < 0).all())


def tangent_hessian(rbm: RBM, order: int, m_v: Tensor, m_h: Tensor) -> Tensor:
    size = m_v.numel()

    def energy(m: Tensor) -> Tensor:
        return gibbs_free_energy(rbm, order, m[:size].reshape(1, *m_v.shape), m[size:][None])[0]

    hessian = torch.as_tensor(torch.autograd.functional.hessian(energy, torch.cat([m_v.flatten(), m_h])))
    if rbm.states is None:
        return hessian
    site = torch.linalg.svd(torch.ones(1, rbm.states, dtype=torch.float64))[2][1:].T
    basis = torch.block_diag(*[site] * rbm.visible_size, torch.eye(len(m_h), dtype=torch.float64))
    return basis.T @ hessian @ basis


def machine_of_patterns(sites: int, units: int, patterns: int, *, strength: float) -> RBM:
    """Random ±1 patterns, each coupled to a direction of its own of the hidden units; some noise."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    towards = torch.linalg.qr(draw(units, patterns)).Q
    weights = strength * torch.sign(draw(sites, patterns)) / sites**0.5 @ towards.T + 0.02 * draw(
        sites, units
    )
    return RBM(weights, 0.05 * draw(sites), torch.zeros(units, dtype=torch.float64), "spin", "spin")


def test_many_states_are_joined_by_saddles_that_lead_downhill_to_them() -> None:
    rbm = machine_of_patterns(40, 12, 3, strength=2.0)
    samples = random_samples(rbm, 100)
    found = landscape(rbm, samples)
    assert len(found) > 3
    assert len(found.unresolved) <= 0.1 * len(found.neighbours)
    assert bool((found.barriers > 0).all())
    # the spanning tree is among the neighbours: with no pair unresolved, one group is left at a finite height
    heights = found.merge_heights()
    assert len(found.unresolved) or bool(np.isfinite(heights[:, 2]).all())
    own = fixed_points(rbm, samples)
    held = torch.from_numpy(found.minimum >= 0)
    assert float(held.double().mean()) > 0.9
    apart = (own.visible[held] - found.visible[torch.from_numpy(found.minimum)[held]]).abs().max()
    assert float(apart) < 1e-5


# ---- the disconnectivity graph


def test_groups_merge_at_the_lowest_chain_of_saddles() -> None:
    generator = np.random.default_rng(0)
    n, pairs = 9, []
    # two parts that nothing joins: 0…5 and 6…8
    for one, other in itertools.combinations(range(n), 2):
        if (one < 6) == (other < 6) and generator.random() < 0.6:
            pairs.append((one, other))
    height = generator.uniform(1, 2, len(pairs))
    blank = torch.zeros(n, 1, dtype=torch.float64)
    some = landscape(curie_weiss(SITES, 0.5), torch.sign(direction(SITES)).T, order=1)
    made = replace(
        some,
        visible=blank,
        free_energy=torch.from_numpy(generator.uniform(-1, 0, n)),
        saddle_free_energy=torch.from_numpy(height),
        between=np.array(pairs),
    )
    linkage = made.merge_heights()
    lowest = float(made.free_energy.min())
    minimax = np.full((n, n), np.inf)
    for (one, other), top in zip(pairs, height - lowest, strict=True):
        minimax[one, other] = minimax[other, one] = min(top, minimax[one, other])
    for through in range(n):
        minimax = np.minimum(minimax, np.maximum(minimax[:, through, None], minimax[None, through]))
    np.testing.assert_allclose(cophenetic(linkage, n), minimax[np.triu_indices(n, 1)])
    assert list(linkage[:, 3][-1:]) == [n]
    flat = fcluster(np.where(np.isinf(linkage), 1e9, linkage), 1e3, "distance")
    assert len(set(flat)) == 2


def cophenetic(linkage: np.ndarray, n: int) -> np.ndarray:
    """The height at which each pair is first in one group."""
    members = [{point} for point in range(n)]
    height = np.zeros((n, n))
    for left, right, top, _ in linkage:
        for one, other in itertools.product(members[int(left)], members[int(right)]):
            height[one, other] = height[other, one] = top
        members.append(members[int(left)] | members[int(right)])
    return height[np.triu_indices(n, 1)]


def test_one_state_has_no_saddles_and_no_merges() -> None:
    found: Landscape = landscape(curie_weiss(SITES, 0.5), torch.sign(direction(SITES)).T, order=1)
    assert len(found) == 1
    assert found.barriers.shape == (0, 2)
    assert found.merge_heights().shape == (0, 4)


def test_what_does_not_fit_is_refused() -> None:
    rbm, samples = curie_weiss(SITES, 1.5), torch.sign(direction(SITES)).T
    refused: list[dict[str, Any]] = [
        {"weights": np.ones(2)},
        {"weights": np.array([-1.0])},
        {"neighbours": -1},
    ]
    for options in refused:
        with pytest.raises(InvalidInput):
            landscape(rbm, samples, order=1, **options)
