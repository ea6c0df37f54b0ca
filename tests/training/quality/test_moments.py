import itertools
import math
from functools import cache

import numpy as np
import pytest
import torch

from carving.errors import InvalidInput
from carving.training.quality import MomentAgreement, moment_agreement
from carving.units import Potts, Unit
from tests.machines import VISIBLE, random_machine
from tests.training.quality.exact import Exact, enumerated

SITES, STATES = 6, 3
ORDERS = ("mean", "pair", "triple")


def unit_of(visible: str) -> str | Unit:
    return Potts(STATES) if visible == "potts" else visible


@cache
def distribution(visible: str, weights: float) -> Exact:
    scale = weights if visible == "spin" else 2 * weights
    machine = random_machine(visible, "spin", sites=SITES, units=3, states=STATES, weights=scale, bias=0.5)
    return enumerated(machine)


def draws(visible: str, count: int, seed: int, *, weights: float = 0.9) -> np.ndarray:
    return distribution(visible, weights).draw(count, seed)


def as_bits(visible: str, rows: np.ndarray) -> np.ndarray:
    flat = rows.reshape(len(rows), -1)
    return (flat + 1) / 2 if visible == "spin" else flat


def numpy_moments(bits: np.ndarray, order: str, states: int, weights: np.ndarray | None) -> np.ndarray:
    share = np.full(len(bits), 1 / len(bits)) if weights is None else weights / weights.sum()
    if order == "mean":
        return share @ bits
    columns = range(bits.shape[1])
    if order == "pair":
        covariance = np.cov(bits.T, aweights=weights)
        chosen = [(i, j) for i, j in itertools.combinations(columns, 2) if i // states != j // states]
        return np.array([covariance[pair] for pair in chosen])
    deviation = bits - share @ bits
    chosen = [
        triple
        for triple in itertools.combinations(columns, 3)
        if len({column // states for column in triple}) == 3
    ]
    return np.array([share @ deviation[:, list(triple)].prod(1) for triple in chosen])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("visible", VISIBLE)
def test_agrees_with_numpy(visible: str, order: str, weighted: bool) -> None:
    data, chains = draws(visible, 90, 1), draws(visible, 70, 2)
    weights = np.random.default_rng(0).random(90) if weighted else None
    # so many draws that every triple of columns is among them
    agreement = moment_agreement(data, chains, unit_of(visible), weights=weights, triples=60_000)
    states = STATES if visible == "potts" else 1
    x = numpy_moments(as_bits(visible, data), order, states, weights)
    y = numpy_moments(as_bits(visible, chains), order, states, None)
    found = getattr(agreement, order)
    assert found.count == len(x)
    power = states ** (1 + ORDERS.index(order))
    assert found.error == pytest.approx(math.sqrt(power * np.square(y - x).mean()), rel=1e-10)
    assert found.slope == pytest.approx(np.polyfit(x, y, 1)[0], rel=1e-9)
    assert found.correlation == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-9)


def noise_of_a_row(bits: np.ndarray, order: str, states: int) -> np.ndarray:
    """Variance over the rows of each row's first-order effect on a moment."""
    if order == "mean":
        return bits.var(0)
    deviation, covariance = bits - bits.mean(0), np.cov(bits.T, bias=True)
    number = {"pair": 2, "triple": 3}[order]
    noise = []
    for chosen in itertools.combinations(range(bits.shape[1]), number):
        if len({column // states for column in chosen}) < number:
            continue
        effect = deviation[:, list(chosen)].prod(1)
        for one in chosen if order == "triple" else ():
            i, j = (column for column in chosen if column != one)
            # the mean is of the same rows
            effect = effect - covariance[i, j] * deviation[:, one]
        noise.append(effect.var())
    return np.array(noise)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("visible", VISIBLE)
def test_the_floor_is_the_noise_of_independent_rows(visible: str, order: str) -> None:
    data, chains = draws(visible, 4000, 1), draws(visible, 70, 2)
    found = getattr(moment_agreement(data, chains, unit_of(visible), triples=60_000), order)
    states = STATES if visible == "potts" else 1
    noise = noise_of_a_row(as_bits(visible, data), order, states).mean()
    expected = math.sqrt(states ** (1 + ORDERS.index(order)) * noise * (1 / 4000 + 1 / 70))
    # covariances have n − 1 as their divisor
    assert found.error_floor == pytest.approx(expected, rel=2e-4 if order == "pair" else 1e-9)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("visible", VISIBLE)
def test_perfect_chains_are_at_the_floor(visible: str, weighted: bool) -> None:
    weights = np.linspace(0.2, 1.8, 300) if weighted else None
    repeats = 60
    found = [
        moment_agreement(
            draws(visible, 300, 2 * seed),
            draws(visible, 500, 2 * seed + 1),
            unit_of(visible),
            weights=weights,
            triples=2000,
        )
        for seed in range(repeats)
    ]
    for order in ORDERS:
        each = [getattr(x, order) for x in found]
        error = np.mean([x.error**2 for x in each]) ** 0.5
        floor = np.mean([x.error_floor**2 for x in each]) ** 0.5
        assert error == pytest.approx(floor, rel=0.1), order


def test_slope_and_correlation_of_perfect_chains_are_at_the_floor() -> None:
    exact = enumerated(random_machine("spin", "spin", sites=12, units=8, weights=0.4))
    found = [
        moment_agreement(exact.draw(400, 2 * seed), exact.draw(300, 2 * seed + 1), "spin", triples=5000)
        for seed in range(80)
    ]
    for order in ORDERS:
        each = [getattr(x, order) for x in found]
        for name in ("slope", "correlation"):
            values = np.array([getattr(x, name) for x in each])
            floors = np.array([getattr(x, f"{name}_floor") for x in each])
            print(order, name, values.mean(), values.std(), floors.mean(), floors.std())
            assert values.mean() == pytest.approx(floors.mean(), abs=4 * values.std() / 80**0.5), (
                order,
                name,
            )


@pytest.mark.parametrize("visible", VISIBLE)
def test_a_machine_with_half_the_couplings_is_far_above_the_floor(visible: str) -> None:
    data, chains = draws(visible, 4000, 1), draws(visible, 4000, 2, weights=0.45)
    agreement = moment_agreement(data, chains, unit_of(visible), triples=2000)
    assert agreement.pair.error > 3 * agreement.pair.error_floor
    assert agreement.pair.slope < 0.8 < agreement.pair.slope_floor


def test_the_same_rows_agree_entirely() -> None:
    data = draws("bernoulli", 100, 1)
    agreement = moment_agreement(data, data, "bernoulli", triples=1000)
    for order in ORDERS:
        found = getattr(agreement, order)
        assert found.error == pytest.approx(0, abs=1e-15)
        assert (found.slope, found.correlation) == pytest.approx((1, 1))


def all_numbers(agreement: MomentAgreement) -> list[float]:
    return [number for order in ORDERS for number in vars(getattr(agreement, order)).values()]


def test_spins_and_their_bits_have_the_same_numbers() -> None:
    data, chains = draws("spin", 100, 1), draws("spin", 80, 2)
    spins = moment_agreement(data, chains, "spin", triples=1000)
    bits = moment_agreement((data + 1) / 2, (chains + 1) / 2, "bernoulli", triples=1000)
    assert all_numbers(spins) == pytest.approx(all_numbers(bits), rel=1e-12)


def test_codes_and_one_hot_have_the_same_numbers() -> None:
    data, chains = draws("potts", 100, 1), draws("potts", 80, 2)
    one_hot = moment_agreement(data, chains, Potts(STATES), triples=1000)
    codes = moment_agreement(
        data.argmax(-1), torch.from_numpy(chains.argmax(-1)), Potts(STATES), triples=1000
    )
    assert all_numbers(codes) == all_numbers(one_hot)


@pytest.mark.parametrize("weighted", [False, True])
def test_does_not_depend_on_chunks(weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    data, chains = draws("potts", 100, 1), draws("potts", 80, 2)
    weights = np.linspace(0.1, 1, 100) if weighted else None

    def measure() -> list[float]:
        return all_numbers(moment_agreement(data, chains, Potts(STATES), weights=weights, triples=500))

    whole = measure()
    monkeypatch.setattr("carving.training._configurations._CHUNK_NUMBERS", 7 * SITES * STATES)
    monkeypatch.setattr("carving.training.quality.moments._PRODUCTS", 1500)
    assert measure() == pytest.approx(whole, rel=1e-10)


def test_weight_two_is_a_row_twice_in_means_and_triples() -> None:
    data, chains = draws("spin", 50, 1), draws("spin", 50, 2)
    counts = np.random.default_rng(0).integers(0, 3, 50)
    weighted = moment_agreement(data, chains, "spin", weights=counts, triples=500)
    repeated = moment_agreement(np.repeat(data, counts, axis=0), chains, "spin", triples=500)
    assert weighted.mean.error == pytest.approx(repeated.mean.error, rel=1e-12)
    assert weighted.triple is not None
    assert repeated.triple is not None
    assert weighted.triple.error == pytest.approx(repeated.triple.error, rel=1e-12)


def test_many_columns_are_compared_between_some_sites() -> None:
    data, chains = draws("potts", 50, 1), draws("potts", 50, 2)
    some = moment_agreement(data, chains, Potts(STATES), most_columns=4 * STATES)
    assert some.mean.count == SITES * STATES
    assert some.pair.count == 6 * STATES**2
    again = moment_agreement(data, chains, Potts(STATES), most_columns=4 * STATES)
    assert again == some


def test_triples_are_made_only_when_asked_for() -> None:
    data = draws("spin", 50, 1)
    assert moment_agreement(data, data, "spin").triple is None


def test_what_does_not_exist_is_nan() -> None:
    one_site = moment_agreement([[0], [1], [1]], [[0], [0], [1]], "bernoulli", triples=5)
    assert one_site.pair.count == 0
    assert math.isnan(one_site.pair.error)
    assert one_site.triple is not None
    assert math.isnan(one_site.triple.error)
    assert math.isnan(one_site.mean.slope)
    assert one_site.mean.error == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("data", "chains", "options", "message"),
    [
        (np.zeros((0, 2)), np.zeros((3, 2)), {}, "data: have shape"),
        (np.zeros((3, 2)), np.zeros((3, 0)), {}, "chains: have shape"),
        (np.zeros(3), np.zeros((3, 2)), {}, "data: have shape"),
        (np.zeros((3, 2)), np.zeros((3, 4)), {}, "4 sites, data 2"),
        (np.zeros((1, 2)), np.zeros((3, 2)), {}, "data: one row"),
        (np.zeros((3, 2)), np.zeros((1, 2)), {}, "chains: one row"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"weights": [1, 0, 0]}, "data: one row"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"weights": [1, 0]}, "weights: have shape"),
        (np.array([[0.0, 1], [0, np.nan]]), np.zeros((3, 2)), {}, "data: row 1, column 1"),
        (np.zeros((3, 2)), -np.ones((3, 2)), {}, "chains: row 0, column 0"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"most_columns": 1}, "most_columns"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"triples": -1}, "triples"),
    ],
)
def test_refuses(data: np.ndarray, chains: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        moment_agreement(data, chains, "bernoulli", **options)


def test_refuses_units_that_cannot_be_visible() -> None:
    with pytest.raises(InvalidInput, match="cannot be visible"):
        moment_agreement(np.zeros((3, 2)), np.zeros((3, 2)), "gaussian")


def test_counts_rows_of_a_bad_value_from_the_first_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carving.training._configurations._CHUNK_NUMBERS", 4)
    bad = np.zeros((9, 2))
    bad[7, 1] = 5
    with pytest.raises(InvalidInput, match="data: row 7, column 1"):
        moment_agreement(bad, np.zeros((3, 2)), "bernoulli")
