import pytest
import torch

from carving.errors import InvalidInput
from carving.meanfield import fixed_points
from carving.rbm import RBM
from carving.sampling._chains import GibbsChains
from carving.training import estimator_names
from carving.training._machine import LearningMachine
from carving.training._minibatches import Minibatch
from carving.training.estimators import find_estimator, read_method
from carving.units import Bernoulli, Gaussian, Potts, Spin
from tests.training.machines import PAIRS, configurations, pair_name, settings, small_machine

DISCRETE = [pair for pair in PAIRS if pair[1].name != "gaussian"]
NOTHING = Minibatch(torch.empty(0), None)


def make(method, rbm, generator, rows=1, **changes):
    machine = LearningMachine(rbm)
    estimator, options = read_method(method)
    return machine, estimator(machine, settings(method=method, **changes), options, rows, generator)


def average(machine, estimator, generator, rounds, batch=NOTHING, discard=1):
    """Mean of the moments over some updates of a machine that does not change."""
    for _ in range(discard):
        estimator.moments(machine, batch, generator)
    sums = [torch.zeros_like(x) for x in (machine.visible_bias, machine.hidden_bias, machine.weights)]
    for _ in range(rounds):
        moments = estimator.moments(machine, batch, generator)
        for total, value in zip(sums, (moments.visible, moments.hidden, moments.product), strict=True):
            total += value.double() / rounds
    return sums


def exact(rbm):
    found = rbm.enumerate()
    return found.visible_mean.flatten(), found.hidden_mean, found.correlations.flatten(0, -2)


def largest_difference(found, expected):
    return max(float((x.double() - y.double()).abs().max()) for x, y in zip(found, expected, strict=True))


def after_steps(rbm, start, steps):
    """Exact moments of chains that begin from the distribution ``start`` over all configurations and take so
    many Gibbs steps, from the conditional distributions written out."""
    v = configurations(rbm.visible, rbm.visible_size)
    h = rbm.hidden.configurations(rbm.hidden_size, torch.float64)
    weights, a, b = rbm.weights.flatten(0, -2), rbm.visible_bias.flatten(), rbm.hidden_bias
    h_given_v = torch.softmax((b + v @ weights) @ h.T, 1)
    v_given_h = torch.softmax((a + h @ weights.T) @ v.T, 1)
    for _ in range(steps):
        start = (start @ h_given_v) @ v_given_h
    hidden = h_given_v @ h
    return start @ v, start @ hidden, v.T @ (start[:, None] * hidden)


def uniform(rbm):
    count = len(configurations(rbm.visible, rbm.visible_size))
    return torch.full((count,), 1 / count, dtype=torch.float64)


# ---- persistent chains: no bias


@pytest.mark.one_in(5)
@pytest.mark.parametrize("method", ["pcd", "tempering:rungs=3", "trajectory:rungs=3"])
@pytest.mark.parametrize("pair", PAIRS, ids=pair_name)
def test_persistent_chains_have_the_moments_of_enumeration(pair, method):
    rbm = small_machine(*pair, seed=11, scale=0.3 if pair[1].name == "gaussian" else 0.5)
    generator = torch.Generator().manual_seed(12)
    machine, estimator = make(method, rbm, generator, k=3, chains=2000)
    # 80,000 draws of about unit spread, a little correlated
    assert largest_difference(average(machine, estimator, generator, 40), exact(rbm)) < 0.02


@pytest.mark.parametrize("pair", DISCRETE, ids=pair_name)
def test_integer_arithmetic_has_the_same_moments(pair):
    rbm = small_machine(*pair, seed=11).to(dtype=torch.float32)
    generator = torch.Generator().manual_seed(13)
    machine, estimator = make("pcd", rbm, generator, k=3, chains=2000, arithmetic="integer")
    assert largest_difference(average(machine, estimator, generator, 40), exact(rbm)) < 0.02


@pytest.mark.parametrize("method", ["tempering:rungs=6", "trajectory:rungs=4"])
def test_swaps_bring_chains_over_a_barrier_that_holds_back_gibbs_steps(method):
    # two states, all sites alike, of unequal probability: half of the chains begin in each
    sites = 12
    strong = RBM(torch.full((sites, 1), 2.0), torch.zeros(sites) + 0.03, torch.zeros(1), "spin", "spin")
    truth = exact(strong)[0].double().mean()
    found = {}
    for name in ("pcd", method):
        generator = torch.Generator().manual_seed(14)
        weak = RBM(torch.zeros(sites, 1), strong.visible_bias, torch.zeros(1), "spin", "spin")
        machine, estimator = make(name, weak, generator, k=1, chains=2000)
        for step in range(1, 61):  # as a training would, which keeps machines on its way
            machine.weights.fill_(2.0 * step / 60)
            estimator.moments(machine, NOTHING, generator)
        found[name] = average(machine, estimator, generator, 60)[0].double().mean()
    assert abs(found[method] - truth) < 0.05
    assert abs(found["pcd"] - truth) > 2 * abs(found[method] - truth)


# ---- chains that begin anew: the bias that they must have, and no other


@pytest.mark.parametrize("pair", DISCRETE, ids=pair_name)
@pytest.mark.parametrize("arithmetic", ["plain", "integer"])
def test_contrastive_divergence_has_the_moments_of_k_steps_from_the_data(pair, arithmetic):
    rbm = small_machine(*pair, seed=15, scale=1.0)
    every = configurations(rbm.visible, 5)
    batch = every[:: max(1, len(every) // 7)][:7]
    data = torch.zeros(len(every), dtype=torch.float64)
    data[:: max(1, len(every) // 7)][:7] = 1 / 7
    generator = torch.Generator().manual_seed(16)
    machine, estimator = make("cd", rbm, generator, rows=7 * 300, k=1, arithmetic=arithmetic)
    rows = batch.repeat(300, 1).to(machine.weights)
    found = average(machine, estimator, generator, 30, Minibatch(rows, None))
    expected = after_steps(rbm, data, 1)
    assert largest_difference(found, expected) < 0.03
    assert largest_difference(expected, exact(rbm)) > 0.1  # the bias of CD-1
    assert largest_difference(after_steps(rbm, data, 3000), exact(rbm)) < 1e-6


def test_weighted_samples_count_so_many_times():
    rbm = small_machine(Bernoulli(), Spin(), seed=17)
    rows = configurations(rbm.visible, 5)[[3, 9, 20]]
    generator = torch.Generator().manual_seed(18)
    machine, estimator = make("cd", rbm, generator, rows=3 * 2000, k=2)
    weights = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64).repeat(2000)
    found = average(machine, estimator, generator, 20, Minibatch(rows.repeat(2000, 1), weights))
    start = torch.zeros(32, dtype=torch.float64)
    start[[3, 9, 20]] = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64) / 8
    assert largest_difference(found, after_steps(rbm, start, 2)) < 0.02


@pytest.mark.parametrize("pair", DISCRETE, ids=pair_name)
def test_random_starts_have_the_moments_of_k_steps_from_nothing(pair):
    rbm = small_machine(*pair, seed=19, scale=1.0)
    generator = torch.Generator().manual_seed(20)
    machine, estimator = make("rdm", rbm, generator, k=2, chains=2000)
    found = average(machine, estimator, generator, 30)
    assert largest_difference(found, after_steps(rbm, uniform(rbm), 2)) < 0.03


# ---- mean fields


@pytest.mark.one_in(5)
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("pair", PAIRS, ids=pair_name)
def test_mean_field_moments_are_what_the_free_energy_changes_by(pair, order):
    scale = 0.15 if pair[1].name == "gaussian" else 0.3
    rbm = small_machine(*pair, seed=21, scale=scale)
    samples = configurations(rbm.visible, 5)[:4]

    def free_energy(changed):
        """Γ at the fixed point, found anew."""
        points = fixed_points(
            changed, samples.reshape(4, *rbm.weights.shape[:-1]), order=order, tolerance=1e-12
        )
        assert bool(points.converged.all())
        return float(points.free_energy.mean())

    generator = torch.Generator().manual_seed(22)
    method = f"emf:order={order},persistent=no"
    machine, estimator = make(method, rbm, generator, rows=4, k=3000)
    found = estimator.moments(machine, Minibatch(samples, None), generator)
    step = 1e-5
    by_parameter = {
        "weights": found.product,
        "visible_bias": found.visible,
        "hidden_bias": found.hidden,
    }
    parameters = {name: getattr(rbm, name) for name in by_parameter}
    for name, moment in by_parameter.items():
        for at in (0, moment.numel() // 2):
            change = torch.zeros_like(parameters[name])
            change.view(-1)[at] = step
            energies = [
                free_energy(
                    RBM(**{**parameters, name: parameters[name] + x}, visible=pair[0], hidden=pair[1])
                )
                for x in (change, -change)
            ]
            slope = -(energies[0] - energies[1]) / (2 * step)
            assert float(moment.flatten()[at]) == pytest.approx(slope, abs=1e-6)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("pair", DISCRETE, ids=pair_name)
def test_mean_field_moments_come_nearer_to_the_exact_ones_with_every_order(pair):
    errors = []
    for order in (1, 2, 3):
        total = 0.0
        for seed in range(5):
            drawn = small_machine(*pair, seed=seed)
            # weak enough that what the expansion leaves out, w³ in ⟨v h⟩, is less than what its terms add
            rbm = RBM(0.1 * drawn.weights, drawn.visible_bias, drawn.hidden_bias, *pair)
            generator = torch.Generator().manual_seed(24)
            machine, estimator = make(f"emf:order={order}", rbm, generator, k=200, chains=5)
            total += largest_difference(average(machine, estimator, generator, 1), exact(rbm))
        errors.append(total)
    assert errors[1] < errors[0] / 4
    assert errors[2] < errors[1] / 2


# ---- drawing


@pytest.mark.parametrize("pair", PAIRS, ids=pair_name)
def test_chains_take_the_steps_of_the_machine(pair):
    rbm = small_machine(*pair, seed=21)
    start = rbm.visible.sample(rbm.visible_bias.expand(50, *rbm.visible_bias.shape), torch.Generator())
    machine = LearningMachine(rbm)
    chains = GibbsChains(machine, 50, torch.Generator())
    chains.set(start.flatten(1))
    chains.refresh(machine)
    chains.advance(3, torch.Generator().manual_seed(22))
    generator, v = torch.Generator().manual_seed(22), start
    for _ in range(3):
        v, _ = rbm.gibbs_step(v, generator)
    assert torch.equal(chains.visible, v.flatten(1))


@pytest.mark.parametrize("unit", [Bernoulli(), Spin(), Gaussian(2.5), Potts(4)], ids=lambda unit: unit.name)
def test_drawing_in_place_is_drawing(unit):
    field = torch.randn(40, 7, *unit.site_shape, generator=torch.Generator().manual_seed(1))
    new = unit.sample(field, torch.Generator().manual_seed(2))
    over = field.clone()
    result = unit.draw(over, torch.empty_like(field), torch.Generator().manual_seed(2))
    assert result is over
    assert torch.equal(new, over)


@pytest.mark.parametrize("arithmetic", ["plain", "integer"])
@pytest.mark.parametrize(
    "method", ["pcd", "cd", "rdm", "emf", "emf:persistent=no", "tempering:rungs=3", "trajectory"]
)
def test_an_estimator_goes_on_from_its_state_to_the_same_bits(method, arithmetic):
    rbm = small_machine(Spin(), Bernoulli(), seed=31).to(dtype=torch.float32)
    batch = Minibatch(configurations(rbm.visible, 5)[:10].float(), None)
    machine, first = make(method, rbm, torch.Generator().manual_seed(1), 10, chains=20, arithmetic=arithmetic)
    generator = torch.Generator().manual_seed(2)
    for _ in range(3):
        first.moments(machine, batch, generator)
    state = {name: value.clone() for name, value in first.state().items()}
    _, second = make(method, rbm, torch.Generator().manual_seed(3), 10, chains=20, arithmetic=arithmetic)
    second.restore(state)
    results = [x.moments(machine, batch, torch.Generator().manual_seed(4)) for x in (first, second)]
    assert torch.equal(results[0].product, results[1].product)


def test_chains_start_at_the_frequencies_of_the_sites():
    a = torch.linspace(-2, 2, 6)
    machine = RBM(torch.zeros(6, 2), a, torch.zeros(2))
    _, estimator = make("pcd", machine, torch.Generator().manual_seed(5), chains=50_000)
    assert torch.allclose(estimator.state()["chains"].float().mean(0), torch.sigmoid(a), atol=0.01)


def test_methods_are_found_by_their_files():
    assert "pcd" in estimator_names()
    assert not any(name.startswith("_") for name in estimator_names())


def test_an_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(InvalidInput, match=r"method: 'sgd' .*pcd"):
        find_estimator("sgd")


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("emf:order=4", "order=4: give 1, 2 or 3"),
        ("emf:order=two", "order=two: give a whole number"),
        ("emf:persistent=maybe", "persistent=maybe: give yes or no"),
        ("emf:sweeps=3", r"emf has no setting 'sweeps=3'; order=…, persistent=…"),
        ("emf:order", "emf has no setting 'order'"),
        ("pcd:rungs=3", "pcd has no setting 'rungs=3'; it takes none"),
        ("tempering:rungs=1", "rungs=1: give at least 2"),
        ("tempering:hottest=1.5", "hottest=1.5: give a number from 0 to below 1"),
        ("trajectory:swaps=0", "swaps=0: give a number between 0 and 1"),
        ("trajectory:swaps=nan", "swaps=nan: give a number between 0 and 1"),
        ("trajectory:rungs=1", "rungs=1: give at least 2"),
    ],
)
def test_a_setting_of_a_method_that_cannot_be_used_is_refused_by_its_name(method, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        read_method(method)
    assert "\n" not in str(caught.value)
