"""Sweeps in buffers against the definition that Plefka writes out."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from carving.meanfield import Plefka
from carving.meanfield.sweeping import plain_sweeps
from carving.units import _compiled_sweep
from tests.machines import ORDERS, PAIRS, random_machine, random_samples

# with operations that copy a value off the device a sweep waits for everything before it
WAITING = ("_local_scalar_dense", "nonzero", "is_nonzero", "item", "_to_copy", "unique")
# more than one block of rows of any layout
ROWS = 300


@pytest.fixture(params=["compiled", "not compiled"], autouse=True)
def how_it_is_made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here with the compiled sweep, where that serves, and without it."""
    if request.param == "not compiled":
        monkeypatch.setattr(_compiled_sweep, "compiled_for", lambda: None)


class Waits(TorchDispatchMode):
    """Counts the operations that have to wait for their result."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += any(name in str(func) for name in WAITING)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_sweeps_in_buffers_are_the_sweeps_of_the_definition(
    visible: str, hidden: str, order: int, dtype: torch.dtype
) -> None:
    rbm = random_machine(visible, hidden, weights=0.3)
    exact = Plefka(rbm, order)
    sweep = plain_sweeps(Plefka(rbm, order, dtype=dtype), ROWS).sweep
    start = exact.start(random_samples(rbm, ROWS))
    # the third sweep is the first whose hidden field depends on everything that was in the buffers
    for rows in (ROWS, 129, 128, 1):
        state, expected = [x[:rows].to(dtype) for x in start], [x[:rows] for x in start]
        for _ in range(3):
            state, expected = sweep(*state), exact.sweep(*expected)
        for ours, theirs in zip(state, expected, strict=True):
            accuracy = 1e3 * torch.finfo(dtype).eps
            torch.testing.assert_close(ours.double(), theirs, rtol=accuracy, atol=accuracy)


@pytest.mark.parametrize("hidden", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("rows", [3, 11, 37])
def test_rows_that_fill_up_a_block_are_not_seen(hidden: str, rows: int) -> None:
    # so large that products of 11 and of 37 rows are made with 12 and with 40
    rbm = random_machine("bernoulli", hidden, sites=300, units=200, weights=0.05)
    exact = Plefka(rbm, 2)
    sweep = plain_sweeps(Plefka(rbm, 2, dtype=torch.float32), ROWS).sweep
    start = exact.start(random_samples(rbm, rows))
    state, expected = tuple(x.float() for x in start), start
    for turn in range(6):
        state, expected = sweep(*state), exact.sweep(*expected)
        assert [len(x) for x in state] == [rows, rows]
        if turn == 2:
            # others in between, and states that are equal to the last ones but not the same
            sweep(*(x[: rows - 1] for x in state))
            state = tuple(x.clone() for x in state)
    for ours, theirs in zip(state, expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_a_result_is_good_until_the_third_sweep_after_it(visible: str, hidden: str) -> None:
    rbm = random_machine(visible, hidden)
    plefka = Plefka(rbm, 2)
    sweep = plain_sweeps(plefka, ROWS).sweep
    first = sweep(*plefka.start(random_samples(rbm, ROWS)))
    copies = [x.clone() for x in first]
    second = sweep(*first)
    # of a few rows, as when only some are looked at, and of all again
    sweep(*(x[:7] for x in second))
    sweep(*second)
    assert all(torch.equal(x, copy) for x, copy in zip(first, copies, strict=True))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_no_sweep_waits_for_the_device(visible: str, hidden: str, order: int) -> None:
    rbm = random_machine(visible, hidden)
    plefka = Plefka(rbm, order)
    sweep, state = plain_sweeps(plefka, ROWS).sweep, plefka.start(random_samples(rbm, ROWS))
    with Waits() as waits:
        sweep(*sweep(*state))
    assert waits.count == 0
    with waits:
        bool(state[0].any())
    assert waits.count > 0, "nothing would be noticed"
