"""Choosing ages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.checkpoints import select_ages
from carving.errors import InvalidInput

AGES = [1, 2, 4, 8, 16, 32, 64, 128]
increasing = st.lists(st.integers(0, 10**9), min_size=1, max_size=60, unique=True).map(sorted)


def test_all_ages() -> None:
    assert select_ages(AGES, "all").tolist() == AGES


def test_every_keeps_the_first_and_the_last() -> None:
    assert select_ages(AGES, "every:3").tolist() == [1, 8, 64, 128]


def test_log_spreads_evenly_over_powers_of_two() -> None:
    assert select_ages([2**k - 1 for k in range(13)], "log:5").tolist() == [0, 7, 63, 511, 4095]


def test_listed_ages_come_out_increasing() -> None:
    assert select_ages(AGES, "64,2,8").tolist() == [2, 8, 64]
    assert select_ages(AGES, [64, 2, 8]).tolist() == [2, 8, 64]
    assert select_ages(AGES, np.array([64, 2])).tolist() == [2, 64]


@given(increasing, st.integers(1, 100))
def test_every_and_log_choose_some_of_the_ages_with_both_ends(ages: list[int], number: int) -> None:
    for rule in ("every", "log"):
        chosen = select_ages(ages, f"{rule}:{number}")
        assert chosen.dtype == np.int64
        assert set(chosen.tolist()) <= set(ages)
        assert (np.diff(chosen) > 0).all()
        assert {ages[0], ages[-1]} <= set(chosen.tolist())


@given(increasing, st.integers(2, 100))
def test_log_never_chooses_more_than_it_was_asked_for(ages: list[int], number: int) -> None:
    assert len(select_ages(ages, f"log:{number}")) <= number


@pytest.mark.parametrize(
    "ages",
    [
        "",
        "some",
        "every:0",
        "every:",
        "log:-1",
        "log:x",
        "1,,2",
        "acceptance:0.5",
        "1.5",
        [],
        [1.5],
        "9" * 40,
    ],
)
def test_what_is_no_choice_is_refused_with_the_list_of_choices(ages: object) -> None:
    with pytest.raises(InvalidInput, match=r"all, every:N, log:N, or ages like 1,5,20"):
        select_ages(AGES, ages)  # type: ignore[arg-type]


def test_an_age_that_is_not_there_is_refused_with_its_neighbours() -> None:
    with pytest.raises(InvalidInput, match="no checkpoint of age 9; the nearest are 8, 16"):
        select_ages(AGES, "9")


def test_an_age_named_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="4 is named twice"):
        select_ages(AGES, "4,2,4")


def test_selecting_from_an_empty_sequence() -> None:
    assert select_ages([], "all").tolist() == []
    assert select_ages([], "every:2").tolist() == []
    assert select_ages([], "log:2").tolist() == []
