"""Barriers between states of the genomes, and how they vanish with the state that disappears."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from carving import CheckpointSequence, FixedPoints, Tree, fixed_points
from carving.meanfield.solver import Solver
from carving.physics._barrier_along import barrier_along
from carving.physics.landscape import landscape
from carving.physics.paths import BetweenCheckpoints

pytestmark = [pytest.mark.data, pytest.mark.slow]


def states_at(run: CheckpointSequence, tree: Tree, age: int) -> FixedPoints:
    rows = np.flatnonzero(tree.states.age == age)
    return fixed_points(run.at_age(age), tree.states.visible[rows], hidden=tree.states.hidden[rows])


@pytest.mark.parametrize(("younger", "older"), [(189, 219), (728, 845)])
def test_the_barrier_of_a_state_that_disappears_vanishes_at_its_spinodal(
    run_of: Callable[[str], CheckpointSequence],
    tree_of: Callable[[str], Tree],
    younger: int,
    older: int,
) -> None:
    run = run_of("hgd")
    found = landscape(run.at_age(older), states_at(run, tree_of("hgd"), older))
    assert not len(found.unresolved)
    assert bool((found.barriers > 0).all())
    path = BetweenCheckpoints(run.at_age(younger), run.at_age(older))
    # one state fewer: of those that end in one, that which sweeps of the younger machine carry furthest
    ends = swept(path, 0.0, found.visible, found.hidden)
    gone = int(torch.argmax(torch.linalg.vector_norm(ends - found.visible, dim=1)))
    assert int((torch.linalg.vector_norm(ends - ends[gone], dim=1) < 1e-3).sum()) == 2
    barrier = barrier_along(path, found.visible[gone], found.hidden[gone], number=9)
    # sweeps stay on one side of the spinodal and leave on the other
    last = barrier.visible[-1:], barrier.hidden[-1:]
    stays, leaves = (
        float(torch.linalg.vector_norm(swept(path, barrier.spinodal + side, *last) - last[0]))
        for side in (1e-4, -1e-4)
    )
    assert leaves > 4 * stays
    # found from the spinodal upwards, it is one of those found between the states of the older machine
    apart = (found.saddle_visible - barrier.saddle_visible[0]).abs().amax(1)
    assert float(apart.min()) < 1e-8
    assert gone in found.between[int(apart.argmin())].tolist()
    assert bool((barrier.barrier > 0).all())
    assert bool((barrier.barrier.diff() < 0).all())
    away = barrier.place - barrier.spinodal
    slope = torch.log(barrier.barrier[-2] / barrier.barrier[-1]) / torch.log(away[-2] / away[-1])
    assert float(slope) == pytest.approx(1.5, abs=0.02)


def swept(
    path: BetweenCheckpoints, place: float, visible: torch.Tensor, hidden: torch.Tensor
) -> torch.Tensor:
    """Where sweeps of the machine at that place lead."""
    return Solver(path.at(place)).run(visible, hidden).visible
