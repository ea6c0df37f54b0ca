"""Strides against the sweeps that they stand for, of maps whose sweeps are known in closed form."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from carving import RBM, fixed_points
from carving.meanfield import Plefka, striding
from carving.meanfield.solver import Solver
from carving.meanfield.striding import Strides, reach, step_between, stride
from tests.machines import random_machine

SITES, UNITS = 6, 4


def geometric(amplitudes: Tensor, factors: Tensor, sweep: float) -> Tensor:
    """Σ_k c_k λ_k^n along the axes of a space of both layers, (1, d)."""
    return (amplitudes * factors**sweep)[None]


def states(amplitudes: Tensor, factors: Tensor) -> list[Tensor]:
    return [geometric(amplitudes, factors, n) for n in (0.0, 1.0, 2.0)]


def reach_of(before: Tensor, middle: Tensor, after: Tensor) -> Tensor:
    return reach(middle - before, after - middle, SITES)[0]


def strode(before: Tensor, middle: Tensor, after: Tensor) -> tuple[Tensor, float]:
    length = reach_of(before, middle, after)
    pair = tuple((x[:, :SITES], x[:, SITES:]) for x in (middle, after))
    return torch.cat(stride(pair[1], step_between(*pair), length), 1), float(length)


slow = st.floats(0.9, 0.9999)
small = st.floats(1e-6, 0.1)


@given(factor=slow, amplitude=small)
def test_along_one_mode_a_stride_goes_no_more_than_half_of_the_way(factor: float, amplitude: float) -> None:
    direction = torch.linspace(-1, 1, SITES + UNITS, dtype=torch.float64)
    factors = torch.full_like(direction, factor)
    points = states(amplitude * direction, factors)
    end, length = strode(*points)
    left = end.norm() / points[2].norm()
    assert 0.5 - 1e-9 <= left <= 1
    # straight, so that only its length and how fast it shrinks limit it
    steps = (1 - factor) * amplitude * factor
    limit = min(0.02 / steps, 0.5 * factor / (1 - factor), 60.0)
    assert length == pytest.approx(limit if limit >= 3 else 0, rel=1e-3)


@given(
    amplitudes=st.lists(small, min_size=2, max_size=2),
    factors=st.tuples(slow, st.floats(0.5, 1.05)),
)
def test_what_a_stride_leaves_out_across_its_way_is_small(
    amplitudes: list[float], factors: tuple[float, float]
) -> None:
    # two modes at right angles, the second of which may grow: a row that passes a saddle
    where, rates = torch.zeros(SITES + UNITS).double(), torch.ones(SITES + UNITS).double()
    where[:2], rates[:2] = torch.tensor(amplitudes), torch.tensor(factors)
    points = states(where, rates)
    end, length = strode(*points)
    true = geometric(where, rates, 2 + length)
    step = points[2] - points[1]
    along = step / step.norm().clamp(min=1e-300)
    left_out = end - true
    across = left_out - (left_out * along).sum() * along
    # to the third order in the length, of which no more than a part is known from two steps
    curved = length * max(1 - factors[0], abs(1 - factors[1]))
    assert float(across.abs().max()) <= (5e-4 + 1e-5) * (1 + math.expm1(curved))


@pytest.mark.parametrize("axis", [0, SITES])
def test_what_alternates_in_either_layer_is_not_amplified(axis: int) -> None:
    # a steady drift of one unit, and another one that changes its sign at every sweep
    where, rates = torch.zeros(SITES + UNITS).double(), torch.ones(SITES + UNITS).double()
    where[1], rates[1] = 1e-2, 0.999
    where[axis], rates[axis] = 1e-3, -0.999
    assert float(reach_of(*states(where, rates))) == 0
    where[axis] = 0
    assert float(reach_of(*states(where, rates))) > 3


def test_rows_that_rest_do_not_stride_anywhere() -> None:
    rest = torch.full((1, SITES + UNITS), 0.3)
    assert torch.equal(strode(rest, rest, rest)[0], rest)


def driven(
    sweep: Callable[[Tensor], Tensor], begin: list[float], blocks: int
) -> tuple[Strides, list[Tensor]]:
    """A row whose visible sites go as ``sweep`` says, and where it was after each stride."""
    plefka = Plefka(random_machine("bernoulli", "bernoulli", sites=SITES, units=UNITS))
    v, h = torch.zeros(1, SITES).double(), torch.zeros(1, UNITS).double()
    v[0, : len(begin)] = torch.tensor(begin)
    strides, state, places = Strides.none(v, h), (v, h), []
    last = step_between(state, state)
    for _ in range(blocks):
        state = strides.stride(plefka, state, last)
        places.append(state[0])
        visible = [state[0]]
        for _ in range(striding.EVERY):
            visible.append(sweep(visible[-1]))
        before, middle, state = ((x, h) for x in visible[-3:])
        last = step_between(middle, state)
        strides.measure(plefka, step_between(before, middle), last, striding.EVERY)
    return strides, places


def test_a_row_that_has_passed_a_saddle_goes_back_and_sweeps() -> None:
    rates = torch.tensor([0.95, 1.05] + [1.0] * (SITES - 2)).double()
    strides, places = driven(lambda v: v * rates, [0.05, 1e-5], 60)
    assert bool(strides.went_back[0])
    # it was where it began to stride a second time, and from there on no further than sweeps bring it
    again = [
        index for index, place in enumerate(places) if float(place[0, 0]) > float(places[index - 1][0, 0])
    ]
    assert len(again[1:]) == 1
    back = again[1]
    assert float(places[back][0, 1]) < float(places[back - 1][0, 1])
    for one, two in itertools.pairwise(places[back : back + 10]):
        torch.testing.assert_close(two, one * rates**striding.EVERY, rtol=1e-12, atol=0)


def test_a_row_that_passes_where_a_state_has_vanished_does_not_go_back() -> None:
    def sweep(v: Tensor) -> Tensor:
        return torch.where(torch.arange(SITES) == 0, v + 1e-6 + 0.5 * v * v, v)

    strides, places = driven(sweep, [-0.05], 200)
    assert not bool(strides.went_back[0])
    assert float(strides.stood_for[0]) > 1.5 * 200 * striding.EVERY
    assert all(
        float(two[0, 0]) > float(one[0, 0]) for one, two in itertools.pairwise(places) if two[0, 0] < 0.05
    )


def ghost_machine() -> tuple[RBM, Tensor]:
    """Spins on which the state against the field has just vanished, and a sample that begins there.

    At first order, for N sites in a field a with weights w, m = tanh(a + w h) and h = tanh(N w m): a state of
    negative m exists as long as a is no larger than artanh m − w tanh(N w m) is somewhere along m < 0.
    """
    sites, weight = 30, 0.3
    m = torch.linspace(-0.999999, 0, 2_000_001, dtype=torch.float64)
    field = torch.atanh(m) - weight * torch.tanh(sites * weight * m)
    beyond = float(field.max()) + 5e-7
    rbm = RBM(
        torch.full((sites, 1), weight).double(),
        torch.full((sites,), beyond).double(),
        torch.zeros(1).double(),
        "spin",
        "spin",
    )
    return rbm, -torch.ones(1, sites).double()


def test_where_a_state_has_just_vanished_a_row_gets_through_in_a_fraction_of_the_sweeps(monkeypatch) -> None:
    rbm, samples = ghost_machine()
    plefka = Plefka(rbm, 1)
    state, count = plefka.start(samples), 0
    while True:
        after, count = plefka.sweep(*state), count + 1
        if float(plefka.size(after[0] - state[0], after[1] - state[1])) < 1e-12:
            break
        state = after
    assert count > 1000
    monkeypatch.setattr("carving.meanfield.solver._STRIDES", True)
    points = fixed_points(rbm, samples, order=1)
    torch.testing.assert_close(points.visible, after[0], rtol=0, atol=1e-6)
    assert float(points.visible.min()) > 0
    assert int(points.sweeps[0]) < count / 2
    assert points.spent is not None
    assert points.spent.strode > count / 2
    # without strides as many sweeps as it takes
    monkeypatch.setattr(striding, "_FEWEST", math.inf)
    solver = Solver(plefka)
    solver.solve(*plefka.start(samples))
    assert solver.spent.strode == 0
    assert int(solver.sweeps[0]) > count / 2
