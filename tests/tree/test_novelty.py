"""Whether samples are like those of the training: ranks that scipy counts, and energies summed by hand."""

import numpy as np
import pytest
import torch
from scipy.stats import percentileofscore

from carving import create_checkpoints
from carving.tree import novelty
from carving.tree.novelty import TrainingEnergies, free_energies
from tests.machines import PAIRS, random_machine, random_samples
from tests.tree.runs import pattern_machines, pattern_samples


def kept(folder, samples):
    with create_checkpoints(folder / "run", visible="bernoulli", samples=samples) as run:
        for age, machine in pattern_machines().items():
            run.append(machine, updates=age)
    return run


@pytest.mark.parametrize(("visible", "hidden"), [pair for pair in PAIRS if pair[1] != "gaussian"])
def test_free_energy_is_the_sum_over_all_hidden_states(visible, hidden):
    rbm = random_machine(visible, hidden, sites=5, units=4)
    v = random_samples(rbm, 6)
    h = rbm.hidden.configurations(4, torch.float64)
    energy = torch.stack([rbm.energy(v, one.expand(len(v), -1)) for one in h], dim=1)
    values = v if visible != "potts" else v.argmax(-1)
    expected = -torch.logsumexp(-rbm.beta * energy, dim=1).numpy()
    assert free_energies(rbm, values.numpy()) == pytest.approx(expected, abs=1e-10)


def test_percentiles_are_mid_ranks(tmp_path):
    training = np.vstack([pattern_samples(40, flips=0.2), pattern_samples(5), pattern_samples(5)])
    run = kept(tmp_path, training)
    new = np.vstack([training[:7], pattern_samples(30, flips=0.5, seed=1)])
    energy = free_energies(run[-1].to(dtype=torch.float64), np.vstack([training, new])).round(9)
    expected = percentileofscore(energy[: len(training)], energy[len(training) :], kind="mean")
    assert TrainingEnergies(run).novelty(new).percentile == pytest.approx(expected, abs=1e-9)


def test_only_what_is_less_likely_than_all_training_samples_is_outside(tmp_path):
    training = pattern_samples(50, flips=0.02)
    energies = TrainingEnergies(kept(tmp_path, training))
    # alone, so that rounding is another one than among the others
    assert not any(energies.novelty(row[None]).outside[0] for row in training)
    noise = np.random.default_rng(0).integers(0, 2, (20, training.shape[1]), dtype=np.uint8)
    assert energies.novelty(noise).outside.all()


def test_one_in_a_thousand_of_the_training_samples_is_outside(tmp_path):
    training = pattern_samples(3000, flips=0.45)
    assert TrainingEnergies(kept(tmp_path, training)).novelty(training).outside.sum() == 3


def test_each_age_has_its_own_energies(tmp_path):
    run, samples = kept(tmp_path, pattern_samples(50, flips=0.2)), pattern_samples(50, flips=0.2)
    for age in (None, 1):
        rbm = run.at_age(1000 if age is None else age).to(dtype=torch.float64)
        assert TrainingEnergies(run, age).sorted == pytest.approx(np.sort(free_energies(rbm, samples)))


def test_many_training_samples_are_represented_by_some(tmp_path, monkeypatch):
    run, new = kept(tmp_path, pattern_samples(2000, flips=0.4)), pattern_samples(50, flips=0.4, seed=1)
    all_of_them = TrainingEnergies(run).novelty(new)
    monkeypatch.setattr(novelty, "_MOST_COMPARED", 1000)
    some = TrainingEnergies(run)
    assert len(some.sorted) == 1000
    # a binomial share of a thousand has a standard deviation of 1.6 percent at most
    assert np.abs(some.novelty(new).percentile - all_of_them.percentile).max() < 5


def test_without_kept_samples_nothing_is_known(run):
    found = TrainingEnergies(run).novelty(pattern_samples(4))
    assert np.isnan(found.percentile).all()
    assert not found.outside.any()
    assert len(found[1:]) == 3
