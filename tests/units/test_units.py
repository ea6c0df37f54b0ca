"""Units against their log-partition, by automatic differentiation."""

import numpy as np
import pytest
import torch

from carving import Bernoulli, Gaussian, Potts, Spin, Unit
from carving.errors import InvalidInput
from carving.meanfield import Plefka
from carving.units import ScalarUnit, resolve_unit
from tests.machines import ORDERS, PAIRS, random_machine

SCALARS: list[ScalarUnit] = [Bernoulli(), Spin(), Gaussian(precision=2.5)]
UNITS: list[Unit] = [*SCALARS, Potts(states=4)]


def fields(unit: Unit, rows: int = 50) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return 1.5 * torch.randn(rows, 3, *unit.site_shape, generator=generator, dtype=torch.float64)


def derivative(values: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(values.sum(), by, create_graph=True)[0]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_link_is_the_slope_of_the_log_partition(unit: Unit) -> None:
    theta = fields(unit).requires_grad_()
    torch.testing.assert_close(derivative(unit.log_partition(theta), theta), unit.mean(theta))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_entropy_is_the_legendre_transform(unit: Unit) -> None:
    theta = fields(unit)
    m = unit.mean(theta)
    product = (theta * m).sum(-1) if unit.site_shape else theta * m
    torch.testing.assert_close(unit.entropy(m), unit.log_partition(theta) - product)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_natural_parameter_inverts_the_link(unit: Unit) -> None:
    theta = fields(unit)
    if unit.site_shape:
        theta = theta - torch.logsumexp(theta, -1, keepdim=True)
    torch.testing.assert_close(unit.natural(unit.mean(theta)), theta)


@pytest.mark.parametrize("unit", SCALARS, ids=lambda unit: unit.name)
def test_cumulants_are_derivatives_of_the_log_partition(unit: ScalarUnit) -> None:
    theta = fields(unit).requires_grad_()
    expected = derivative(unit.log_partition(theta), theta)
    for r in ORDERS:
        torch.testing.assert_close(unit.cumulant(r, unit.mean(theta)), expected)
        # a Gaussian's third derivative is zero everywhere and leaves no graph to differentiate
        expected = derivative(expected + 0 * theta**2, theta)


@pytest.mark.parametrize("r", ORDERS)
@pytest.mark.parametrize("unit", SCALARS, ids=lambda unit: unit.name)
def test_slopes_and_bends_are_derivatives_of_the_cumulants(unit: ScalarUnit, r: int) -> None:
    m = unit.mean(fields(unit)).requires_grad_()
    slope = derivative(unit.cumulant(r, m) + 0 * m**2, m)
    torch.testing.assert_close(torch.zeros_like(m) + unit.cumulant_slope(r, m), slope)
    torch.testing.assert_close(
        torch.zeros_like(m) + unit.cumulant_bend(r, m), derivative(slope + 0 * m**2, m)
    )


def layer(visible: str, hidden: str, order: int) -> tuple[Plefka, torch.Tensor, torch.Tensor]:
    plefka = Plefka(random_machine(visible, hidden, sites=4, units=3), order)
    generator = torch.Generator().manual_seed(2)
    shape = plefka.visible_bias.shape
    m_v = plefka.visible.mean(torch.randn(1, *shape, generator=generator, dtype=torch.float64))
    m_h = plefka.hidden.mean(torch.randn(1, 3, generator=generator, dtype=torch.float64))
    return plefka, m_v, m_h


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_curvatures_are_derivatives_of_the_reaction(visible: str, hidden: str, order: int) -> None:
    plefka, m_v, m_h = layer(visible, hidden, order)
    conjugates = plefka.hidden.cumulants(m_h, order)
    full = torch.as_tensor(
        torch.autograd.functional.jacobian(
            lambda m: plefka.visible.reaction(m, plefka.powers, conjugates), m_v
        )
    ).squeeze(0)
    ours = -plefka.visible.curvature(m_v, plefka.powers, conjugates)[0]
    sites = torch.arange(4)
    expected = torch.zeros_like(full)
    if visible == "potts":
        expected[sites, :, 0, sites, :] = ours
    else:
        expected[sites, 0, sites] = ours
    torch.testing.assert_close(full, expected)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_cross_curvature_is_the_derivative_by_the_other_layer(visible: str, hidden: str, order: int) -> None:
    plefka, m_v, m_h = layer(visible, hidden, order)
    expected = torch.autograd.functional.jacobian(
        lambda m: plefka.visible.reaction(m_v, plefka.powers, plefka.hidden.cumulants(m, order)), m_h
    )
    slopes = plefka.hidden.slopes(m_h, order)
    ours = plefka.visible.cross_curvature(m_v, plefka.powers, slopes)
    torch.testing.assert_close(ours, torch.as_tensor(expected).squeeze(-2))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_influence_changes_are_the_derivative_of_the_influences(
    visible: str, hidden: str, order: int
) -> None:
    plefka, m_v, _ = layer(visible, hidden, order)
    change = torch.randn(m_v.shape, generator=torch.Generator().manual_seed(5), dtype=m_v.dtype)
    _, expected = torch.autograd.functional.jvp(
        lambda m: plefka.visible.influences(m, plefka.powers), m_v, change, strict=False
    )
    ours = plefka.visible.influence_changes(m_v, plefka.powers, change)
    assert len(ours) == order
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_samples_have_the_units_mean(unit: Unit) -> None:
    theta = fields(unit, rows=1)
    draws = unit.sample(theta.expand(40_000, *theta.shape[1:]), torch.Generator().manual_seed(3))
    # five standard errors of the least certain unit
    torch.testing.assert_close(draws.mean(0), unit.mean(theta)[0], rtol=0, atol=5 / 40_000**0.5)


@pytest.mark.parametrize("unit", [Bernoulli(), Spin(), Potts(states=3)], ids=lambda unit: unit.name)
def test_configurations_are_all_there_once(unit: Unit) -> None:
    rows = unit.configurations(4, torch.float64).flatten(1)
    states = unit.site_shape[0] if unit.site_shape else 2
    assert len(torch.unique(rows, dim=0)) == len(rows) == states**4


@pytest.mark.parametrize(
    ("unit", "samples", "words"),
    [
        (Bernoulli(), [[0, 1], [1, -1]], ("row 1, column 1", "-1", "spin")),
        (Spin(), [[1, -1], [0, 1]], ("row 1, column 0", "0", "bernoulli")),
        (Potts(states=3), [[0, 3]], ("row 0, column 1", "3", "alphabet")),
        (Potts(states=3), np.zeros((2, 2, 3)), ("one-hot", "integer codes")),
        (Gaussian(), [[0.5]], ("hidden layers", "another visible unit")),
        (Bernoulli(), [0, 1], ("1 dimensions", "table")),
    ],
)
def test_values_that_a_unit_cannot_take_are_named(
    unit: Unit, samples: object, words: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        unit.encode(np.asarray(samples), torch.float64, source="genomes.npz")
    for word in ("genomes.npz", *words) if unit.in_visible else words:
        assert word in str(caught.value)


def test_unknown_units_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="bernoulli, gaussian, potts, spin"):
        resolve_unit("ising")
