"""Annealed importance sampling along a training against exact sums at every age."""

from pathlib import Path

import pytest
import torch

from carving import RBM, create_checkpoints, open_checkpoints
from carving.errors import InvalidInput
from carving.training.likelihood import (
    annealed_importance_sampling,
    exact_log_partition,
    trajectory_annealed_importance_sampling,
)
from tests.machines import PAIRS, random_machine
from tests.training.likelihood.brute_force import coupled_machine


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def trajectory(index: int, ages: int = 5) -> list[RBM]:
    """Machines whose weights grow direction by direction, as in training, up to :func:`coupled_machine`."""
    end = coupled_machine(index)
    u, s, v = torch.linalg.svd(end.weights.reshape(-1, end.hidden_size), full_matrices=False)
    machines = []
    for age in torch.linspace(0, 1, ages, dtype=torch.float64):
        # later directions set in later
        grown = (age * len(s) - torch.arange(len(s)) * 0.9).clamp(0, 1)
        weights = (u * (s * grown) @ v).reshape(end.weights.shape)
        machines.append(RBM(weights, end.visible_bias, age * end.hidden_bias, end.visible, end.hidden))
    return machines


@pytest.mark.slow
def test_intervals_hold_the_exact_value_at_every_age() -> None:
    held = []
    for index in range(40):
        machines = trajectory(index)
        estimates = trajectory_annealed_importance_sampling(
            machines, generator=seeded(index), chains=100, temperatures=40
        )
        for machine, estimate in zip(machines, estimates, strict=True):
            held.append(estimate.low <= exact_log_partition(machine) <= estimate.high)
    assert len(held) == 200
    assert sum(held) >= 0.9 * len(held)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_estimates_are_as_good_as_they_say(visible: str, hidden: str) -> None:
    end = random_machine(visible, hidden, states=3, weights=0.5)
    machines = [
        RBM(t * end.weights, end.visible_bias, end.hidden_bias, visible, hidden) for t in (0.0, 0.3, 0.6, 1.0)
    ]
    estimates = trajectory_annealed_importance_sampling(
        machines, generator=seeded(), chains=400, temperatures=100
    )
    for machine, estimate in zip(machines, estimates, strict=True):
        assert estimate.standard_error < 0.06
        assert estimate.value == pytest.approx(exact_log_partition(machine), abs=4 * estimate.standard_error)


def test_a_stored_training_gives_what_its_machines_give(tmp_path: Path) -> None:
    machines = [x.to(torch.float32) for x in trajectory(1)]
    with create_checkpoints(str(tmp_path / "run"), visible="bernoulli", hidden="spin") as run:
        for age, machine in enumerate(machines):
            run.append(machine, updates=age)
    from_store, from_list = (
        trajectory_annealed_importance_sampling(x, generator=seeded(), chains=40, temperatures=12)
        for x in (open_checkpoints(str(tmp_path / "run")), machines)
    )
    assert from_store == from_list


def test_one_machine_is_annealed_importance_sampling() -> None:
    machine = coupled_machine(4)
    (along,) = trajectory_annealed_importance_sampling(
        [machine], generator=seeded(), chains=40, temperatures=9
    )
    assert along == annealed_importance_sampling(machine, generator=seeded(), chains=40, temperatures=9)


def test_every_machine_has_a_stop_where_there_are_fewer_temperatures() -> None:
    estimates = trajectory_annealed_importance_sampling(
        trajectory(1), generator=seeded(), chains=40, temperatures=1
    )
    assert len(estimates) == 5


def test_equal_machines_in_a_row_have_equal_estimates() -> None:
    machine = coupled_machine(4)
    first, second = trajectory_annealed_importance_sampling(
        [machine, machine], generator=seeded(), chains=40, temperatures=20
    )
    assert second.value == pytest.approx(first.value, abs=1e-10)


def test_no_machine_is_refused() -> None:
    with pytest.raises(InvalidInput, match="checkpoints: hold no machine; give at least 1"):
        trajectory_annealed_importance_sampling([], generator=seeded())


def test_machines_of_two_trainings_are_refused() -> None:
    machines = [random_machine("spin", "spin"), random_machine("spin", "spin", units=7)]
    with pytest.raises(InvalidInput, match="checkpoints: RBM.* follows RBM.*; give machines of one training"):
        trajectory_annealed_importance_sampling(machines, generator=seeded())
