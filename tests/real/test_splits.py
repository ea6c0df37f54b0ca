"""Where the branches of the genomes' tree part: how closely, and how well from half of the checkpoints."""

from collections.abc import Callable

import numpy as np
import pytest

from carving import CheckpointSequence, Tree, build_tree
from carving.physics import Splits, locate_splits
from tests.real.machines import LINKAGE_DISTANCE

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def located(run_of: Callable[[str], CheckpointSequence], tree_of: Callable[[str], Tree]) -> Splits:
    return locate_splits(tree_of("hgd"), run_of("hgd"))


def members(tree: Tree, node: int) -> set[int]:
    return set(tree.members(node).tolist())


def overlap(tree: Tree, splits: Splits, row: int, other_tree: Tree, others: Splits, other: int) -> float:
    """Jaccard index of the branches of two splits, the worse of the two sides."""

    def shared(mine: int, theirs: int) -> float:
        first, second = members(tree, mine), members(other_tree, theirs)
        return len(first & second) / len(first | second)

    return min(
        shared(int(splits.child[row]), int(others.child[other])),
        shared(int(splits.other[row]), int(others.other[other])),
    )


def test_the_six_splits_are_located_to_the_precision(
    located: Splits, run_of: Callable[[str], CheckpointSequence], tree_of: Callable[[str], Tree]
):
    assert len(located) == 6
    assert np.isfinite(located.age).all()
    closer = locate_splits(tree_of("hgd"), run_of("hgd"), precision=1e-5)
    for name in ("node", "child", "other", "kind"):
        assert getattr(closer, name).tolist() == getattr(located, name).tolist()
    assert np.abs(np.log1p(closer.age) - np.log1p(located.age)).max() <= 1.1e-4


def test_half_of_the_checkpoints_give_the_same_splits_within_the_stated_uncertainty(
    located: Splits,
    run_of: Callable[[str], CheckpointSequence],
    tree_of: Callable[[str], Tree],
    values_of: Callable[[str], np.ndarray],
):
    run, tree = run_of("hgd"), tree_of("hgd")
    ages, shifts, covered = np.array(run.ages), [], []
    for parity in (0, 1):
        kept = [int(age) for index, age in enumerate(ages) if index % 2 == parity or age == ages[-1]]
        half = build_tree(run, values_of("hgd"), linkage_distance=LINKAGE_DISTANCE["hgd"], ages=kept)
        found = locate_splits(half, run)
        for row in range(len(located)):
            alike = [overlap(tree, located, row, half, found, other) for other in range(len(found))]
            assert max(alike) > 0.9
            age = found.age[int(np.argmax(alike))]
            place = int(np.searchsorted(kept, age))
            spacing = np.log1p(kept[place]) - np.log1p(kept[place - 1])
            shift = abs(np.log1p(age) - np.log1p(located.age[row]))
            shifts.append(shift / spacing)
            covered.append(shift <= located.uncertainty[row])
    assert len(shifts) == 12
    assert np.median(shifts) <= 0.05
    assert np.max(shifts) <= 0.25
    assert np.mean(covered) >= 0.9
