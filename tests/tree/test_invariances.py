"""A tree depends on machines, samples and distances, and on nothing else (mathematics §5)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from carving import RBM
from carving.checkpoints import CheckpointSequence
from carving.tree import build_tree
from tests.tree.comparison import assert_same_tree
from tests.tree.runs import KINDS, pattern_machines, pattern_samples, store

SITES = (6, 12, 20)
SAMPLES = 30

problems = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "noise": st.floats(0.0, 0.6),
        "bias": st.floats(0.02, 0.2),
        "seed": st.integers(0, 10_000),
        "flips": st.floats(0.0, 0.4),
        "order": st.sampled_from([1, 2, 3]),
        "linkage_distance": st.sampled_from([0.01, 0.035, 0.3, 0.55]),
    }
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


class Problem:
    """Machines and samples of one example."""

    def __init__(self, folder: Path, drawn: dict) -> None:
        self.folder = folder
        visible, hidden = drawn["kind"]
        self.machines = pattern_machines(
            strengths=(1.0, 1.3, 1.7),
            sites=SITES,
            visible=visible,
            hidden=hidden,
            noise=drawn["noise"],
            bias=drawn["bias"],
            seed=drawn["seed"],
        )
        self.samples = pattern_samples(
            SAMPLES, sites=SITES, flips=drawn["flips"], visible=visible, seed=drawn["seed"]
        )
        self.options = {name: drawn[name] for name in ("order", "linkage_distance")}

    @property
    def run(self) -> CheckpointSequence:
        return store(self.folder, self.machines)


def with_hidden_units(rbm: RBM, order: np.ndarray) -> RBM:
    """The same machine with its hidden units in another order."""
    return RBM(
        rbm.weights[..., order], rbm.visible_bias, rbm.hidden_bias[order], rbm.visible, rbm.hidden, rbm.beta
    )


@settings(max_examples=5)
@given(drawn=problems)
def test_the_tree_does_not_depend_on_the_order_of_samples(folder, drawn):
    problem = Problem(folder, drawn)
    run, order = problem.run, np.random.default_rng(drawn["seed"]).permutation(SAMPLES)
    tree = build_tree(run, problem.samples, **problem.options)
    permuted = build_tree(run, problem.samples[order], **problem.options)
    assert_same_tree(tree, permuted, leaves=order)


@settings(max_examples=5)
@given(drawn=problems)
def test_the_tree_does_not_depend_on_the_order_of_hidden_units(folder, drawn):
    problem = Problem(folder, drawn)
    tree = build_tree(problem.run, problem.samples, **problem.options)
    units = np.random.default_rng(drawn["seed"]).permutation(tree.nodes.hidden.shape[1])
    problem.machines = {age: with_hidden_units(rbm, units) for age, rbm in problem.machines.items()}
    permuted = build_tree(problem.run, problem.samples, **problem.options)
    assert_same_tree(tree, permuted)
    assert np.abs(permuted.nodes.hidden - tree.nodes.hidden[:, units])[: tree.root].max(initial=0) < 2e-6


@settings(max_examples=5)
@given(drawn=problems, batch_size=st.sampled_from([1, 2, 7, 29, 1000]))
def test_the_tree_does_not_depend_on_the_batch_size(folder, drawn, batch_size):
    problem = Problem(folder, drawn)
    run = problem.run
    tree = build_tree(run, problem.samples, **problem.options)
    assert_same_tree(tree, build_tree(run, problem.samples, batch_size=batch_size, **problem.options))


@settings(max_examples=5)
@given(drawn=problems, rows=st.integers(1, 12))
def test_the_tree_does_not_depend_on_how_many_samples_are_read_at_once(folder, drawn, rows):
    problem = Problem(folder, drawn)
    run = problem.run
    tree = build_tree(run, problem.samples, **problem.options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("carving.tree._rows.ROWS", rows)
        chunked = build_tree(run, problem.samples, **problem.options)
    assert_same_tree(tree, chunked)


@settings(max_examples=3)
@given(drawn=problems)
def test_the_tree_does_not_depend_on_the_number_of_threads(folder, drawn):
    problem = Problem(folder, drawn)
    run = problem.run
    tree = build_tree(run, problem.samples, **problem.options)
    # the number before this test is put back by the fixture that all tests here have
    torch.set_num_threads(2)
    two_threads = build_tree(run, problem.samples, **problem.options)
    torch.set_num_threads(1)
    assert_same_tree(tree, two_threads)


@settings(max_examples=5)
@given(drawn=problems)
def test_the_tree_of_a_machine_is_that_of_its_twin_of_spins(folder, drawn):
    problem = Problem(folder, {**drawn, "kind": ("bernoulli", "bernoulli")})
    tree = build_tree(problem.run, problem.samples, **problem.options)
    problem.machines = {
        age: rbm.convert(visible="spin", hidden="spin") for age, rbm in problem.machines.items()
    }
    spins = 2 * problem.samples.astype(np.int8) - 1
    assert_same_tree(tree, build_tree(problem.run, spins, **problem.options))


@settings(max_examples=8)
@given(drawn=problems)
def test_the_tree_of_a_potts_machine_does_not_depend_on_its_gauge(folder, drawn):
    problem = Problem(folder, {**drawn, "kind": ("potts", "bernoulli")})
    tree = build_tree(problem.run, problem.samples, **problem.options)
    problem.machines = {age: shifted(rbm) for age, rbm in problem.machines.items()}
    assert_same_tree(tree, build_tree(problem.run, problem.samples, **problem.options))


def shifted(rbm: RBM) -> RBM:
    """A Potts machine with another constant over the states at each site: the same distribution.

    Constants are multiples of 1/8, so that float32 holds the other machine as exactly.
    """
    draw = torch.Generator().manual_seed(0)
    sites, _, units = rbm.weights.shape
    weights, biases = (
        torch.randint(-4, 5, (sites, 1, size), generator=draw).double() / 8 for size in (units, 1)
    )
    return RBM(
        rbm.weights + weights,
        rbm.visible_bias + biases[..., 0],
        rbm.hidden_bias - weights.sum((0, 1)),
        rbm.visible,
        rbm.hidden,
    )
