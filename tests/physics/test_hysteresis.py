"""Hysteresis of Curie–Weiss machines against closed forms, and of others against sweeps in each field."""

import math

import pytest
import torch

from carving import RBM, fixed_points
from carving.errors import InvalidInput
from carving.physics.hysteresis import direction_between, direction_of_singular_vector, hysteresis
from tests.machines import ordering_machine
from tests.physics.roots import root_of
from tests.reference.reduced_chain import curie_weiss, direction

SITES = 100


def spinodal(k: float) -> tuple[float, float]:
    """m_s and κ_s of mathematics §7, along u = ξ/√N."""
    m = math.sqrt(1 - 1 / k)
    return m, math.sqrt(SITES) * (k * m - math.atanh(m))


def closed_form_area(k: float) -> float:
    """2 ∫ s dκ along the upper branch between both spinodals, with s = √N m and κ = √N (atanh m − K m)."""
    m, field = spinodal(k)
    # in θ = atanh m, for states that are all but saturated
    far = root_of(lambda x: x - k * math.tanh(x) - field / math.sqrt(SITES), math.atanh(m), 100.0)

    def integral(x: float) -> float:
        return math.log(math.cosh(x)) - k * math.tanh(x) ** 2 / 2

    return 2 * SITES * (integral(far) - integral(math.atanh(m)))


@pytest.mark.parametrize(
    "k", [pytest.param(1.05, marks=pytest.mark.slow), 2.0, pytest.param(20.0, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
def test_curie_weiss_jumps_at_its_spinodal_and_dissipates_its_area(visible: str, k: float) -> None:
    # v = (1 + s)/2: a field on v is half of one on s, and twice as much is dissipated by half as much
    scale = 1 if visible == "spin" else 2
    found = hysteresis(
        curie_weiss(SITES, k).convert(visible=visible), direction(SITES)[:, 0], order=1, number=5
    )
    field = scale * spinodal(k)[1]
    assert found.up.jumps.tolist() == pytest.approx([field], rel=1e-4)
    assert found.down.jumps.tolist() == pytest.approx([-field], rel=1e-4)
    assert found.up.jumps_from.tolist() == pytest.approx(
        [-spinodal(k)[0] * math.sqrt(SITES) / scale], rel=2e-2
    )
    assert found.area == pytest.approx(closed_form_area(k), rel=1e-3)
    assert found.closed


def test_there_is_no_loop_before_the_transition() -> None:
    found = hysteresis(curie_weiss(SITES, 0.9), direction(SITES)[:, 0], order=1, number=9)
    assert not len(found.up.jumps)
    assert not len(found.down.jumps)
    assert abs(found.area) < 1e-10
    torch.testing.assert_close(found.up.projection, found.down.projection.flip(0), rtol=0, atol=1e-9)


def test_projections_are_those_of_the_equation_of_state() -> None:
    k, number = 2.0, 8
    found = hysteresis(
        curie_weiss(SITES, k), direction(SITES)[:, 0], order=1, number=number, largest=1.5 * spinodal(k)[1]
    )
    for field, up in zip(found.up.fields.tolist(), found.up.projection.tolist(), strict=True):
        m = up / math.sqrt(SITES)
        assert math.atanh(m) == pytest.approx(k * m + field / math.sqrt(SITES), abs=1e-8)
        # the lower branch, up to its spinodal
        assert (m < 0) == (field < spinodal(k)[1])


def test_a_minor_loop_stays_in_the_state_that_it_starts_from() -> None:
    k = 2.0
    rbm, u = curie_weiss(SITES, k), direction(SITES)[:, 0]
    for sign in (1, -1):
        points = fixed_points(rbm, sign * torch.sign(u)[None], order=1)
        found = hysteresis(
            rbm,
            u,
            order=1,
            number=5,
            largest=0.9 * spinodal(k)[1],
            start=(points.visible[0], points.hidden[0]),
        )
        assert bool((sign * found.up.projection > 0).all())
        assert not len(found.up.jumps)
        assert not len(found.down.jumps)
        assert found.closed
        assert abs(found.area) < 1e-8


@pytest.mark.slow
def test_a_state_that_bends_off_continuously_does_not_jump() -> None:
    # a field of random sign on each site against ξ: second order where its tanh² is below 1/3
    pattern = torch.sign(direction(SITES)[:, 0])
    u = pattern * torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(SITES // 2)
    k = 1.2
    found = hysteresis(curie_weiss(SITES, k), u, order=1, number=11, largest=10.0, precision=1e-5)
    assert not len(found.up.jumps)
    assert abs(found.area) < 1e-6
    condensed = 1 - found.up.projection[5].abs() / math.sqrt(SITES)
    assert float(condensed) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("visible", "hidden", "order"),
    [
        ("bernoulli", "bernoulli", 2),
        pytest.param("spin", "spin", 3, marks=pytest.mark.slow),
        pytest.param("potts", "gaussian", 2, marks=pytest.mark.slow),
        pytest.param("potts", "bernoulli", 1, marks=pytest.mark.slow),
    ],
)
def test_both_branches_are_what_sweeps_lead_to_from_polarised_units(
    visible: str, hidden: str, order: int
) -> None:
    rbm = ordering_machine(visible, hidden, 1.8)
    u = direction_of_singular_vector(rbm, 0)
    found = hysteresis(rbm, u, order=order, number=8)
    assert len(found.up.jumps) == len(found.down.jumps) == 1
    assert found.area > 0
    for branch, way in ((found.up, -1.0), (found.down, 1.0)):
        v = rbm.visible.mean(20 * way * u / u.abs().max())[None]
        for field, projection in zip(branch.fields.tolist(), branch.projection.tolist(), strict=True):
            inside = RBM(rbm.weights, rbm.visible_bias + field * u, rbm.hidden_bias, rbm.visible, rbm.hidden)
            swept = fixed_points(inside, v, hidden=inside.hidden_mean(v), order=order)
            expected = float((u * (swept.visible[0] - found.reference)).sum())
            assert projection == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_before_the_transition_no_machine_has_a_loop() -> None:
    for visible, hidden in (("bernoulli", "bernoulli"), ("potts", "spin")):
        rbm = ordering_machine(visible, hidden, 0.7)
        found = hysteresis(rbm, direction_of_singular_vector(rbm, 0), number=5)
        assert not len(found.up.jumps)
        assert abs(found.area) < 1e-9


def test_the_first_singular_vector_of_one_pattern_is_that_pattern() -> None:
    u = direction_of_singular_vector(curie_weiss(SITES, 1.5), 0)
    torch.testing.assert_close(u.abs(), direction(SITES)[:, 0].abs())
    assert float((u * direction(SITES)[:, 0]).sum().abs()) == pytest.approx(1)
    with pytest.raises(InvalidInput):
        direction_of_singular_vector(curie_weiss(SITES, 1.5), 1)


def test_the_direction_between_states_has_unit_length_and_needs_two_states() -> None:
    one, other = torch.zeros(4, dtype=torch.float64), torch.tensor([0.0, 3.0, 0.0, 4.0]).double()
    assert direction_between(one, other).tolist() == [0.0, 0.6, 0.0, 0.8]
    with pytest.raises(InvalidInput):
        direction_between(one, one)


@pytest.mark.parametrize(
    ("direction_given", "options"),
    [
        (torch.zeros(SITES), {}),
        (torch.ones(SITES + 1), {}),
        (torch.full((SITES,), torch.nan), {}),
        (torch.ones(SITES), {"largest": -1.0}),
        (torch.ones(SITES), {"number": 1}),
        (torch.ones(SITES), {"precision": 0.0}),
    ],
)
def test_what_cannot_be_swept_is_refused(direction_given: torch.Tensor, options: dict) -> None:
    with pytest.raises(InvalidInput):
        hysteresis(curie_weiss(SITES, 1.5), direction_given, **options)
