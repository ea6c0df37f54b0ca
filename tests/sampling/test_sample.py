"""``carving.sample``: samples from machines and checkpoints, from every start, free and clamped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import carving
from carving import RBM, Samples, create_checkpoints
from carving._progress import Progress
from carving.errors import InvalidInput
from carving.sampling import STARTS, _sample
from tests.machines import PAIRS, ordering_machine
from tests.sampling.exact import (
    SERVED,
    SITES,
    assert_drawn_from,
    assert_drawn_given,
    configurations,
    probabilities,
    small_machine,
)

COUNT = 3_000
SOME_PAIRS = [("bernoulli", "bernoulli"), ("spin", "spin"), ("potts", "gaussian")]


def store(folder: Path, machine: RBM, samples: np.ndarray | None = None, alphabet: str | None = None):
    """Checkpoints of a machine that grew evenly in eight stages."""
    path = folder / "checkpoints"
    with create_checkpoints(
        path, visible=machine.visible, hidden=machine.hidden, samples=samples, alphabet=alphabet
    ) as run:
        for stage in range(1, 9):
            grown = (stage / 8 * x for x in (machine.weights, machine.visible_bias, machine.hidden_bias))
            run.append(RBM(*grown, visible=machine.visible, hidden=machine.hidden), updates=10 * stage)
    return carving.open_checkpoints(path)


# ---- free


@pytest.mark.parametrize(("visible", "hidden", "arithmetic"), SERVED)
def test_samples_are_drawn_from_the_machine(visible: str, hidden: str, arithmetic: str):
    machine = small_machine(visible, hidden)
    samples = carving.sample(machine, COUNT, steps=100, arithmetic=arithmetic)
    assert samples.values.shape == (COUNT, SITES)
    assert samples.values.dtype == (np.int8 if visible == "spin" else np.uint8)
    assert samples.names.tolist()[:2] == ["0", "1"]
    assert_drawn_from(samples.values, machine)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(("visible", "hidden"), SOME_PAIRS)
def test_every_start_comes_to_the_distribution_of_its_age(
    tmp_path: Path, visible: str, hidden: str, start: str
):
    run = store(tmp_path, small_machine(visible, hidden, weights=0.7), np.ones((5, SITES), dtype=np.int8))
    samples = carving.sample(run, COUNT, start=start, age=60, steps=40)
    assert "age 60" in samples.source
    assert_drawn_from(samples.values, run.at_age(60))


def two_states() -> RBM:
    """Two states far apart, of which one has about three times the weight of the other."""
    machine = ordering_machine("spin", "spin", 12.0)
    every = configurations(machine)
    bias = 0.02 * torch.from_numpy(every[probabilities(machine).argmax()]).double()
    return RBM(machine.weights, machine.visible_bias + bias, machine.hidden_bias, "spin", "spin")


@pytest.mark.parametrize("start", ["tempering", "trajectory"])
def test_tempering_finds_the_weights_of_states_that_gibbs_steps_do_not_leave(tmp_path: Path, start: str):
    run = store(tmp_path, two_states())
    machine = run[-1]
    every, p = configurations(machine), probabilities(machine)
    best = every[p.argmax()].astype(int)
    exact = float(p[every @ best > 0].sum())
    assert 0.6 < exact < 0.95
    from_one = carving.sample(machine, 500, samples=np.repeat(-best[None], 3, 0), steps=300)
    assert float((from_one.values @ best > 0).mean()) < 0.1
    found = carving.sample(run, 2_000, start=start, steps=300).values
    assert float((found @ best > 0).mean()) == pytest.approx(exact, abs=5 * 0.5 / 2_000**0.5)


def test_chains_start_from_all_rows_before_any_comes_again():
    machine = small_machine("bernoulli", "spin")
    rows = configurations(machine)
    samples = carving.sample(machine, 2 * len(rows) + 3, samples=rows, steps=0).values
    for part in (samples[:16], samples[16:32]):
        assert sorted(map(bytes, part)) == sorted(map(bytes, rows))
        assert not np.array_equal(part, rows)
    assert len(np.unique(samples[32:], axis=0)) == 3


@pytest.mark.parametrize(
    "kind", [np.asarray, torch.as_tensor, lambda x: Samples(x, np.arange(2).astype(str))]
)
def test_rows_to_start_from_may_be_any_kind_of_array(kind: Callable):
    machine = small_machine("potts", "spin")
    rows = np.array([[0, 1, 2, 0], [2, 2, 1, 1]], dtype=np.uint8)
    samples = carving.sample(machine, 2, samples=kind(rows), steps=0).values
    assert sorted(map(bytes, samples)) == sorted(map(bytes, rows))


def test_the_samples_that_the_checkpoints_hold_are_where_chains_start(tmp_path: Path):
    held = np.array([[0, 1, 2, 0]], dtype=np.uint8)
    run = store(tmp_path, small_machine("potts", "spin"), held, alphabet="-AC")
    samples = carving.sample(run, 3, steps=0)
    np.testing.assert_array_equal(samples.values, np.repeat(held, 3, 0))
    assert samples.alphabet == "-AC"


@pytest.mark.parametrize("start", ["random", "tempering"])
def test_batches_change_nothing_but_the_random_numbers(monkeypatch: pytest.MonkeyPatch, start: str):
    machine = small_machine("potts", "bernoulli")
    monkeypatch.setattr(_sample, "_NUMBERS_AT_ONCE", 20_000)
    reports: list[Progress] = []
    samples = carving.sample(machine, COUNT, start=start, steps=12, progress=reports.append)
    assert_drawn_from(samples.values, machine)
    done = [report.done for report in reports if report.stage == "sampling"]
    assert done == sorted(done)
    assert reports[-1].done == reports[-1].total > 12


def test_progress_says_how_often_rungs_swap():
    reports: list[Progress] = []
    carving.sample(small_machine("spin", "spin"), 5, start="tempering", steps=12, progress=reports.append)
    assert reports[-1].done == reports[-1].total == 12
    assert "of swaps accepted" in reports[-1].message
    assert [report.done for report in reports if report.stage == "sampling"] == [5, 10, 12]


# ---- seeds


@pytest.mark.parametrize(("start", "arithmetic"), [("random", "plain"), ("tempering", "integer")])
def test_the_same_seed_gives_the_same_samples_and_another_gives_others(start: str, arithmetic: str):
    machine = small_machine("potts", "spin")

    def drawn(seed: int | torch.Generator) -> np.ndarray:
        return carving.sample(machine, 50, start=start, steps=5, arithmetic=arithmetic, seed=seed).values

    first, generator = drawn(3), torch.Generator().manual_seed(3)
    assert np.array_equal(drawn(3), first)
    assert not np.array_equal(drawn(4), first)
    assert np.array_equal(drawn(generator), first)
    assert not np.array_equal(drawn(generator), first)


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    carving.sample(small_machine("spin", "gaussian"), 5, start="tempering", steps=5)
    assert torch.equal(torch.get_rng_state(), before)


# ---- clamped


def known_of(visible: str) -> dict[int, int]:
    return {0: 1, 2: {"bernoulli": 0, "spin": -1, "potts": 2}[visible]}


@pytest.mark.parametrize(("visible", "hidden", "arithmetic"), SERVED)
def test_free_sites_are_drawn_given_the_clamped_ones(visible: str, hidden: str, arithmetic: str):
    machine, known = small_machine(visible, hidden), known_of(visible)
    samples = carving.sample(machine, COUNT, clamp=known, steps=40, arithmetic=arithmetic).values
    assert np.all(samples[:, list(known)] == list(known.values()))
    assert_drawn_given(samples, machine, known)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(("visible", "hidden"), SOME_PAIRS)
def test_clamped_sites_hold_from_every_start(tmp_path: Path, visible: str, hidden: str, start: str):
    known = known_of(visible)
    run = store(tmp_path, small_machine(visible, hidden), np.ones((3, SITES), dtype=np.int8))
    samples = carving.sample(run, 1000, clamp=known, start=start, steps=20).values
    assert np.all(samples[:, list(known)] == list(known.values()))
    assert_drawn_given(samples, run[-1], known)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_every_sample_may_have_sites_of_its_own_clamped(visible: str, hidden: str):
    machine = small_machine(visible, hidden)
    first, second = {0: 1, 3: 1}, {1: 1}
    known = np.ma.masked_array(np.zeros((2 * COUNT, SITES), dtype=np.int64), mask=True)
    for rows, part in ((slice(COUNT), first), (slice(COUNT, None), second)):
        for site, value in part.items():
            known[rows, site] = value
    # what is under the mask must not matter
    known.data[known.mask] = 77
    samples = carving.sample(machine, 2 * COUNT, clamp=known, steps=30).values
    assert np.all((samples == known.data) | known.mask)
    assert_drawn_given(samples[:COUNT], machine, first)
    assert_drawn_given(samples[COUNT:], machine, second)


def test_a_row_that_is_masked_clamps_all_samples_alike():
    machine = small_machine("bernoulli", "gaussian")
    row = np.ma.masked_array([1, 0, 1, 1], mask=[True, False, True, False])
    samples = carving.sample(machine, COUNT, clamp=row, steps=30).values
    assert_drawn_given(samples, machine, {1: 0, 3: 1})


def test_nothing_or_everything_may_be_clamped():
    machine = small_machine("spin", "bernoulli")
    free = carving.sample(machine, 20, steps=3).values
    assert np.array_equal(carving.sample(machine, 20, steps=3, clamp={}).values, free)
    every = dict(enumerate([1, -1, -1, 1]))
    assert np.all(carving.sample(machine, 20, steps=3, clamp=every).values == list(every.values()))


# ---- refusals

POTTS = small_machine("potts", "spin")
MASKED = np.ma.masked_array(np.full((3, SITES), 7), mask=[[True] * SITES, [True] * SITES, [False] * SITES])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"count": 0}, ("count", "from 1 up")),
        ({"count": 2.5}, ("count", "2.5")),
        ({"steps": -1}, ("steps", "from 0 up")),
        ({"swaps": 1}, ("swaps", "between 0 and 1")),
        ({"swaps": np.nan}, ("swaps", "between 0 and 1")),
        ({"age": 10}, ("age", "checkpoints")),
        ({"start": "cold"}, ("start", "cold", "tempering")),
        ({"start": "data"}, ("samples", "start from data")),
        ({"start": "trajectory"}, ("trajectory", "tempering")),
        ({"start": "random", "samples": [[0] * SITES]}, ("samples", "'random'")),
        ({"samples": [[0] * 3]}, ("3 columns", "4 visible units")),
        ({"samples": [[0, 0, 9, 0]]}, ("row 0, column 2", "9", "0 … 2")),
        ({"samples": np.zeros((0, SITES))}, ("no row",)),
        ({"arithmetic": "roman"}, ("arithmetic", "roman", "fastest, integer, plain")),
        ({"machine": small_machine("spin", "gaussian"), "arithmetic": "integer"}, ("integer", "plain")),
        ({"machine": "checkpoints/"}, ("str", "open_checkpoints")),
        ({"seed": -1}, ("seed", "-1")),
        ({"seed": True}, ("seed", "True")),
        ({"device": "abacus"}, ("abacus", "cpu")),
        ({"clamp": {4: 0}}, ("no site 4", "0 … 3")),
        ({"clamp": {-1: 0}}, ("no site -1", "0 … 3")),
        ({"clamp": {"a": 0}}, ("no site 'a'",)),
        ({"clamp": {2: 3}}, ("clamp", "column 2", "3", "0 … 2")),
        ({"clamp": {2: 0.5}}, ("clamp", "column 2", "0.5")),
        ({"clamp": {2: np.nan}}, ("clamp", "column 2", "nan")),
        ({"clamp": {2: "A"}}, ("site 2", "'A'", "code")),
        ({"clamp": np.zeros((3, SITES))}, ("ndarray", "masked")),
        ({"clamp": MASKED[:2]}, ("(2, 4)", "(3, 4)")),
        ({"clamp": MASKED}, ("clamp", "row 2, column 0", "7")),
        ({"clamp": np.ma.masked_array(["A"] * SITES)}, ("clamp", "not numbers")),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_what_cannot_be_used_is_refused_in_one_line(settings: dict, words: tuple[str, ...]):
    with pytest.raises(InvalidInput) as caught:
        carving.sample(**{"machine": POTTS, "count": 3, **settings})
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_ages_that_there_are_not_are_refused(tmp_path: Path):
    run = store(tmp_path, small_machine("spin", "spin"))
    with pytest.raises(InvalidInput, match="no checkpoint of age 7; the nearest are 10"):
        carving.sample(run, 3, age=7)
    with pytest.raises(InvalidInput, match="trajectory needs checkpoints younger"):
        carving.sample(run, 3, age=10, start="trajectory")
    with pytest.raises(InvalidInput, match="samples: are needed"):
        carving.sample(run, 3, start="data")


def test_a_store_without_checkpoints_is_refused(tmp_path: Path):
    create_checkpoints(tmp_path / "empty").close()
    with pytest.raises(InvalidInput, match="holds no checkpoint yet"):
        carving.sample(carving.open_checkpoints(tmp_path / "empty"), 3)
