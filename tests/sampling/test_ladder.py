"""Ladders: swaps leave the distribution of every machine alone."""

import pytest
import torch

from carving import RBM
from carving.sampling._codes import decode
from carving.sampling._ladder import Ladder, Rung, acceptance
from carving.sampling._rungs import choose_rungs, temperatures
from tests.machines import ordering_machine
from tests.sampling.exact import SERVED, assert_drawn_from, draw, small_machine

CHAINS = 4_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def family(visible: str, hidden: str) -> list[RBM]:
    """One machine at three temperatures, and one of other parameters."""
    machine = small_machine(visible, hidden)
    rungs = [machine.at_inverse_temperature(beta) for beta in (0.0, 0.4, 1.0)]
    return [*rungs, small_machine(visible, hidden, weights=0.3, seed=1)]


def assert_every_rung_is_drawn_from_its_machine(ladder: Ladder) -> None:
    for rung in ladder.rungs:
        assert_drawn_from(decode(rung.machine.visible, rung.statistics()), rung.machine)


@pytest.mark.parametrize(("visible", "hidden", "steps"), SERVED)
def test_swaps_alone_leave_every_distribution_alone(visible: str, hidden: str, steps: str):
    machines, generator = family(visible, hidden), seeded()
    ladder = Ladder(machines, CHAINS, generator, steps=steps)
    for rung in ladder.rungs:
        rung.set(draw(rung.machine, CHAINS, generator))
    for _ in range(5):
        ladder.advance(0, generator)
    assert float(ladder.accepted.min()) > 0.02
    assert_every_rung_is_drawn_from_its_machine(ladder)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("visible", "hidden", "steps"), SERVED)
def test_steps_and_swaps_come_to_every_distribution(visible: str, hidden: str, steps: str):
    generator = seeded()
    ladder = Ladder(family(visible, hidden), CHAINS, generator, steps=steps)
    for _ in range(20):
        ladder.advance(2, generator)
    assert_every_rung_is_drawn_from_its_machine(ladder)


def test_as_many_swaps_are_accepted_as_enumeration_says():
    lower, _, _, upper = family("spin", "spin")
    generator = seeded()
    of_lower, of_upper = (draw(rbm, CHAINS, generator) for rbm in (lower, upper))
    every = lower.visible.configurations(4, torch.float64)
    below, above = -lower.free_energy(every), -upper.free_energy(every)
    p = torch.softmax(below, 0)[:, None] * torch.softmax(above, 0)
    difference = below - above
    exact = float((p * (difference[None, :] - difference[:, None]).exp().clamp(max=1)).sum())
    assert acceptance(lower, upper, of_lower, of_upper) == pytest.approx(exact, abs=0.02)
    ladder = Ladder([lower, upper], CHAINS, generator)
    for rung, v in zip(ladder.rungs, (of_lower, of_upper), strict=True):
        rung.set(v)
    ladder.advance(0, generator)
    assert float(ladder.accepted[0]) == pytest.approx(exact, abs=0.03)


def test_a_swap_moves_whole_configurations():
    # without weights and fields all swaps are accepted
    machine = small_machine("potts", "spin").at_inverse_temperature(0.0)
    generator = seeded()
    ladder = Ladder([machine, machine], 50, generator)
    before = [rung.visible.clone() for rung in ladder.rungs]
    ladder.advance(0, generator)
    assert torch.equal(ladder.rungs[0].visible, before[1])
    assert torch.equal(ladder.rungs[1].visible, before[0])


@pytest.mark.parametrize("steps", ["plain", "integer"])
def test_a_ladder_goes_on_from_its_state_to_the_same_bits(steps: str):
    machines = family("potts", "bernoulli")
    first, generator = Ladder(machines, 30, seeded(), steps=steps), seeded(1)
    first.advance(3, generator)
    state, before = first.state(), generator.get_state()
    first.advance(3, generator)
    again = Ladder(machines, 30, seeded(2), steps=steps)
    again.restore(state)
    again.advance(3, generator.set_state(before))
    for one, other in zip(first.rungs, again.rungs, strict=True):
        assert torch.equal(one.visible, other.visible)


def test_a_rung_that_splits_leaves_its_chains_to_both():
    machines, generator = family("bernoulli", "spin"), seeded()
    ladder = Ladder(machines[:2], 20, generator)
    top = ladder.top.visible.clone()
    ladder.split_top(machines[2], generator)
    ladder.rungs[1].advance(5, generator)
    # a look at the one does not change the other
    assert not torch.equal(ladder.rungs[1].visible, top)
    assert torch.equal(ladder.top.visible, top)
    ladder.keep([True, False, True])
    assert len(ladder.rungs) == 2
    assert torch.equal(ladder.top.visible, top)


def test_only_machines_that_changed_are_taken():
    machines, generator = family("bernoulli", "spin"), seeded()
    ladder = Ladder(machines, 20, generator)
    other = small_machine("bernoulli", "spin", seed=3)
    ladder.refresh([*machines[:3], other])
    assert [rung.machine for rung in ladder.rungs] == [*machines[:3], other]


@pytest.mark.parametrize("swaps", [0.2, 0.6])
def test_chosen_rungs_swap_as_often_as_was_asked(swaps: float):
    machine = ordering_machine("spin", "spin", 3.0)
    generator = seeded()
    rungs = choose_rungs(temperatures(machine), swaps, generator, steps="plain")
    assert (rungs[0].beta, rungs[-1].beta) == (0.0, 1.0)
    ladder = Ladder(rungs, 500, generator)
    for _ in range(100):
        ladder.advance(2, generator)
    assert float(ladder.accepted.min()) > swaps - 0.1
    # one less would not do
    assert float(ladder.accepted[:-1].mean()) < swaps + 0.15


def test_machines_that_are_alike_need_no_rungs_between():
    machine = small_machine("spin", "spin", weights=0.01)
    rungs = choose_rungs(iter([machine] * 10), 0.4, seeded(), steps="plain")
    assert len(rungs) == 2


def test_a_single_machine_is_a_ladder_of_one_rung():
    machine = small_machine("spin", "spin")
    assert choose_rungs(iter([machine]), 0.4, seeded(), steps="plain") == [machine]
    ladder = Ladder([machine], 10, seeded())
    ladder.advance(2, seeded())
    assert isinstance(ladder.top, Rung)
    assert len(ladder.accepted) == 0
