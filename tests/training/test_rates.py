import math

import numpy as np
import pytest

from carving.errors import InvalidInput
from carving.training.rates import rate_factor


@pytest.mark.parametrize(
    ("schedule", "done", "expected"),
    [
        ("constant", 0, 1),
        ("constant", 999, 1),
        ("exponential:100", 0, 1),
        ("exponential:100", 100, 1 / 2),
        ("exponential:100", 350, 2**-3.5),
        ("inverse:100", 0, 1),
        ("inverse:100", 100, 1 / 2),
        ("inverse:100", 300, 1 / 4),
        ("cosine", 0, 1),
        ("cosine", 250, (1 + math.sqrt(0.5)) / 2),
        ("cosine", 500, 1 / 2),
        ("cosine", 1000, 0),
    ],
)
def test_the_factor_is_that_of_the_closed_form(schedule, done, expected):
    assert rate_factor(schedule)(done, 1000) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("schedule", ["constant", "exponential:30", "inverse:30", "cosine"])
def test_the_rate_never_rises_and_stays_above_zero_up_to_the_last_update(schedule):
    factor = rate_factor(schedule)
    values = np.array([factor(done, 200) for done in range(200)])
    assert (np.diff(values) <= 0).all()
    assert values.min() > 0


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("fast", "'fast' is not a schedule; give constant or exponential:N or inverse:N or cosine"),
        ("", "'' is not a schedule"),
        (None, "None is not a schedule"),
        (0.1, "0.1 is not a schedule"),
        ("constant:5", "give constant alone"),
        ("constant:", "give constant alone"),
        ("cosine:5", "give cosine alone"),
        ("exponential", "give exponential:N"),
        ("exponential:", "needs a positive number of updates; give exponential:N"),
        ("exponential:0", "needs a positive number of updates"),
        ("exponential:-5", "needs a positive number of updates"),
        ("inverse:1.5", "needs a positive number of updates; give inverse:N"),
        ("inverse:²", "needs a positive number of updates"),
        ("inverse:" + "9" * 5000, "needs a positive number of updates"),
        ("inverse:x", "needs a positive number of updates"),
    ],
)
def test_what_is_no_schedule_is_refused(schedule, message):
    with pytest.raises(InvalidInput, match=f"^rate: .*{message}") as caught:
        rate_factor(schedule)
    assert "\n" not in str(caught.value)
