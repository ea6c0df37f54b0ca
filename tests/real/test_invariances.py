"""The tree of the genomes: the same however samples, units, batches, threads and encoding are chosen."""

import numpy as np
import pytest
import torch

from carving import RBM
from carving.checkpoints import create_checkpoints, open_checkpoints
from carving.tree import build_tree
from tests.real.machines import LINKAGE_DISTANCE
from tests.tree.comparison import assert_same_tree

pytestmark = pytest.mark.data

LINKED = LINKAGE_DISTANCE["hgd"]


def transformed(run, path, change):
    """A store of the same machines, each changed."""
    machines = {age: change(run.at_age(age)) for age in run.ages.tolist()}
    last = machines[int(run.ages[-1])]
    with create_checkpoints(path, visible=last.visible, hidden=last.hidden) as store:
        for age, machine in machines.items():
            store.append(machine, updates=age)
    return open_checkpoints(path)


def test_permuted_genomes_have_the_same_tree(run_of, values_of, tree_of):
    samples = values_of("hgd")
    order = np.random.default_rng(0).permutation(len(samples))
    assert_same_tree(
        tree_of("hgd"), build_tree(run_of("hgd"), samples[order], linkage_distance=LINKED), leaves=order
    )


def test_permuted_hidden_units_give_the_same_tree(run_of, values_of, tree_of, tmp_path):
    order = np.random.default_rng(0).permutation(run_of("hgd").hidden_size)

    def permuted(rbm):
        return RBM(rbm.weights[:, order], rbm.visible_bias, rbm.hidden_bias[order])

    run = transformed(run_of("hgd"), tmp_path / "permuted.carving", permuted)
    assert_same_tree(tree_of("hgd"), build_tree(run, values_of("hgd"), linkage_distance=LINKED))


@pytest.mark.parametrize("batch_size", [64, 1000, 10_000])
def test_batches_of_any_size_give_the_same_tree(run_of, values_of, tree_of, batch_size):
    tree = build_tree(run_of("hgd"), values_of("hgd"), batch_size=batch_size, linkage_distance=LINKED)
    assert_same_tree(tree_of("hgd"), tree)


def test_converted_machines_give_the_same_tree(run_of, values_of, tree_of, tmp_path):
    # stored in float32: the twin's biases are rounded anew, so its points differ in the seventh digit
    run = transformed(
        run_of("hgd"),
        tmp_path / "spins.carving",
        lambda rbm: rbm.convert(visible="spin", hidden="spin"),
    )
    spins = 2 * values_of("hgd").astype(np.int8) - 1
    assert_same_tree(tree_of("hgd"), build_tree(run, spins, linkage_distance=LINKED), tolerance=1e-4)


def test_one_and_two_threads_give_the_same_tree(run_of, values_of):
    before, trees = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            trees.append(build_tree(run_of("hgd"), values_of("hgd"), linkage_distance=LINKED))
    finally:
        torch.set_num_threads(before)
    assert_same_tree(*trees)


@pytest.mark.parametrize("name", ["hgd", "mnist", "planted"])
def test_samples_of_a_tree_return_to_their_own_branch(run_of, values_of, tree_of, name):
    tree, rows = tree_of(name), slice(0, 300)
    placement = tree.place(values_of(name)[rows], run_of(name))
    assert all(node in tree.path(leaf) for leaf, node in enumerate(placement.node.tolist()))
