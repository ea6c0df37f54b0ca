"""Steps of the optimisers against the same rules written down once more, in numpy and in closed form."""

import numpy as np
import pytest
import torch

import carving
from carving.data._sequence_weights import sequence_weights
from carving.errors import InvalidInput
from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training._start import first_machine
from carving.training.optimisers import Ascent, optimiser_names
from carving.units import Bernoulli, Gaussian, Potts, Spin
from tests.training.machines import (
    PAIRS,
    configurations,
    minus_free_energy,
    pair_name,
    settings,
    small_machine,
)
from tests.training.test_gradient import exact_moments, random_rows

STEPS = 6
RULES = [
    ("sgd", 0.0, 0.0, 0.0),
    ("sgd", 0.7, 0.0, 0.0),
    ("sgd", 0.5, 0.02, 0.1),
    ("adam", 0.0, 0.0, 0.0),
    ("adam", 0.6, 0.01, 0.05),
]


def measured(machine, rows, weights=None):
    moments = Moments(machine)
    moments.measure(machine, rows, machine.rows(len(rows))[1], weights)
    return moments


def both_moments(machine, visible, seed):
    """Of some data, and of some configurations that chains might be in."""
    data, model = (random_rows(visible, 5, count, seed=seed + count) for count in (30, 40))
    return measured(machine, data), measured(machine, model)


def copies(moments):
    return [getattr(moments, name).clone() for name in ("visible", "hidden", "product")]


# ---- the rules once more


class Rule:
    """What one tensor changes by: Polyak's heavy ball, or Adam as in Algorithm 1 of Kingma & Ba (2015)."""

    def __init__(self, name, momentum):
        self.name, self.momentum = name, momentum
        self.first = self.second = 0.0
        self.steps = 0

    def change(self, gradient, rate):
        if self.name == "sgd":
            self.first = self.momentum * self.first + gradient
            return rate * self.first
        decay, decay_of_squares = self.momentum or 0.9, 0.999
        self.steps += 1
        self.first = decay * self.first + (1 - decay) * gradient
        self.second = decay_of_squares * self.second + (1 - decay_of_squares) * gradient**2
        mean = self.first / (1 - decay**self.steps)
        square = self.second / (1 - decay_of_squares**self.steps)
        return rate * mean / (np.sqrt(square) + 1e-8)


def without_gauge(weights, a, b, states):
    """Sums over the states of each site are put where they change nothing."""
    by_site = weights.reshape(-1, states, weights.shape[1])
    mean = by_site.mean(1, keepdims=True)
    fields = a.reshape(-1, states)
    fields = fields - fields.mean(1, keepdims=True)
    return (by_site - mean).reshape(weights.shape), fields.reshape(-1), b + mean.sum((0, 1))


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("pair", PAIRS, ids=pair_name)
def test_steps_are_those_of_the_rule_in_centred_parameters(pair, rule):
    visible, hidden = pair
    name, momentum, l1, l2 = rule
    machine = LearningMachine(small_machine(visible, hidden, seed=1))
    machine.fix_gauge()
    ascent = Ascent(machine, settings(optimiser=name, momentum=momentum, l1=l1, l2=l2))
    weights, a, b = (x.numpy().copy() for x in (machine.weights, machine.visible_bias, machine.hidden_bias))
    rules = [Rule(name, momentum) for _ in range(3)]
    # ½ over the standard deviation of a unit without field: of 0/1 is ½, of ±1 is 1, of a Gaussian 1/√γ
    wide = {"bernoulli": 1, "potts": 1, "spin": 0.5, "gaussian": 0.5 * getattr(hidden, "precision", 1) ** 0.5}
    power = 1 if name == "adam" else 2
    pace_a, pace_b = wide[hidden.name] ** -power, wide[visible.name] ** -power

    for step in range(STEPS):
        rate = 0.1 / (1 + step)
        data, model = both_moments(machine, visible, seed=10 * step)
        (mu, lam, product), (mu_model, lam_model, product_model) = (
            [x.numpy() for x in copies(moments)] for moments in (data, model)
        )
        gradient = product - np.outer(mu, lam)
        centred = product_model - np.outer(mu, lam_model) - np.outer(mu_model, lam) + np.outer(mu, lam)
        gradient = gradient - centred - l1 * np.sign(weights) - l2 * weights
        # ã = a + Wλ and b̃ = b + Wᵀμ are what the rule moves
        centred_a = a + weights @ lam + rules[1].change(mu - mu_model, rate * pace_a)
        centred_b = b + weights.T @ mu + rules[2].change(lam - lam_model, rate * pace_b)
        weights = weights + rules[0].change(gradient, rate)
        a, b = centred_a - weights @ lam, centred_b - weights.T @ mu
        if isinstance(visible, Potts):
            weights, a, b = without_gauge(weights, a, b, visible.states)

        ascent.step(data, model, rate)
        for found, expected in (
            (machine.weights, weights),
            (machine.visible_bias, a),
            (machine.hidden_bias, b),
        ):
            assert np.allclose(found.numpy(), expected, atol=1e-12)


# ---- penalties in closed form


def steps_without_gradient(machine, count, **options):
    """Steps of a machine whose data are its own configurations."""
    ascent = Ascent(machine, settings(**options))
    for _ in range(count):
        moments = exact_moments(machine.as_rbm())
        ascent.step(moments, exact_moments(machine.as_rbm()), learning_rate=0.1)
    return machine


@pytest.mark.parametrize("visible", [Bernoulli(), Spin(), Potts(3)], ids=lambda unit: unit.name)
def test_l2_alone_lets_weights_decay_exponentially(visible):
    machine = LearningMachine(small_machine(visible, Bernoulli(), seed=2))
    machine.fix_gauge()
    before = machine.weights.clone()
    steps_without_gradient(machine, 20, l2=0.3)
    assert torch.allclose(machine.weights, (1 - 0.1 * 0.3) ** 20 * before, atol=1e-12)


def test_l1_alone_takes_the_same_off_all_weights():
    machine = LearningMachine(small_machine(Bernoulli(), Spin(), seed=2))
    # as far from zero as twenty steps do not go
    machine.weights.copy_(machine.weights.sign() * (machine.weights.abs() + 0.7))
    before = machine.weights.clone()
    steps_without_gradient(machine, 20, l1=0.3)
    assert torch.allclose(machine.weights, before - 20 * 0.1 * 0.3 * before.sign(), atol=1e-12)


def test_l1_leaves_weights_that_are_zero_there():
    machine = LearningMachine(small_machine(Bernoulli(), Spin(), seed=2))
    machine.weights.zero_()
    steps_without_gradient(machine, 3, l1=0.3)
    assert machine.weights.abs().max() < 1e-12


@pytest.mark.parametrize("options", [{"l1": 0.3}, {"l2": 0.3}])
def test_penalties_leave_what_hidden_and_visible_units_feel_on_average(options):
    machine = LearningMachine(small_machine(Bernoulli(), Bernoulli(), seed=2))
    moments = exact_moments(machine.as_rbm())
    mu, lam, _ = copies(moments)
    fields = [machine.visible_bias + machine.weights @ lam, machine.hidden_bias + mu @ machine.weights]
    model = exact_moments(machine.as_rbm())
    Ascent(machine, settings(**options)).step(moments, model, learning_rate=0.5)
    assert torch.allclose(machine.visible_bias + machine.weights @ lam, fields[0], atol=1e-12)
    assert torch.allclose(machine.hidden_bias + mu @ machine.weights, fields[1], atol=1e-12)


# ---- what does not depend on how a machine is written


@pytest.mark.parametrize(
    ("optimiser", "momentum", "rate"),
    [("sgd", 0.0, 1 / 16), ("sgd", 0.8, 1 / 16), ("adam", 0.0, 1 / 4), ("adam", 0.5, 1 / 4)],
)
def test_a_machine_and_its_spin_twin_go_the_same_way(optimiser, momentum, rate):
    rbm = small_machine(Bernoulli(), Bernoulli(), seed=3)
    machine, twin = LearningMachine(rbm), LearningMachine(rbm.convert(visible="spin", hidden="spin"))
    ascents = [Ascent(each, settings(optimiser=optimiser, momentum=momentum)) for each in (machine, twin)]
    for step in range(STEPS):
        data = random_rows(Bernoulli(), 5, 40, seed=step)
        model = exact_moments(machine.as_rbm()), exact_moments(twin.as_rbm())
        ascents[0].step(measured(machine, data), model[0], learning_rate=0.05)
        ascents[1].step(measured(twin, 2 * data - 1), model[1], learning_rate=0.05 * rate)
    converted = machine.as_rbm().convert(visible="spin", hidden="spin")
    # what Adam adds to the root of squares is not the same for both: 10⁻⁸ of a gradient of 10⁻²
    atol = 1e-5 if optimiser == "adam" else 1e-12
    for name in ("weights", "visible_bias", "hidden_bias"):
        assert torch.allclose(getattr(converted, name), getattr(twin.as_rbm(), name), atol=atol)


# ---- the gauge of Potts units


def sums_over_states(machine, states):
    weights = machine.weights.view(-1, states, machine.weights.shape[1]).sum(1)
    return max(float(weights.abs().max()), float(machine.visible_bias.view(-1, states).sum(1).abs().max()))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_after_every_step_sums_over_states_are_zero(rule):
    name, momentum, l1, l2 = rule
    machine = LearningMachine(small_machine(Potts(3), Gaussian(4.0), seed=1))
    ascent = Ascent(machine, settings(optimiser=name, momentum=momentum, l1=l1, l2=l2))
    for step in range(STEPS):
        ascent.step(*both_moments(machine, Potts(3), seed=step), learning_rate=0.1)
        assert sums_over_states(machine, 3) < 1e-13


@pytest.mark.parametrize("hidden", [Bernoulli(), Spin(), Gaussian(4.0)], ids=lambda unit: unit.name)
def test_fixing_the_gauge_changes_neither_distribution_nor_hidden_fields(hidden):
    machine = LearningMachine(small_machine(Potts(3), hidden, seed=1))
    every = configurations(Potts(3), 5)

    def logs_and_fields():
        parameters = machine.weights, machine.visible_bias, machine.hidden_bias
        return minus_free_energy(every, *parameters, hidden), machine.hidden_bias + every @ machine.weights

    logs, fields = logs_and_fields()
    assert sums_over_states(machine, 3) > 0.1
    machine.fix_gauge()
    fixed, same_fields = logs_and_fields()
    assert sums_over_states(machine, 3) < 1e-14
    assert float((logs - fixed).std()) < 1e-13
    assert torch.allclose(fields, same_fields, atol=1e-13)


@pytest.mark.parametrize(("optimiser", "momentum"), [("sgd", 0.0), ("sgd", 0.7), ("adam", 0.0)])
def test_learning_leads_to_the_same_distribution_in_any_gauge(monkeypatch, optimiser, momentum):
    every = configurations(Potts(3), 5)
    found = []
    for fixed in (True, False):
        machine = LearningMachine(small_machine(Potts(3), Bernoulli(), seed=1))
        if not fixed:
            monkeypatch.setattr(LearningMachine, "fix_gauge", lambda machine: None)
        ascent = Ascent(machine, settings(optimiser=optimiser, momentum=momentum))
        for step in range(STEPS):
            data = measured(machine, random_rows(Potts(3), 5, 40, seed=step))
            ascent.step(data, exact_moments(machine.as_rbm()), learning_rate=0.1)
        parameters = machine.weights, machine.visible_bias, machine.hidden_bias
        found.append(torch.log_softmax(minus_free_energy(every, *parameters, Bernoulli()), 0))
    assert torch.allclose(found[0], found[1], atol=1e-6 if optimiser == "adam" else 1e-11)


def test_the_gauge_of_other_units_is_left_alone():
    machine = LearningMachine(small_machine(Spin(), Bernoulli(), seed=1))
    before = [x.clone() for x in (machine.weights, machine.visible_bias, machine.hidden_bias)]
    machine.fix_gauge()
    for old, new in zip(before, (machine.weights, machine.visible_bias, machine.hidden_bias), strict=True):
        assert old.equal(new)


# ---- stopping and going on


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("done", [1, 4])
def test_restored_it_goes_on_to_the_same_bits(rule, done):
    name, momentum, l1, l2 = rule
    options = settings(optimiser=name, momentum=momentum, l1=l1, l2=l2)
    rbm = small_machine(Potts(3), Spin(), seed=1).to(dtype=torch.float32)
    machine = LearningMachine(rbm)
    ascent = Ascent(machine, options)

    def step(machine, ascent, number):
        rows = [random_rows(Potts(3), 5, 30, seed=seed).float() for seed in (number, 100 + number)]
        ascent.step(*(measured(machine, each) for each in rows), learning_rate=0.1)

    for number in range(done):
        step(machine, ascent, number)
    # as a store keeps them
    kept = {key: value.numpy().copy() for key, value in ascent.state().items()}
    again = LearningMachine(machine.as_rbm())
    restored = Ascent(again, options)
    restored.restore({key: torch.tensor(value) for key, value in kept.items()})
    for number in range(done, done + STEPS):
        step(machine, ascent, number)
        step(again, restored, number)
    assert again.weights.equal(machine.weights)
    assert again.visible_bias.equal(machine.visible_bias)
    assert again.hidden_bias.equal(machine.hidden_bias)


def test_the_names_are_those_that_settings_take():
    assert optimiser_names() == ["adam", "sgd"]
    for name in optimiser_names():
        assert settings(optimiser=name).optimiser == name
    with pytest.raises(InvalidInput, match="optimiser: 'lion' is not known; give one of adam, sgd"):
        settings(optimiser="lion")


# ---- weights of samples


@pytest.mark.parametrize("visible", [Bernoulli(), Spin(), Potts(3)], ids=lambda unit: unit.name)
def test_whole_weights_are_repeated_rows_for_the_gradient_and_the_first_machine(visible):
    rows, counts = random_rows(visible, 5, 20, seed=1), torch.randint(1, 5, (20,))
    repeated = rows.repeat_interleave(counts, 0)
    machine = LearningMachine(small_machine(visible, Bernoulli(), seed=2))
    for weights in (counts.double(), 0.3 * counts.double()):
        weighted, plain = measured(machine, rows, weights), measured(machine, repeated)
        for found, expected in zip(copies(weighted), copies(plain), strict=True):
            assert torch.allclose(found, expected, atol=1e-14)
    frequencies = (counts.double() @ rows) / counts.sum()
    machines = [
        first_machine(
            each.view(5, *visible.site_shape),
            int(counts.sum()),
            visible,
            Bernoulli(),
            settings(),
            torch.Generator().manual_seed(0),
        )
        for each in (frequencies, repeated.mean(0))
    ]
    assert torch.allclose(machines[0].visible_bias, machines[1].visible_bias, atol=1e-6)
    assert torch.allclose(machines[0].hidden_bias, machines[1].hidden_bias, atol=1e-6)


FEW = {"hidden": 4, "updates": 8, "k": 1, "chains": 10, "batch_size": 8, "save": "linear:2"}


def table():
    return np.random.default_rng(0).integers(0, 2, (30, 6)).astype(np.uint8)


def test_identity_is_the_same_as_giving_those_weights(tmp_path):
    by_identity = carving.train(table(), tmp_path / "a", weights="identity:0.8", **FEW)
    weights = sequence_weights(table(), identity=0.8)
    assert len(set(weights)) > 1
    given = carving.train(table(), tmp_path / "b", weights=weights, **FEW)
    plain = carving.train(table(), tmp_path / "c", **FEW)
    assert by_identity.training["weights"] == "identity:0.8"
    assert by_identity.ages.tolist() == given.ages.tolist()
    for age in given.ages.tolist():
        assert by_identity.at_age(age).weights.equal(given.at_age(age).weights)
    assert not by_identity[-1].weights.equal(plain[-1].weights)


# ---- the inverse temperature that machines are stored with


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("beta", "tolerance"), [(2.0, 0.0), (0.25, 0.0), (1.7, 1e-5)])
@pytest.mark.parametrize("kind", ["bernoulli", "potts"])
def test_machines_of_another_temperature_have_the_same_distribution(tmp_path, kind, beta, tolerance):
    options = {**FEW, "visible": carving.Potts(2) if kind == "potts" else kind, "optimiser": "adam"}
    plain = carving.train(table(), tmp_path / "plain", **options)
    stored = carving.train(table(), tmp_path / "stored", beta=beta, **options)
    for age in plain.ages.tolist():
        one, other = plain.at_age(age), stored.at_age(age)
        assert (one.beta, other.beta) == (1, beta)
        for name in ("weights", "visible_bias", "hidden_bias"):
            # powers of two are exact
            assert torch.allclose(beta * getattr(other, name), getattr(one, name), rtol=0, atol=tolerance)
        every = one.visible.configurations(6, torch.float32)
        logs = [torch.log_softmax(-each.free_energy(every), 0) for each in (one, other)]
        assert torch.allclose(logs[0], logs[1], atol=1e-5)
