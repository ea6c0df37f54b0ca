"""Weights of sequences against counting pair by pair, and against scipy's distances."""

import pickle
import tracemalloc
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from carving.data import read_samples
from carving.data._sequence_weights import sequence_weights
from carving.errors import InvalidInput


def pair_by_pair(codes, identity: str) -> np.ndarray:
    """The definition, in whole numbers and fractions; the identity as it is written."""
    least = Fraction(identity) * len(codes[0])
    rows = [tuple(row) for row in np.asarray(codes).tolist()]
    counts = [sum(sum(map(int.__eq__, a, b)) >= least for b in rows) for a in rows]
    return np.array([1 / count for count in counts])


def family(count: int, sites: int, states: int, *, ancestors: int = 4, changed: float = 0.25, seed: int = 0):
    """Mutated copies of a few random sequences, so that pairs lie on both sides of the threshold."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, states, (ancestors, sites))[generator.integers(0, ancestors, count)]
    mutates = generator.random((count, sites)) < generator.uniform(0, changed, (count, 1))
    return np.where(mutates, generator.integers(0, states, (count, sites)), codes).astype(np.uint8)


SMALL = st.integers(1, 12).flatmap(
    lambda sites: st.lists(
        st.lists(st.integers(0, 2), min_size=sites, max_size=sites), min_size=1, max_size=12
    )
)


@given(SMALL, st.integers(1, 100))
def test_weights_are_those_of_counting_pair_by_pair(codes, percent):
    found = sequence_weights(np.array(codes), identity=percent / 100)
    assert found.tolist() == pair_by_pair(codes, f"{percent}/100").tolist()


@pytest.mark.parametrize(
    ("count", "sites", "states", "identity"),
    [(300, 53, 21, 0.8), (200, 64, 2, 0.9), (200, 65, 2, 0.9), (200, 700, 5, 0.75), (150, 300, 200, 0.7)],
)
def test_weights_are_those_of_hamming_distances(count, sites, states, identity):
    codes = family(count, sites, states)
    differing = np.rint(cdist(codes, codes, "hamming") * sites)
    expected = 1 / (differing <= sites - np.ceil(round(identity * sites, 6))).sum(1)
    assert len(set(expected)) > 3
    assert sequence_weights(codes, identity=identity).tolist() == expected.tolist()


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (7, 2), (16, 1000)])
def test_weights_do_not_depend_on_how_pairs_are_cut_into_blocks(monkeypatch, rows, columns):
    codes = family(80, 20, 3)
    monkeypatch.setattr("carving.data._sequence_weights._ROWS", rows)
    monkeypatch.setattr("carving.data._sequence_weights._COLUMNS", columns)
    assert sequence_weights(codes).tolist() == pair_by_pair(codes, "0.8").tolist()


class Elsewhere(Executor):
    """Whose tasks and results go to another process and back, as it were."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        function, arguments, named = pickle.loads(pickle.dumps((fn, args, kwargs)))
        future: Future[Any] = Future()
        future.set_result(pickle.loads(pickle.dumps(function(*arguments, **named))))
        return future


@pytest.mark.parametrize("executor", [Elsewhere, partial(ThreadPoolExecutor, 3)])
def test_weights_are_the_same_whoever_compares(monkeypatch, executor):
    codes = family(80, 20, 3)
    monkeypatch.setattr("carving.data._sequence_weights._COLUMNS", 7)
    with executor() as elsewhere:
        found = sequence_weights(codes, executor=elsewhere)
    assert found.tolist() == pair_by_pair(codes, "0.8").tolist()


def test_the_order_of_sequences_of_sites_and_of_letters_changes_nothing():
    codes, generator = family(200, 30, 5), np.random.default_rng(1)
    expected = sequence_weights(codes)
    rows, columns, letters = (generator.permutation(size) for size in (200, 30, 5))
    assert sequence_weights(codes[rows]).tolist() == expected[rows].tolist()
    assert sequence_weights(codes[:, columns]).tolist() == expected.tolist()
    assert sequence_weights(letters[codes]).tolist() == expected.tolist()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_copies_share_the_weight_of_one_sequence(copies):
    # sequences that agree nowhere
    codes = np.repeat(np.arange(len(copies))[:, None] * np.ones(7, dtype=int), copies, axis=0)
    weights = sequence_weights(codes)
    assert weights.tolist() == [1 / count for count in copies for _ in range(count)]
    assert weights.sum() == pytest.approx(len(copies))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint64, np.float32, ">i4"])
def test_the_kind_of_number_changes_nothing(dtype):
    codes = family(60, 40, 2)
    assert sequence_weights(codes.astype(dtype)).tolist() == pair_by_pair(codes, "0.8").tolist()


@pytest.mark.parametrize("spread", [1, 100, 10**6, 2**61])
def test_the_size_of_codes_changes_nothing(spread):
    codes = family(60, 40, 4).astype(np.int64)
    assert sequence_weights(codes * spread).tolist() == sequence_weights(codes).tolist()


def test_spins_weigh_as_zeros_and_ones_do():
    codes = family(100, 40, 2)
    assert sequence_weights(2 * codes.astype(np.int8) - 1).tolist() == sequence_weights(codes).tolist()


def test_gaps_agree_with_gaps():
    codes = np.array([[0, 0, 0, 1], [0, 0, 0, 2]])
    assert sequence_weights(codes, identity=0.75).tolist() == [0.5, 0.5]


# ---- pairs at the threshold


def two_that_agree(agreeing: int, sites: int) -> np.ndarray:
    codes = np.zeros((2, sites), dtype=int)
    codes[1, agreeing:] = 1
    return codes


@given(st.integers(1, 2000).flatmap(lambda sites: st.tuples(st.integers(1, sites), st.just(sites))))
def test_a_pair_exactly_at_the_threshold_is_near_and_one_site_less_is_not(case):
    agreeing, sites = case
    share = agreeing / sites
    assert sequence_weights(two_that_agree(agreeing, sites), identity=share).tolist() == [0.5, 0.5]
    assert sequence_weights(two_that_agree(agreeing - 1, sites), identity=share).tolist() == [1, 1]


@given(st.integers(1, 9999), st.integers(1, 40))
def test_an_identity_is_the_decimal_that_it_is_written_as(tenthousandths, hundreds):
    sites = 100 * hundreds
    agreeing = -(-tenthousandths * sites // 10_000)
    # the first pair is at the threshold, the second below; from one pair to the other nothing agrees
    codes = np.concatenate([two_that_agree(agreeing, sites), two_that_agree(agreeing - 1, sites) + 2])
    for identity in (tenthousandths / 10_000, 1 - (10_000 - tenthousandths) / 10_000):
        assert sequence_weights(codes, identity=identity).tolist() == [0.5, 0.5, 1, 1]


@pytest.mark.parametrize(
    ("identity", "sites", "agreeing"),
    [
        (0.8, 55, 44),
        (0.07, 100, 7),  # 0.07 · 100 > 7 in floating point
        (0.57, 100, 57),  # 0.57 · 100 < 57
        (1 - 0.18, 50, 41),
        (np.float32(0.8), 55, 44),
        (Fraction(2, 3), 9, 6),
        (1, 10, 10),
        (1e-9, 10, 1),
    ],
)
def test_thresholds_that_rounding_would_move(identity, sites, agreeing):
    assert sequence_weights(two_that_agree(agreeing, sites), identity=identity)[0] == 0.5
    assert sequence_weights(two_that_agree(agreeing - 1, sites), identity=identity)[0] == 1


# ---- size


def test_no_matrix_of_all_pairs_is_ever_held():
    codes = family(12_000, 20, 4, ancestors=50)
    tracemalloc.start()
    try:
        sequence_weights(codes)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12_000**2 / 8  # a bit a pair


# ---- what is refused


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros(5), r"shape \(5,\)"),
        (np.zeros((0, 5)), r"shape \(0, 5\)"),
        (np.zeros((5, 0)), r"shape \(5, 0\)"),
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\)"),
        ([["A", "C"]], "are <U1"),
        ([[1, None]], "are object"),
        ([[0, 1], [1, np.nan]], "row 1, column 1: nan is no value; give missing letters a state"),
        ([[0, 0.5]], "row 0, column 1: 0.5 is no code"),
        ([[0, np.inf]], "row 0, column 1: inf is no code"),
        ([[0, 3], [-1, 2]], "row 1, column 0: -1 is no code of a state.*missing letters"),
        ([[0, 1], [-1, 1]], "row 1, column 0: -1"),
        (np.ma.masked_equal([[0, 1], [9, 1]], 9), "row 1, column 0: is masked; give missing"),
    ],
)
def test_codes_that_cannot_be_used_are_refused_by_their_place(codes, message):
    with pytest.raises(InvalidInput, match=f"^codes: .*{message}") as caught:
        sequence_weights(codes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("identity", [0, -0.5, 1.01, float("nan"), float("inf"), "0.8", True, None])
def test_an_identity_out_of_range_is_refused(identity):
    with pytest.raises(InvalidInput, match="^identity: .*such as 0.8"):
        sequence_weights([[0, 1]], identity=identity)


# ---- real sequences


@pytest.mark.data
def test_real_sequences_weigh_what_hamming_distances_say(shared):
    codes = read_samples(shared / "data" / "kunitz.fasta.gz", rows=slice(0, 12_000, 6)).values
    differing = np.rint(cdist(codes, codes, "hamming") * 53)
    expected = 1 / (differing <= 53 - 43).sum(1)  # 0.8 · 53 is 42.4
    assert sequence_weights(codes).tolist() == expected.tolist()
