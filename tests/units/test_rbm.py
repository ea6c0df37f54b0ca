"""The machine against sums over all of its configurations."""

import itertools
import math

import pytest
import torch

from carving import RBM, Gaussian
from carving.errors import InvalidInput
from tests.machines import PAIRS, random_machine

DISCRETE = [pair for pair in PAIRS if pair[1] != "gaussian"]


def all_energies(rbm: RBM) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Every (v, h) and its βE, one call of the energy for each h."""
    v = rbm.visible.configurations(rbm.visible_size, torch.float64)
    h = rbm.hidden.configurations(rbm.hidden_size, torch.float64)
    energies = torch.stack([rbm.beta * rbm.energy(v, row.expand(len(v), -1)) for row in h], 1)
    return v, h, energies


@pytest.mark.parametrize(("visible", "hidden"), DISCRETE)
@pytest.mark.parametrize(("sites", "units"), [(3, 5), (5, 3)])
def test_enumeration_is_the_sum_over_all_pairs(visible: str, hidden: str, sites: int, units: int) -> None:
    rbm = random_machine(visible, hidden, sites=sites, units=units, states=3, weights=0.8, beta=0.7)
    v, h, energies = all_energies(rbm)
    log_partition = float(torch.logsumexp(-energies.flatten(), 0))
    p = torch.exp(-energies - log_partition)
    exact = rbm.enumerate()
    assert exact.log_partition == pytest.approx(log_partition, abs=1e-10)
    torch.testing.assert_close(exact.visible_mean.flatten(), p.sum(1) @ v.flatten(1))
    torch.testing.assert_close(exact.hidden_mean, p.sum(0) @ h)
    torch.testing.assert_close(exact.correlations.flatten(0, -2), v.flatten(1).T @ p @ h)


@pytest.mark.parametrize("visible", ["bernoulli", "spin", "potts"])
def test_gaussian_hidden_units_are_integrated_out(visible: str) -> None:
    # ∫ N(h; 0, 1/γ) e^{h θ} dh = e^{θ²/2γ}: a sum over visible configurations in closed form
    rbm = random_machine(visible, "gaussian", sites=4, units=3, states=3)
    gamma = 2.0
    rbm = RBM(rbm.weights, rbm.visible_bias, rbm.hidden_bias, visible, Gaussian(precision=gamma))
    v = rbm.visible.configurations(4, torch.float64).flatten(1)
    theta = rbm.hidden_bias + v @ rbm.weights.reshape(-1, 3)
    exponent = v @ rbm.visible_bias.flatten() + (theta**2).sum(1) / (2 * gamma)
    assert rbm.enumerate().log_partition == pytest.approx(float(torch.logsumexp(exponent, 0)), abs=1e-10)


@pytest.mark.parametrize(("visible", "hidden"), DISCRETE)
def test_free_energy_of_a_sample_sums_over_hidden_states(visible: str, hidden: str) -> None:
    rbm = random_machine(visible, hidden, sites=4, units=4, states=3, beta=1.4)
    v, _, energies = all_energies(rbm)
    torch.testing.assert_close(rbm.free_energy(v), -torch.logsumexp(-energies, 1))


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_gibbs_sampling_leaves_the_distribution_alone(visible: str, hidden: str) -> None:
    rbm = random_machine(visible, hidden, sites=4, units=4, states=3, weights=0.4)
    generator = torch.Generator().manual_seed(0)
    v = rbm.visible.sample(rbm.visible_bias.expand(20_000, *rbm.visible_bias.shape), generator)
    for _ in range(60):
        v, _ = rbm.gibbs_step(v, generator)
    # independent chains: five standard errors of a ±1 unit
    torch.testing.assert_close(v.mean(0), rbm.enumerate().visible_mean, rtol=0, atol=5 / 20_000**0.5)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(DISCRETE[:4], repeat=2)))
def test_converted_machines_have_the_same_distribution(
    before: tuple[str, str], after: tuple[str, str]
) -> None:
    rbm = random_machine(*before, sites=5, units=4, weights=0.8, beta=1.2)
    other = rbm.convert(visible=after[0], hidden=after[1])
    shifts = rbm.free_energy(rbm.visible.configurations(5, torch.float64)) - other.free_energy(
        other.visible.configurations(5, torch.float64)
    )
    torch.testing.assert_close(shifts, shifts[:1].expand_as(shifts), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_conversion_there_and_back_is_the_identity(dtype: torch.dtype) -> None:
    rbm = random_machine("bernoulli", "bernoulli", sites=30, units=20).to(dtype)
    back = rbm.convert(visible="spin", hidden="spin").convert(visible="bernoulli", hidden="bernoulli")
    assert torch.equal(back.weights, rbm.weights)
    torch.testing.assert_close(back.hidden_bias, rbm.hidden_bias)
    torch.testing.assert_close(back.visible_bias, rbm.visible_bias)


def test_zero_sum_gauge_changes_nothing_but_the_parameters() -> None:
    rbm = random_machine("potts", "bernoulli", sites=4, units=3, states=3)
    fixed = rbm.zero_sum_gauge()
    v = rbm.visible.configurations(4, torch.float64)
    shifts = rbm.free_energy(v) - fixed.free_energy(v)
    torch.testing.assert_close(shifts, shifts[:1].expand_as(shifts), rtol=0, atol=1e-12)
    assert float(fixed.weights.sum(1).abs().max()) < 1e-12
    assert float(fixed.visible_bias.sum(1).abs().max()) < 1e-12


def test_inverse_temperature_multiplies_the_energy_only() -> None:
    rbm = random_machine("spin", "gaussian").at_inverse_temperature(0.0)
    assert rbm.enumerate().log_partition == pytest.approx(rbm.visible_size * math.log(2))


def test_the_caller_cannot_change_a_machine() -> None:
    weights = torch.zeros(3, 2)
    rbm = RBM(weights, torch.zeros(3), torch.zeros(2))
    weights[0, 0] = 1.0
    assert float(rbm.weights.abs().max()) == 0.0
    with pytest.raises(AttributeError):
        rbm.weights = weights  # pyright: ignore[reportAttributeAccessIssue]


def three(
    weights: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    visible: str = "bernoulli",
    hidden: str = "bernoulli",
) -> None:
    RBM(weights, a, b, visible, hidden)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: three(torch.tensor([[0.0, math.nan]]), torch.zeros(1), torch.zeros(2)), ("NaN", "(0, 1)")),
        (lambda: three(torch.full((1, 1), math.inf), torch.zeros(1), torch.zeros(1)), ("infinite", "(0, 0)")),
        (lambda: three(torch.zeros(3, 2), torch.zeros(2), torch.zeros(2)), ("visible_bias", "(3,)")),
        (lambda: three(torch.zeros(3, 2), torch.zeros(3), torch.zeros(3)), ("hidden_bias", "(2,)")),
        (lambda: three(torch.zeros(3, 2), torch.zeros(3).double(), torch.zeros(2)), ("float64", "alike")),
        (lambda: three(torch.zeros(3, 2).int(), torch.zeros(3), torch.zeros(2)), ("int32", "float32")),
        (
            lambda: three(torch.zeros(3, 2), torch.zeros(3), torch.zeros(2), "gaussian"),
            ("visible", "gaussian"),
        ),
        (
            lambda: three(torch.zeros(3, 2), torch.zeros(3), torch.zeros(2), "spin", "potts"),
            ("potts", "states"),
        ),
        (lambda: three(torch.zeros(3, 4, 2), torch.zeros(3, 4), torch.zeros(2)), ("bernoulli", "(3, 4, 2)")),
        (lambda: three(torch.zeros(0, 2), torch.zeros(0), torch.zeros(2)), ("empty", "(0, 2)")),
        (lambda: RBM(torch.zeros(1, 1), torch.zeros(1), torch.zeros(1), beta=math.nan), ("beta", "nan")),
        (lambda: Gaussian(precision=0.0), ("precision", "positive")),
        (lambda: random_machine("spin", "spin", sites=40, units=40).enumerate(), ("too large", "sampling")),
        (lambda: random_machine("potts", "spin").convert(visible="spin"), ("potts", "spin")),
        (lambda: random_machine("spin", "spin").zero_sum_gauge(), ("spin", "Potts")),
    ],
)
def test_parameters_that_make_no_machine_are_refused(make: object, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as caught:
        make()  # pyright: ignore[reportCallIssue]
    for word in words:
        assert word in str(caught.value)
