"""The solver: what converges, to which point, how well, and what is said of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from carving import RBM, fixed_points
from carving._progress import Progress
from carving.data import Samples
from carving.errors import InvalidInput, OutOfMemory
from carving.meanfield import Plefka, solver
from carving.meanfield.sweeping import Each
from carving.units import State, Sweeps
from tests.machines import PAIRS, ordering_machine, random_machine, random_samples

FIXTURES = Path(__file__).parents[2] / "fixtures"


def cycling_machine() -> tuple[RBM, torch.Tensor]:
    """A strong random machine on which plain second-order sweeps never stop for many rows."""
    rbm = random_machine("bernoulli", "bernoulli", sites=40, units=30, weights=2.0, seed=1)
    return rbm, random_samples(rbm, 24)


def swept(rbm: RBM, samples: Tensor, sweeps: int, order: int = 2) -> State:
    plefka = Plefka(rbm, order)
    state = plefka.start(samples)
    for _ in range(sweeps):
        state = plefka.sweep(*state)
    return state


def step_after(rbm: RBM, samples: Tensor, sweeps: int, order: int = 2) -> Tensor:
    plefka, before = Plefka(rbm, order), swept(rbm, samples, sweeps, order)
    after = plefka.sweep(*before)
    return plefka.size(after[0] - before[0], after[1] - before[1])


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_points_are_where_plain_sweeps_lead(visible: str, hidden: str) -> None:
    rbm = ordering_machine(visible, hidden, 1.4)
    samples = random_samples(rbm, 40)
    points = fixed_points(rbm, samples)
    expected_v, expected_h = swept(rbm, samples, 4000)
    size = Plefka(rbm).size(points.visible - expected_v, points.hidden - expected_h)
    assert bool(points.converged.all())
    assert bool((size <= points.error).all())


def test_rows_that_cycle_get_the_point_of_layer_exact_sweeps() -> None:
    rbm, samples = cycling_machine()
    points = fixed_points(rbm, samples)
    cycling = points.method == solver.LAYER_EXACT
    moving = step_after(rbm, samples, 3000) > 1e-3
    assert int(cycling.sum()) >= 3
    assert torch.equal(cycling, moving)
    plefka = Plefka(rbm)
    state = plefka.start(samples[cycling])
    for _ in range(2000):
        state = plefka.layer_exact_sweep(*state)
    size = plefka.size(points.visible[cycling] - state[0], points.hidden[cycling] - state[1])
    assert bool((size <= points.error[cycling]).all())


@pytest.mark.parametrize(("seed", "weights", "order"), [(3, 0.8, 2), (5, 0.6, 3), (5, 0.8, 2)])
def test_rows_that_pass_by_a_cycle_go_on_to_their_point(seed: int, weights: float, order: int) -> None:
    rbm = random_machine("spin", "gaussian", sites=6, units=4, weights=weights, bias=0.1, seed=seed)
    plefka = Plefka(rbm, order)

    def rests(visible: Tensor) -> Tensor:
        return step_after(rbm, visible, 600, order) < 1e-9

    samples = random_samples(rbm, 16, seed=seed)
    ends = rests(samples)
    # between a sample that reaches a point and one that cycles there is a cycle that attracts neither
    first, inside, outside = samples[ends][:1], samples[ends][:1], samples[~ends][:1]
    for _ in range(20):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if bool(rests(middle)) else (inside, middle)
    rows = torch.cat([torch.lerp(inside, first, 2.0**-nearness) for nearness in range(2, 17)])
    assert bool(rests(rows).all())
    points = fixed_points(rbm, rows, hidden=plefka.start(rows)[1], order=order)
    expected_v, expected_h = swept(rbm, rows, 600, order)
    size = plefka.size(points.visible - expected_v, points.hidden - expected_h)
    assert points.method.tolist() == [solver.PLAIN] * len(rows)
    assert bool((size <= points.error).all())


def in_units(visible: str, sign: int) -> Tensor:
    """25 units that are all up, or all down."""
    spins = torch.full((1, 25), float(sign), dtype=torch.float64)
    return spins if visible == "spin" else (1 + spins) / 2


def just_past_its_transition(visible: str, order: int) -> RBM:
    """A machine with two symmetric states, close to each other."""
    weak, strong = 0.9, 1.5
    pattern = torch.ones(25, 2, dtype=torch.float64) / 5
    pattern[::2, 1] *= -1
    while True:
        coupling = (weak + strong) / 2
        weights = pattern * torch.tensor([coupling, 0.3])
        biases = torch.zeros(25).double(), torch.zeros(2).double()
        rbm = RBM(weights, *biases, "spin", "gaussian")
        if visible == "bernoulli":
            # the same distribution: v = (1 + s) / 2
            rbm = RBM(2 * weights, biases[0], -weights.sum(0), "bernoulli", "gaussian")
        # the middle is where both would be without coupling
        away = swept(rbm, in_units(visible, 1), 1000, order)[0] - rbm.visible.mean(biases[0])
        apart = 2 * float(torch.linalg.vector_norm(away)) * rbm.visible.distance_scale
        if 0.3 < apart < 0.4:
            return rbm
        weak, strong = (weak, coupling) if apart > 0.4 else (coupling, strong)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
def test_a_row_from_beyond_one_of_two_symmetric_states_is_not_taken_for_the_others(
    visible: str, order: int
) -> None:
    rbm = just_past_its_transition(visible, order)
    plefka = Plefka(rbm, order)
    knowing = solver.Solver(plefka)
    # the other state is known when the row comes, and the saddle lies exactly halfway to it
    for sign in (-1, 1):
        points = knowing.run(*plefka.start(in_units(visible, sign)))
        end = swept(rbm, in_units(visible, sign), 4000, order)
        assert bool(points.converged.all())
        assert float(plefka.size(points.visible - end[0], points.hidden - end[1])) < 1e-5


def test_a_row_beyond_a_saddle_is_not_captured_while_it_still_comes_nearer_fast() -> None:
    with np.load(FIXTURES / "passed_saddle.npz") as stored:
        weights, biases = stored["weights"], (stored["visible_bias"], stored["hidden_bias"])
        rbm = RBM(weights, *biases, "potts", "spin")
        sample, row = (rbm.visible.encode(stored[name][None], torch.float64) for name in ("sample", "row"))
    plefka = Plefka(rbm)
    expected = swept(rbm, row, 300)
    state = swept(rbm, sample, 300)
    assert float(plefka.size(state[0] - expected[0], state[1] - expected[1])) > 0.1
    knowing = solver.Solver(plefka)
    knowing.run(*plefka.start(sample))
    # as many as are first looked at after four sweeps, when the row is nearest to the other state
    points = knowing.run(*plefka.start(row.expand(200, -1, -1)))
    size = plefka.size(points.visible - expected[0], points.hidden - expected[1])
    assert bool((size <= points.error).all())


def test_rows_do_not_depend_on_their_batch() -> None:
    rbm, samples = cycling_machine()
    samples = samples[:10]
    together = fixed_points(rbm, samples)
    for batch_size in (3, 7):
        other = fixed_points(rbm, samples, batch_size=batch_size)
        torch.testing.assert_close(other.visible, together.visible, rtol=0, atol=2e-9)
        # how many sweeps a row needs depends on what others have found before, its point does not
        assert torch.equal(other.method, together.method)


def test_no_row_depends_on_the_order_of_rows() -> None:
    rbm, samples = cycling_machine()
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(0))
    shuffled, straight = fixed_points(rbm, samples[order]), fixed_points(rbm, samples)[order]
    torch.testing.assert_close(shuffled.visible, straight.visible, rtol=0, atol=2e-9)


def test_rows_that_do_not_converge_are_returned_and_marked() -> None:
    rbm = random_machine("bernoulli", "bernoulli", sites=100, units=80, weights=1.0, seed=1)
    points = fixed_points(rbm, random_samples(rbm, 24), max_sweeps=8)
    lost = ~points.converged
    assert bool(lost.any())
    assert bool(torch.isinf(points.error[lost]).all())
    assert not bool(points.stable[lost].any())
    assert bool(torch.isfinite(points.free_energy).all())


def test_a_cycle_that_rounding_has_made_is_none() -> None:
    # two equal hidden units: their difference changes its sign at every sweep and shrinks by no more than
    # half a percent, so that it comes to stay at some units of single precision
    weights = torch.full((20, 2), (0.995 / 20) ** 0.5, dtype=torch.float64)
    rbm = RBM(weights, torch.zeros(20).double(), torch.zeros(2).double(), "spin", "spin")
    rbm = rbm.convert(visible="bernoulli", hidden="bernoulli")
    start = torch.full((1, 20), 0.5).double(), torch.tensor([[0.52, 0.48]]).double()
    points = fixed_points(rbm, start[0], hidden=start[1], max_sweeps=5000)
    assert points.method.tolist() == [solver.PLAIN]
    torch.testing.assert_close(points.hidden, torch.full((1, 2), 0.5).double(), rtol=0, atol=1e-6)


def test_a_row_that_rests_on_a_saddle_stays_there_and_is_called_unstable() -> None:
    rbm = RBM(
        torch.full((4, 4), 0.5).double(), torch.zeros(4).double(), torch.zeros(4).double(), "spin", "spin"
    )
    points = fixed_points(rbm, torch.zeros(1, 4), hidden=torch.zeros(1, 4), order=1)
    assert bool(points.converged[0])
    assert not bool(points.stable[0])


def test_exactly_at_a_transition_nothing_is_called_converged() -> None:
    # Γ is flat there, so that no estimate of the error holds: singular value 1 of spins at order 1
    rbm = RBM(
        torch.full((4, 4), 0.25).double(), torch.zeros(4).double(), torch.zeros(4).double(), "spin", "spin"
    )
    points = fixed_points(rbm, torch.ones(1, 4), order=1, max_sweeps=400)
    assert not bool(points.converged[0])


def test_starting_from_a_point_returns_it() -> None:
    rbm = ordering_machine("potts", "spin", 1.4)
    points = fixed_points(rbm, random_samples(rbm, 5))
    again = fixed_points(rbm, points.visible, hidden=points.hidden)
    torch.testing.assert_close(again.visible, points.visible, rtol=0, atol=2e-9)


def test_integer_codes_and_one_hot_rows_are_the_same_samples() -> None:
    rbm = ordering_machine("potts", "spin", 1.4)
    one_hot = random_samples(rbm, 5)
    codes = one_hot.argmax(-1).numpy().astype(np.uint8)
    assert torch.equal(fixed_points(rbm, codes).visible, fixed_points(rbm, one_hot).visible)


def test_free_energy_is_that_of_the_points() -> None:
    rbm = ordering_machine("spin", "bernoulli", 1.4)
    points = fixed_points(rbm, random_samples(rbm, 5), order=3)
    expected = Plefka(rbm, 3).free_energy(points.visible, points.hidden)
    torch.testing.assert_close(points.free_energy, expected)


def test_progress_ends_with_every_row() -> None:
    reports: list[Progress] = []
    rbm = ordering_machine("spin", "spin", 1.2)
    fixed_points(rbm, random_samples(rbm, 30), batch_size=8, progress=reports.append)
    assert (reports[-1].done, reports[-1].total) == (30, 30)


def test_a_batch_that_does_not_fit_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, sizes = solver.plain_sweeps, []

    class Large(Sweeps):
        def __init__(self, plefka: Plefka, rows: int) -> None:
            self.sweeps = plain(plefka, rows)

        def sweep(self, m_v: Tensor, m_h: Tensor) -> State:
            return self.sweeps.sweep(m_v, m_h)

        def last_three(self, m_v: Tensor, m_h: Tensor, sweeps: int) -> tuple[State, State, State]:
            sizes.append(len(m_v))
            if len(m_v) > 4:
                raise RuntimeError(
                    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 80000000000 bytes"
                )
            return self.sweeps.last_three(m_v, m_h, sweeps)

    monkeypatch.setattr(solver, "plain_sweeps", Large)
    rbm = ordering_machine("spin", "spin", 1.2)
    assert bool(fixed_points(rbm, random_samples(rbm, 16), batch_size=16).converged.all())
    assert sizes[:3] == [16, 8, 4]


def test_one_row_that_does_not_fit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def sweep(m_v: Tensor, m_h: Tensor) -> State:
        raise MemoryError

    monkeypatch.setattr(solver, "plain_sweeps", lambda *_: Each(sweep))
    rbm = ordering_machine("spin", "spin", 1.2)
    with pytest.raises(OutOfMemory, match="not even one row"):
        fixed_points(rbm, random_samples(rbm, 2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tolerance": 0.0}, "tolerance"),
        ({"order": 4}, "choose 1, 2 or 3"),
        ({"batch_size": 0}, "batch size"),
        ({"max_sweeps": 1}, "max_sweeps"),
        ({"samples": torch.ones(2, 9)}, "not of the same data"),
        ({"hidden": torch.zeros(2, 3)}, "hidden"),
        ({"hidden": torch.full((2, 8), torch.nan)}, "NaN"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict, words: str) -> None:
    rbm = random_machine("spin", "spin")
    options = {"samples": torch.ones(2, 10), **change}
    with pytest.raises(InvalidInput, match=words):
        fixed_points(rbm, options.pop("samples"), **options)


def test_what_was_spent_counts_the_sweeps_of_every_row() -> None:
    rbm, samples = cycling_machine()
    points = fixed_points(rbm, samples)
    spent = points.spent
    assert spent is not None
    plain = spent.single_precision_sweeps + spent.double_precision_sweeps
    assert plain + spent.layer_exact_sweeps == int(points.sweeps.sum())
    assert spent.layer_exact_sweeps > 0 == spent.damped_sweeps
    assert spent.rows == len(samples) == spent.captured + spent.arrived
    assert spent.points == len(torch.unique(points.visible.round(decimals=6), dim=0))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("order", [1, 2])
def test_layer_exact_sweeps_define_the_point_where_they_are_asked_for(order: int) -> None:
    rbm, samples = cycling_machine()
    points = fixed_points(rbm, samples, order=order, iteration="layer-exact")
    plefka = Plefka(rbm, order)
    v, h = plefka.start(samples.double())
    energy = plefka.free_energy(v, h)
    for _ in range(5000):
        v, h = plefka.layer_exact_sweep(v, h)
        # they descend in Γ
        assert bool((plefka.free_energy(v, h) <= energy + 1e-9).all())
        energy = plefka.free_energy(v, h)
    assert bool((points.method == 1).all())
    assert bool(points.converged.all())
    assert float(plefka.size(points.visible - v, points.hidden - h).max()) < 1e-6


def test_an_unknown_iteration_is_refused_by_name() -> None:
    rbm, samples = cycling_machine()
    with pytest.raises(InvalidInput, match="choose plain or layer-exact"):
        fixed_points(rbm, samples, iteration="newton")


def test_samples_with_names_are_taken_like_their_values():
    rbm = random_machine("bernoulli", "spin")
    values = random_samples(rbm, 5).to(torch.uint8).numpy()
    named = Samples(values, np.array([f"s{k}" for k in range(5)], dtype=object))
    found = fixed_points(rbm, named)
    torch.testing.assert_close(found.visible, fixed_points(rbm, values).visible, rtol=0, atol=0)
