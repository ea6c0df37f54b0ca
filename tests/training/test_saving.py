import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.training import read_saving, save_ages, train
from carving.training.saving import Snapshot

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


# ---- rules that look at the machine


def snapshot(age, machine=None, chains=None):
    if machine is None:
        machine = RBM(torch.zeros(2, 1), torch.zeros(2), torch.zeros(1))
    return Snapshot(age, machine, chains)


def play(rule, counts):
    """Ages that an adaptive rule saves, where so many states are seen at its looks."""
    saved, before = [], None
    rule._find_groups = lambda now: np.arange(60) % counts[now.age]
    for age in rule.looks().tolist():
        verdict = rule.look(snapshot(age))
        if verdict.before and before not in saved:
            saved.append(before)
        if verdict.this:
            saved.append(age)
        before = age
    return saved


@pytest.mark.slow
@given(st.integers(4, 60), st.integers(2, 30_000), st.data())
def test_an_adaptive_rule_keeps_to_its_number_whatever_happens(count, updates, data):
    looks = save_ages(f"adaptive:{count}", updates)
    seen = data.draw(st.lists(st.integers(1, 9), min_size=len(looks), max_size=len(looks)))
    counts = dict(zip(looks, seen, strict=True))
    saved = play(read_saving(f"adaptive:{count}", updates), counts)
    assert len(saved) <= max(count, 2)
    assert saved == sorted(set(saved))
    assert (saved[0], saved[-1]) == (1, updates)


def test_an_adaptive_rule_saves_both_sides_of_every_new_state():
    rule = read_saving("adaptive:30", 10_000)
    looks = rule.looks().tolist()
    appear = [looks[40], looks[90], looks[91], looks[150]]
    counts = {age: 1 + sum(age >= each for each in appear) for age in looks}
    saved = play(rule, counts)
    for age in appear:
        assert age in saved
        assert looks[looks.index(age) - 1] in saved


def test_states_that_come_and_go_leave_some_of_the_checkpoints_for_new_ones():
    rule = read_saving("adaptive:30", 10_000)
    looks = rule.looks().tolist()
    flicker = {age: 1 + index % 2 for index, age in enumerate(looks)}
    without = play(read_saving("adaptive:30", 10_000), dict.fromkeys(looks, 1))
    assert len(play(rule, flicker)) <= len(without) + 0.75 * (30 - len(without)) + 1
    # and a state that is new at the end is still bracketed
    late = {**flicker, **dict.fromkeys(looks[-20:], 3)}
    saved = play(read_saving("adaptive:30", 10_000), late)
    assert {looks[-21], looks[-20]} <= set(saved)


def growing_machine(age):
    """Two states that part as the training goes on."""
    return RBM(torch.full((6, 1), 0.02 * age), torch.zeros(6), torch.zeros(1), "spin", "spin")


def exact_acceptance(one, other):
    """Mean probability of a swap, over all pairs of configurations."""
    v = one.visible.configurations(6, torch.float64)
    energies = [machine.to(dtype=torch.float64).free_energy(v) for machine in (one, other)]
    p, q = (torch.softmax(-energy, 0) for energy in energies)
    difference = energies[0] - energies[1]
    log_ratio = difference[:, None] - difference[None, :]
    return float((p[:, None] * q[None, :] * log_ratio.clamp(max=0).exp()).sum())


def test_neighbours_saved_by_acceptance_swap_as_often_as_asked_for():
    rule = read_saving("acceptance:0.6", 100)
    generator = torch.Generator().manual_seed(0)
    saved, before = [], None
    for age in rule.looks().tolist():
        machine = growing_machine(age)
        v = machine.visible.configurations(6, torch.float32)
        weights = torch.softmax(-machine.free_energy(v).double(), 0)
        chains = v[torch.multinomial(weights, 4000, replacement=True, generator=generator)]
        verdict = rule.look(snapshot(age, machine, chains.to(torch.int8)))
        if verdict.before:
            saved.append(before)
        if verdict.this:
            saved.append(age)
        before = age
    swaps = [
        exact_acceptance(growing_machine(one), growing_machine(other))
        for one, other in itertools.pairwise(saved)
    ]
    assert len(saved) > 4
    assert min(swaps) > 0.57
    # and not more of them than needed: only the last one may be nearer
    assert max(swaps[:-1]) < 0.75


def test_chains_that_do_not_last_cannot_be_compared(tmp_path):
    samples = torch.ones(5, 3)
    with pytest.raises(
        InvalidInput, match=r"save: acceptance:0.5 compares chains that last, which cd has not"
    ):
        train(samples, tmp_path / "run", method="cd", save="acceptance:0.5", updates=3)


@pytest.mark.parametrize(
    "save", ["acceptance", "acceptance:0", "acceptance:1", "acceptance:nan", "acceptance:x"]
)
def test_an_acceptance_that_is_no_probability_is_refused(save):
    with pytest.raises(InvalidInput, match=r"save: .*acceptance:0.3"):
        save_ages(save, 100)
