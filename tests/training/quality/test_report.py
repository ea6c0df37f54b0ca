"""All questions at once: the same answers as one by one."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from carving import Samples
from carving._progress import Progress
from carving.errors import InvalidInput
from carving.training.likelihood import exact_log_likelihood
from carving.training.quality import (
    adversarial_accuracy,
    moment_agreement,
    pseudo_likelihood,
    quality_report,
    spectrum_agreement,
)
from tests.machines import PAIRS, random_machine
from tests.training.quality.exact import enumerated


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_the_answers_are_those_to_each_question(visible: str, hidden: str) -> None:
    machine = random_machine(visible, hidden, sites=6, units=5, states=3)
    exact = enumerated(machine)
    samples, chains, test = (exact.draw(300, seed) for seed in (1, 2, 3))
    weights = torch.rand(300, generator=generator()) + 0.1
    found = quality_report(
        machine, samples, chains, generator=generator(), test=test, weights=weights, times=50
    )
    unit = machine.visible
    assert found.moments == moment_agreement(samples, chains, unit, weights=weights)
    expected = spectrum_agreement(samples, chains, unit, weights=weights)
    torch.testing.assert_close(found.spectrum.chain_variance, expected.chain_variance)
    alone = adversarial_accuracy(samples, chains, unit)
    assert found.adversarial.truth == pytest.approx(alone.truth)
    assert found.adversarial.test is not None
    assert found.pseudo_likelihood == pseudo_likelihood(machine, samples, weights=weights)
    assert found.test_pseudo_likelihood == pseudo_likelihood(machine, test)
    each = exact_log_likelihood(machine, samples)
    assert found.is_exact
    assert found.log_likelihood.value == pytest.approx(float(each @ (weights / weights.sum()).double()))
    assert found.test_log_likelihood is not None
    assert found.test_log_likelihood.value == pytest.approx(float(exact_log_likelihood(machine, test).mean()))
    assert found.autocorrelation.times == 50
    assert found.relaxation_steps == float(found.autocorrelation.integrated.max())


def test_without_a_test_set_nothing_is_said_of_it() -> None:
    machine = random_machine("bernoulli", "bernoulli", sites=6, units=5)
    rows = enumerated(machine).draw(50, 1)
    found = quality_report(machine, rows, rows, generator=generator(), times=20)
    assert found.test_log_likelihood is found.test_pseudo_likelihood is found.adversarial.test is None
    # copies; of more rows than states, so that none is alone
    assert found.moments.mean.error == 0


def test_large_machines_are_estimated() -> None:
    machine = random_machine("spin", "spin", sites=25, units=25, weights=0.05, bias=0.0)
    rows = torch.randint(2, (50, 25), generator=generator()) * 2 - 1
    found = quality_report(
        machine, rows, rows, generator=generator(), annealing_chains=40, temperatures=20, times=20
    )
    assert not found.is_exact
    assert found.log_likelihood.low < found.log_likelihood.value < found.log_likelihood.high
    # at weights so small log Z is that of free spins and the first term of the expansion in them
    expected = 50 * math.log(2) + float(machine.weights.square().sum()) / 2
    assert found.log_partition.value == pytest.approx(expected, abs=0.1)


def test_chains_that_never_move_have_no_relaxation_time() -> None:
    machine = random_machine("bernoulli", "bernoulli", sites=6, units=5, bias=500.0)
    rows = torch.randint(2, (50, 6), generator=generator())
    chains = (machine.visible_bias > 0).long().expand(50, 6)
    found = quality_report(machine, rows, chains, generator=generator(), times=20)
    assert math.isnan(found.relaxation_steps)
    assert found.relaxation_is_bound


def test_every_part_is_announced_before_it_begins() -> None:
    machine = random_machine("bernoulli", "bernoulli", sites=6, units=5)
    rows = enumerated(machine).draw(50, 1)
    seen: list[Progress] = []
    quality_report(machine, rows, rows, generator=generator(), times=20, progress=seen.append)
    assert [report.done for report in seen] == list(range(seen[0].total + 1))
    assert seen[-1].done == seen[-1].total


@pytest.mark.parametrize("name", ["samples", "chains", "test"])
def test_single_rows_are_refused(name: str) -> None:
    machine = random_machine("bernoulli", "bernoulli", sites=6, units=5)
    rows = enumerated(machine).draw(50, 1)
    given: dict[str, Any] = {"samples": rows, "chains": rows, "test": rows, name: rows[:1]}
    with pytest.raises(InvalidInput, match=f"{name}: have 1 rows"):
        quality_report(machine, **given, generator=generator())


def test_samples_with_names_serve_as_well() -> None:
    machine = random_machine("bernoulli", "bernoulli", sites=6, units=5)
    rows = enumerated(machine).draw(50, 1).astype("uint8")
    named = Samples(rows, np.array([str(number) for number in range(50)], dtype=object), None, "here")
    found, expected = (quality_report(machine, x, x, generator=generator(), times=20) for x in (named, rows))
    assert found.log_likelihood == expected.log_likelihood
