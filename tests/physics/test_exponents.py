"""Power laws: recovered where they hold, and errors that mean what they say."""

import numpy as np
import pytest

from carving.errors import InvalidInput
from carving.physics.exponents import fit_power_law

X = np.geomspace(64, 4096, 7)


@pytest.mark.parametrize("errors", [None, 0.01 * X])
def test_a_power_law_is_recovered(errors: np.ndarray | None) -> None:
    found = fit_power_law(X, 3 * X**0.5, errors)
    assert found.exponent == pytest.approx(0.5, abs=1e-12)
    assert found.prefactor == pytest.approx(3, rel=1e-12)


@pytest.mark.parametrize("given", [True, False])
def test_errors_are_the_scatter_of_repeated_fits(given: bool) -> None:
    generator = np.random.default_rng(0)
    relative = np.geomspace(0.005, 0.02, len(X)) if given else np.full(len(X), 0.01)
    fits = []
    for _ in range(400):
        y = 3 * X**0.5 * np.exp(relative * generator.standard_normal(len(X)))
        fits.append(fit_power_law(X, y, y * relative if given else None))
    exponents, prefactors = (
        np.array([getattr(fit, name) for fit in fits]) for name in ("exponent", "prefactor")
    )
    for values, name in ((exponents, "exponent_error"), (prefactors, "prefactor_error")):
        stated = np.sqrt(np.mean([getattr(fit, name) ** 2 for fit in fits]))
        # widening is never narrowing: a chance χ² above 1 makes given errors a little too large
        assert values.std() == pytest.approx(stated, rel=0.15)


def test_errors_given_too_small_are_widened_to_the_scatter() -> None:
    y = 3 * X**0.5 * np.exp(0.05 * np.random.default_rng(1).standard_normal(len(X)))
    stated, ten_times_less = fit_power_law(X, y, 0.05 * y), fit_power_law(X, y, 0.005 * y)
    assert ten_times_less.reduced_chi_squared == pytest.approx(100 * stated.reduced_chi_squared)
    assert ten_times_less.reduced_chi_squared > 1
    # equal relative errors weigh as none do
    assert ten_times_less.exponent_error == pytest.approx(fit_power_law(X, y).exponent_error)


def test_errors_given_too_large_are_kept() -> None:
    y = 3 * X**0.5
    spread = np.square(np.log(X) - np.log(X).mean()).sum()
    assert fit_power_law(X, y, 0.1 * y).exponent_error == pytest.approx(0.1 / spread**0.5)


def test_two_points_leave_nothing_over_to_tell() -> None:
    found = fit_power_law(X[:2], X[:2], 0.01 * X[:2])
    assert found.exponent_error == pytest.approx(0.01 * 2**0.5 / np.log(X[1] / X[0]))
    assert np.isnan(found.reduced_chi_squared)
    assert np.isnan(fit_power_law(X[:2], X[:2]).exponent_error)


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        (X, -X, None),
        (X, X, 0 * X),
        (X, X[:3], None),
        (X[:1], X[:1], None),
        (np.ones(3), X[:3], None),
        (X, X * np.nan, None),
    ],
)
def test_what_has_no_logarithm_or_slope_is_refused(
    x: np.ndarray, y: np.ndarray, error: np.ndarray | None
) -> None:
    with pytest.raises(InvalidInput):
        fit_power_law(x, y, error)
