"""Gibbs chains against enumeration, however their steps are made."""

import numpy as np
import pytest
import torch

from carving import RBM
from carving.sampling._chains import GibbsChains
from carving.sampling._codes import decode
from carving.sampling._flat import FlatMachine
from carving.sampling.steps import fastest_steps, find_steps
from carving.sampling.steps.integer import LARGEST_ERROR, IntegerSteps
from tests.machines import random_machine
from tests.sampling.exact import SERVED, SITES, assert_drawn_from, draw, probabilities, small_machine

CHAINS = 8_000
DISCRETE = [pair[:2] for pair in SERVED if pair[2] == "integer"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def chains_of(machine: RBM, count: int, steps: str, *, seed: int = 0) -> GibbsChains:
    flat = FlatMachine(machine)
    chains = GibbsChains(flat, count, seeded(seed), steps=steps)
    chains.draw_from(flat, torch.zeros(count, machine.hidden_size, dtype=machine.dtype), seeded(seed))
    return chains


def test_integer_steps_are_tried_where_they_should_be():
    assert len(DISCRETE) == 6


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("visible", "hidden", "steps"), SERVED)
def test_long_chains_have_the_moments_of_the_machine(visible: str, hidden: str, steps: str):
    machine = small_machine(visible, hidden, beta=0.9).to(dtype=torch.float32)
    chains = chains_of(machine, CHAINS, steps)
    chains.advance(60, seeded(1))
    every = machine.visible.configurations(SITES, torch.float64).flatten(1)
    p = torch.from_numpy(probabilities(machine))
    found = chains.visible.double()
    # independent chains: five standard errors of what is at most 1 in size
    error = 5 / CHAINS**0.5
    torch.testing.assert_close(found.mean(0), p @ every, rtol=0, atol=error)
    pairs = every.T @ (p[:, None] * every)
    torch.testing.assert_close(found.T @ found / CHAINS, pairs, rtol=0, atol=error)
    by_site = found.view(CHAINS, *machine.visible_bias.shape)
    assert_drawn_from(decode(machine.visible, by_site), machine)


@pytest.mark.parametrize(("visible", "hidden", "steps"), SERVED)
def test_one_long_chain_visits_what_many_do(visible: str, hidden: str, steps: str):
    machine = small_machine(visible, hidden, weights=0.3).to(dtype=torch.float32)
    chains, generator = chains_of(machine, 20, steps), seeded(1)
    total, rounds = torch.zeros_like(chains.visible[0]), 300
    for _ in range(rounds):
        chains.advance(4, generator)
        total += chains.visible.mean(0)
    expected = machine.enumerate().visible_mean.flatten().float()
    torch.testing.assert_close(total / rounds, expected, rtol=0, atol=5 / (20 * rounds) ** 0.5)


@pytest.mark.parametrize(("visible", "hidden", "steps"), SERVED)
def test_held_sites_stay_and_the_others_are_drawn_given_them(visible: str, hidden: str, steps: str):
    machine = small_machine(visible, hidden)
    chains = chains_of(machine, 2 * CHAINS, steps)
    # half of the chains have the first site held at one value, the others at another
    every = machine.visible.configurations(SITES, machine.dtype)
    ends = torch.stack([every[0], every[-1]]).repeat_interleave(CHAINS, 0)
    held = torch.zeros(ends.shape, dtype=torch.bool)
    held[:, 0] = True
    chains.hold(ends.flatten(1), held.flatten(1))
    chains.advance(40, seeded(1))
    codes = decode(machine.visible, chains.visible.view(ends.shape))
    configurations, p = decode(machine.visible, every), probabilities(machine)
    for part, value in ((codes[:CHAINS], configurations[0, 0]), (codes[CHAINS:], configurations[-1, 0])):
        assert set(part[:, 0].tolist()) == {int(value)}
        for site in range(1, SITES):
            exact = p[configurations[:, 0] == value]
            values = configurations[configurations[:, 0] == value, site].astype(float)
            mean = exact @ values / exact.sum()
            assert part[:, site].mean() == pytest.approx(mean, abs=5 * 2 / CHAINS**0.5)


@pytest.mark.parametrize(("visible", "hidden", "steps"), SERVED)
def test_what_is_set_is_seen(visible: str, hidden: str, steps: str):
    machine = small_machine(visible, hidden)
    chains = chains_of(machine, 50, steps)
    wanted = draw(machine, 50, seeded(3))
    given = wanted.clone()
    chains.set(given)
    given.zero_()
    assert torch.equal(chains.visible, wanted)


@pytest.mark.parametrize(("visible", "hidden", "steps"), SERVED)
def test_chains_go_on_from_their_state_to_the_same_bits(visible: str, hidden: str, steps: str):
    machine = small_machine(visible, hidden).to(dtype=torch.float32)
    first, generator = chains_of(machine, 30, steps), seeded(1)
    first.advance(7, generator)
    state, before = first.state(), generator.get_state()
    first.advance(7, generator)
    again = chains_of(machine, 30, steps, seed=5)
    again.restore(state)
    again.advance(7, generator.set_state(before))
    assert torch.equal(first.visible, again.visible)


@pytest.mark.parametrize(("visible", "hidden", "steps"), SERVED)
def test_chains_follow_a_machine_that_changes(visible: str, hidden: str, steps: str):
    before, after = (small_machine(visible, hidden, seed=seed) for seed in (0, 1))
    chains = chains_of(before, CHAINS, steps)
    chains.refresh(FlatMachine(after))
    chains.advance(40, seeded(1))
    assert_drawn_from(decode(after.visible, chains.visible.view(CHAINS, *after.visible_bias.shape)), after)


def realised(steps: IntegerSteps, draw: str, units: object, given: torch.Tensor, bits: torch.Tensor):
    """Share of each outcome when the random numbers take all of their values once."""
    drawn = units.bits  # type: ignore[attr-defined]  # the generator of random bits of that layer
    spread = bits[:, None].expand(-1, units.sites).contiguous()  # type: ignore[attr-defined]
    drawn.next = lambda: spread
    return getattr(steps, draw)(given.expand(len(bits), -1).contiguous(), None).double().mean(0)


@pytest.mark.parametrize(("visible", "hidden"), DISCRETE)
def test_integer_steps_have_the_probabilities_of_the_machine(visible: str, hidden: str):
    machine = random_machine(
        visible, hidden, sites=40, units=30, states=4, weights=1.0, uniform=True
    ).to(dtype=torch.float32)  # fmt: skip
    flat, exact = FlatMachine(machine), machine.to(dtype=torch.float64)
    every = torch.arange(-(2**15), 2**15)
    steps = IntegerSteps(flat, len(every), seeded())
    v = machine.visible.sample(torch.zeros(1, *machine.visible_bias.shape), seeded(1))
    h = machine.hidden.sample(torch.zeros(1, machine.hidden_size), seeded(2))
    of_hidden = realised(steps, "draw_hidden", steps._hidden, steps.encode(v.flatten(1)), every.short())
    error = (of_hidden - exact.hidden_mean(v.double())[0]).abs().max() * exact.hidden.distance_scale
    assert float(error) < LARGEST_ERROR
    bits = every.short() if machine.states is None else ((every << 16) + 2**15).int()
    drawn = realised(steps, "draw_visible", steps._visible, h.to(torch.int8), bits)
    of_visible = steps.decode(drawn[None].float(), torch.empty(1, len(drawn)))[0].double()
    wanted = exact.visible_mean(h.double()).flatten()
    assert float((of_visible - wanted).abs().max()) * exact.visible.distance_scale < LARGEST_ERROR


@pytest.mark.parametrize(("visible", "hidden"), DISCRETE)
def test_integer_fields_of_a_thousand_units_are_as_exact_as_is_said(visible: str, hidden: str):
    machine = random_machine(
        visible, hidden, sites=1000, units=50, states=4, weights=1.0, uniform=True
    ).to(dtype=torch.float32)  # fmt: skip
    flat = FlatMachine(machine)
    steps = IntegerSteps(flat, 200, seeded())
    v = machine.visible.sample(torch.zeros(200, *machine.visible_bias.shape), seeded(1))
    field = steps._to_hidden(steps.encode(v.flatten(1))).double()
    exact = machine.to(dtype=torch.float64).hidden_field(v.double())
    difference = machine.hidden.mean(field) - machine.hidden.mean(exact)
    assert float(difference.abs().max()) * machine.hidden.distance_scale < LARGEST_ERROR
    assert float((field - exact).std()) < 1e-5 * 1000**0.5


def test_random_bits_are_even_and_unrelated():
    machine = FlatMachine(small_machine("bernoulli", "bernoulli"))
    bits = IntegerSteps(machine, 4096, seeded())._visible.bits
    draws = torch.stack([bits.next().double() for _ in range(50)])
    scale = 2**16 / 12**0.5
    assert abs(float(draws.mean() + 0.5)) < 5 * scale / draws.numel() ** 0.5
    for other in (draws.roll(1, 0), draws.roll(1, 1), draws.roll(4, 1)):
        assert abs(float((draws * other).mean()) / scale**2) < 5 / draws.numel() ** 0.5


def test_sums_that_would_not_fit_are_left_to_floating_point():
    machine = RBM(np.ones((70_000, 1)), np.zeros(70_000), np.zeros(1), "spin", "spin")
    assert not find_steps("integer").serves(FlatMachine(machine))
    assert fastest_steps(FlatMachine(machine)) == "plain"
