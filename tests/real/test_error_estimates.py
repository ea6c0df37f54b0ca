"""The solver's promises on real machines at all ages (benchmarks/error_estimates.py takes more rows)."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.real.machines import MACHINES, Measured, measure, published_method

pytestmark = pytest.mark.data

TOLERANCE = 1e-6
# of each age; where there are many states, each costs a linear system of its own
ROWS = {"hgd": 100, "mnist": 40, "kunitz": 100, "planted": 100}


@pytest.fixture(scope="module")
def measured_of(shared, run_of, values_of) -> Callable[[str], Measured]:
    made: dict[str, Measured] = {}

    def measured(name: str) -> Measured:
        if name not in made:
            parts = measure(
                run_of(name), values_of(name), published_method(shared), rows=ROWS[name], tolerance=TOLERANCE
            )
            made[name] = Measured.joined(list(parts))
        return made[name]

    return measured


@pytest.mark.parametrize("name", MACHINES)
def test_all_but_one_row_in_a_thousand_converge(measured_of, name):
    assert measured_of(name).converged.mean() >= 0.999


@pytest.mark.parametrize("name", MACHINES)
def test_the_error_is_estimated_too_small_for_at_most_one_row_in_a_thousand(measured_of, name):
    assert measured_of(name).share_covered >= 0.999


@pytest.mark.parametrize("name", MACHINES)
def test_estimates_are_not_needlessly_large(measured_of, name):
    measured = measured_of(name)
    estimate, truth = (np.median(x[measured.converged]) for x in (measured.estimate, measured.true_error))
    assert estimate <= 10 * max(truth, TOLERANCE / 100)


@pytest.mark.parametrize("name", MACHINES)
def test_no_row_is_called_converged_that_is_elsewhere(measured_of, name):
    assert measured_of(name).called_converged_beyond(10 * TOLERANCE) == 0
