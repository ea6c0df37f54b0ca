"""The compiled sweep against the definition, on every kind of processor that this one can be."""

import platform
import shutil
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from carving import Unit
from carving.meanfield import Plefka
from carving.meanfield.sweeping import plain_sweeps
from carving.units import ScalarUnit, State, resolve_unit
from carving.units import _compiled_sweep as compiled
from tests.machines import ORDERS, PAIRS, random_machine, random_samples

SCALARS = [unit for unit in Unit.registry.values() if issubclass(unit, ScalarUnit)]
SCALAR_PAIRS = [pair for pair in PAIRS if pair[0] != "potts"]
LIBRARIES = [name for name in compiled.library_names() if compiled.load(name) is not None]
ACCURACY = 1e3 * torch.finfo(torch.float32).eps


def sweep_of(library: str, plefka: Plefka, rows: int) -> compiled.CompiledSweep:
    assert isinstance(plefka.visible, ScalarUnit)
    forms = plefka.visible.closed_form, plefka.hidden.closed_form
    assert forms[0] is not None
    assert forms[1] is not None
    loaded = compiled.load(library)
    assert loaded is not None
    return compiled.CompiledSweep(
        loaded, forms[0], plefka.visible_bias, plefka.powers, forms[1], plefka.hidden_bias, rows
    )


def single(state: State) -> State:
    return state[0].float(), state[1].float()


def polynomial(coefficients: tuple[float, ...], m: Tensor) -> Tensor:
    return sum((c * m**k for k, c in enumerate(coefficients)), torch.zeros_like(m))


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64") or shutil.which("c++") is None,
    reason="compiled on Linux with x86-64 processors, where there is a compiler",
)
def test_it_is_compiled_where_there_is_a_compiler() -> None:
    assert list(compiled.library_names()) == LIBRARIES
    sweeps = plain_sweeps(Plefka(random_machine("spin", "bernoulli"), 2, dtype=torch.float32), 8)
    assert isinstance(sweeps, compiled.CompiledSweep)


@pytest.mark.parametrize("name", [unit.name for unit in SCALARS])
def test_a_closed_form_is_that_of_the_log_partition(name: str) -> None:
    unit = resolve_unit(name, precision=2.5 if name == "gaussian" else None)
    assert isinstance(unit, ScalarUnit)
    form = unit.closed_form
    assert form is not None
    theta = torch.linspace(-6, 6, 101, dtype=torch.float64, requires_grad=True)
    m, *cumulants = derivatives(unit.log_partition(theta), theta, 3)
    logistic = torch.sigmoid(form.gain * theta)
    mean = form.gain * theta if form.scale is None else form.scale * logistic + form.shift
    torch.testing.assert_close(mean, m)
    for coefficients, cumulant in zip((form.second, form.third), cumulants, strict=True):
        torch.testing.assert_close(polynomial(coefficients, m), cumulant)


def derivatives(values: Tensor, by: Tensor, count: int) -> list[Tensor]:
    found = []
    for _ in range(count):
        # a constant has no graph: its derivative is zero
        values = values + 0 * by
        values = torch.autograd.grad(values.sum(), by, create_graph=True)[0]
        found.append(values)
    return found


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("visible", "hidden"), SCALAR_PAIRS)
@given(
    sites=st.integers(1, 70),
    units=st.integers(1, 70),
    rows=st.integers(1, 30),
    sweeps=st.integers(2, 8),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
@settings(max_examples=15, deadline=None)
def test_it_is_the_sweep_of_the_definition(
    library: str,
    order: int,
    visible: str,
    hidden: str,
    sites: int,
    units: int,
    rows: int,
    sweeps: int,
    threads: int,
    seed: int,
) -> None:
    weights = 0.5 / max(sites, units) ** 0.5
    rbm = random_machine(visible, hidden, sites=sites, units=units, weights=weights, seed=seed)
    exact = Plefka(rbm, order)
    start = exact.start(random_samples(rbm, rows, seed=seed))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = sweep_of(library, exact.to(torch.float32), rows).last_three(*single(start), sweeps)
    finally:
        torch.set_num_threads(before)
    expected = plain_sweeps(exact, rows).last_three(*start, sweeps)
    for ours, theirs in zip(found, expected, strict=True):
        for x, y in zip(ours, theirs, strict=True):
            torch.testing.assert_close(x.double(), y, rtol=ACCURACY, atol=ACCURACY)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("order", ORDERS)
def test_a_row_is_the_same_in_any_company(library: str, order: int) -> None:
    rbm = random_machine("bernoulli", "spin", sites=83, units=37, weights=0.1)
    plefka = Plefka(rbm, order, dtype=torch.float32)
    v, h = single(Plefka(rbm, order).start(random_samples(rbm, 29)))
    together = [x.clone() for x in sweep_of(library, plefka, 29).last_three(v, h, 5)[-1]]
    for size in range(1, 8):
        few = sweep_of(library, plefka, size)
        for begin in range(0, 29, size):
            rows = slice(begin, begin + size)
            for x, y in zip(together, few.last_three(v[rows], h[rows], 5)[-1], strict=True):
                assert torch.equal(x[rows], y)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("visible", "hidden"), SCALAR_PAIRS)
def test_extreme_fields_saturate(library: str, visible: str, hidden: str) -> None:
    rbm = random_machine(visible, hidden, sites=20, units=18, bias=1e6)
    exact = Plefka(rbm, 1)
    v, h = sweep_of(library, exact.to(torch.float32), 9).sweep(*single(exact.start(random_samples(rbm, 9))))
    expected = exact.sweep(*exact.start(random_samples(rbm, 9)))
    for x, y in zip((v, h), expected, strict=True):
        torch.testing.assert_close(x.double(), y, rtol=ACCURACY, atol=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_not_a_number_stays_so_and_in_its_row(library: str) -> None:
    rbm = random_machine("bernoulli", "bernoulli", sites=20, units=18)
    plefka = Plefka(rbm, 2)
    v, h = single(plefka.start(random_samples(rbm, 9)))
    v[4, 3] = torch.nan
    swept, _ = sweep_of(library, plefka.to(torch.float32), 9).sweep(v, h)
    assert torch.isnan(swept).any(1).tolist() == [row == 4 for row in range(9)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_results_are_good_until_they_are_told_to_be(library: str) -> None:
    rbm = random_machine("spin", "bernoulli", sites=20, units=18)
    plefka = Plefka(rbm, 2)
    sweep = sweep_of(library, plefka.to(torch.float32), 9)
    triple = sweep.last_three(*single(plefka.start(random_samples(rbm, 9))), 4)
    copies = [(v.clone(), h.clone()) for v, h in triple]
    one = sweep.sweep(*triple[-1])
    copy = one[0].clone()
    sweep.sweep(*sweep.sweep(*one))
    assert torch.equal(one[0], copy)
    sweep.last_three(*triple[-1], 4)
    for state, kept in zip(triple, copies, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(state, kept, strict=True))


@pytest.mark.parametrize("shapes", [((5, 10), (5, 8)), ((4, 10), (3, 8)), ((4, 9), (4, 8))])
@pytest.mark.parametrize("library", LIBRARIES)
def test_states_that_do_not_fit_are_refused(library: str, shapes: tuple[tuple[int, int], ...]) -> None:
    sweep = sweep_of(library, Plefka(random_machine("spin", "spin"), 2, dtype=torch.float32), 4)
    with pytest.raises(ValueError, match="do not fit 4 rows"):
        sweep.sweep(*map(torch.zeros, shapes))


def test_no_rows_are_swept_to_none() -> None:
    rbm = random_machine("bernoulli", "bernoulli")
    sweeps = plain_sweeps(Plefka(rbm, 2, dtype=torch.float32), 4)
    v, h = torch.zeros(0, 10), torch.zeros(0, 8)
    assert [len(x) for state in sweeps.last_three(v, h, 4) for x in state] == [0] * 6


@pytest.mark.parametrize(
    "why", ["double precision", "too many weights", "a unit without a closed form", "not compiled"]
)
def test_another_sweep_serves_where_it_cannot(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rbm = random_machine("spin", "bernoulli")
    if why == "too many weights":
        monkeypatch.setattr(compiled, "_MOST_WEIGHTS", 79)
    if why == "a unit without a closed form":
        monkeypatch.setattr(type(rbm.hidden), "closed_form", None)
    if why == "not compiled":
        monkeypatch.setattr(compiled, "library_names", lambda: ("of another processor",))
    dtype = torch.float64 if why == "double precision" else torch.float32
    sweeps = plain_sweeps(Plefka(rbm, 2, dtype=dtype), 8)
    assert not isinstance(sweeps, compiled.CompiledSweep)
    state = single(Plefka(rbm, 2).start(random_samples(rbm, 8)))
    expected = Plefka(rbm, 2).sweep(*(x.double() for x in state))
    for x, y in zip(sweeps.sweep(*(x.to(dtype) for x in state)), expected, strict=True):
        torch.testing.assert_close(x.double(), y, rtol=ACCURACY, atol=ACCURACY)
