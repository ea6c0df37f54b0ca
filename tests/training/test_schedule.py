import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.training import save_ages

schedules = st.builds(
    lambda kind, count: f"{kind}:{count}", st.sampled_from(["exponential", "linear"]), st.integers(2, 300)
)


@given(schedules, st.integers(1, 200_000))
def test_ages_increase_from_the_first_update_to_the_last(save, updates):
    ages = save_ages(save, updates)
    assert (ages[0], ages[-1]) == (1, updates)
    assert all(earlier < later for earlier, later in itertools.pairwise(ages))


@given(st.integers(2, 300), st.integers(1, 200_000))
def test_an_exponential_schedule_has_at_most_the_number_asked_for(count, updates):
    assert len(save_ages(f"exponential:{count}", updates)) <= count


def test_exponential_ages_are_evenly_spaced_in_their_logarithm():
    ages = np.array(save_ages("exponential:60", 100_000))
    late = np.log(ages[ages > 1000])
    assert np.diff(late) == pytest.approx(np.log(100_000) / 59, rel=0.01)


def test_linear_ages_are_evenly_spaced():
    assert save_ages("linear:4", 1000) == [1, 250, 500, 750, 1000]


def test_one_update_is_one_checkpoint():
    assert save_ages("exponential:60", 1) == [1]


@pytest.mark.parametrize(
    "save", ["often", "", "exponential", "linear:0", "linear:1", "linear:-3", "exponential:x"]
)
def test_a_schedule_that_is_none_is_refused_with_those_that_are(save):
    with pytest.raises(InvalidInput, match=r"save: .*(exponential|linear):N"):
        save_ages(save, 100)


def test_a_schedule_of_no_updates_is_refused():
    with pytest.raises(InvalidInput, match="updates"):
        save_ages("linear:5", 0)
