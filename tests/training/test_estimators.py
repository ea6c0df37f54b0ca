import pytest
import torch

from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.training import estimator_names
from carving.training._machine import LearningMachine
from carving.training._settings import Settings
from carving.training.estimators import find_estimator
from carving.training.estimators._chains import GibbsChains
from carving.units import Bernoulli, Gaussian, Potts, Spin
from tests.training.machines import PAIRS, pair_name, small_machine


def settings(**changes):
    values = {
        "method": "pcd",
        "hidden": 3,
        "updates": 10,
        "k": 10,
        "chains": 1000,
        "batch_size": 10,
        "learning_rate": 0.1,
        "weight_scale": 0.01,
        "save": "linear:2",
        "seed": 0,
        "device": "cpu",
    }
    return Settings(**{**values, **changes})


@pytest.mark.parametrize("pair", PAIRS, ids=pair_name)
def test_persistent_chains_have_the_moments_of_enumeration(pair):
    rbm = small_machine(*pair, seed=11, scale=0.3 if pair[1].name == "gaussian" else 0.5)
    exact = rbm.enumerate()
    generator = torch.Generator().manual_seed(12)
    machine = LearningMachine(rbm)
    estimator = find_estimator("pcd")(machine, settings(k=3, chains=2000), generator)
    estimator.moments(machine, torch.empty(0), generator)
    sums = [torch.zeros_like(x) for x in (machine.visible_bias, machine.hidden_bias, machine.weights)]
    rounds = 40
    for _ in range(rounds):
        moments = estimator.moments(machine, torch.empty(0), generator)
        for total, value in zip(sums, (moments.visible, moments.hidden, moments.product), strict=True):
            total += value / rounds
    truth = (exact.visible_mean.flatten(), exact.hidden_mean, exact.correlations.flatten(0, -2))
    for found, expected in zip(sums, truth, strict=True):
        # 80,000 draws of about unit spread, a little correlated
        assert torch.allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("pair", PAIRS, ids=pair_name)
def test_chains_take_the_steps_of_the_machine(pair):
    rbm = small_machine(*pair, seed=21)
    start = rbm.visible.sample(rbm.visible_bias.expand(50, *rbm.visible_bias.shape), torch.Generator())
    chains = GibbsChains(LearningMachine(rbm), 50)
    chains.visible.copy_(start.flatten(1))
    chains.advance(LearningMachine(rbm), 3, torch.Generator().manual_seed(22))
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


def test_an_estimator_goes_on_from_its_state_to_the_same_bits():
    rbm = small_machine(Spin(), Bernoulli(), seed=31).to(dtype=torch.float32)
    machine = LearningMachine(rbm)
    first = find_estimator("pcd")(machine, settings(), torch.Generator().manual_seed(1))
    first.moments(machine, torch.empty(0), torch.Generator().manual_seed(2))
    state = {name: value.clone() for name, value in first.state().items()}
    second = find_estimator("pcd")(machine, settings(), torch.Generator().manual_seed(3))
    second.restore(state)
    results = [x.moments(machine, torch.empty(0), torch.Generator().manual_seed(4)) for x in (first, second)]
    assert torch.equal(results[0].product, results[1].product)


def test_chains_start_at_the_frequencies_of_the_sites():
    a = torch.linspace(-2, 2, 6)
    machine = LearningMachine(RBM(torch.zeros(6, 2), a, torch.zeros(2)))
    chains = find_estimator("pcd")(machine, settings(chains=50_000), torch.Generator().manual_seed(5))
    mean = chains.state()["chains"].float().mean(0)
    assert torch.allclose(mean, torch.sigmoid(a), atol=0.01)


def test_methods_are_found_by_their_files():
    assert "pcd" in estimator_names()
    assert not any(name.startswith("_") for name in estimator_names())


def test_an_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(InvalidInput, match=r"method: 'sgd' .*pcd"):
        find_estimator("sgd")
