"""Trees of real data against the exact answer: the published method, every row to a step of 1e-12."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from tests.real.machines import MACHINES, PUBLISHED_LINKAGE

pytestmark = pytest.mark.data

STATES_AT_OLDEST = {"hgd": 7, "mnist": 228, "planted": 8}


def exact_partitions(shared, folder, name) -> dict[int, np.ndarray]:
    """The group of every sample at every age, by ``published_method.py --exact``."""
    samples, rows = MACHINES[name]
    data, result = shared.resolve() / "data", folder / f"{name}.npz"
    command = [sys.executable, "published_method.py", str(data / f"{name}_rbms.h5"), str(data / samples)]
    options = [
        "--exact",
        "--rows",
        str(rows),
        "--linkage",
        str(PUBLISHED_LINKAGE[name]),
        "--save",
        str(result),
    ]
    subprocess.run(command + options, cwd=shared / "baseline", check=True, capture_output=True)
    with np.load(result) as found:
        return dict(zip(found["ages"].tolist(), found["labels"], strict=True))


@pytest.mark.parametrize("name", STATES_AT_OLDEST)
def test_the_tree_is_the_exact_one_at_every_age(shared, tree_of, tmp_path, name):
    tree, exact = tree_of(name), exact_partitions(shared, tmp_path, name)
    assert sorted(exact) == sorted(tree.ages.updates.tolist())
    agreement = {age: adjusted_rand_score(exact[age], tree.partition(age)) for age in exact}
    assert {age: index for age, index in agreement.items() if index < 1.0} == {}


@pytest.mark.parametrize(("name", "states"), STATES_AT_OLDEST.items())
def test_the_oldest_age_has_the_known_number_of_states(tree_of, name, states):
    assert tree_of(name).ages.groups[0] == states


def test_sequences_have_the_known_numbers_of_states(tree_of):
    tree = tree_of("kunitz")
    groups = dict(zip(tree.ages.updates.tolist(), tree.ages.groups.tolist(), strict=True))
    assert [groups[age] for age in (4000, 3250, 1745, 1418)] == [6, 5, 3, 2]


@pytest.mark.parametrize("name", MACHINES)
def test_every_row_of_real_data_converges(tree_of, name):
    assert tree_of(name).ages.unconverged.sum() == 0


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_of_real_data_is_a_minimum(tree_of, name):
    tree = tree_of(name)
    assert tree.nodes.stable[: tree.root + (not tree.has_added_root)].all()
