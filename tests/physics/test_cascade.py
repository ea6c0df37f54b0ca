"""Everything about a training at once: softness of states, chains in them, and the tables."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import carving
from carving import Tree
from carving.checkpoints import CheckpointSequence
from carving.errors import InvalidInput
from carving.meanfield import Plefka
from carving.physics import (
    Cascade,
    Sampling,
    sample_states,
    soft_modes,
    spectrum_along_learning,
    transitions,
    write_cascade,
)
from tests.physics.machines import curie_weiss, grown
from tests.tree.runs import pattern_machine, pattern_samples, store

BLOCKS = (6, 5)
DIRECTIONS = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> CheckpointSequence:
    """Two blocks of spins that decide one after the other: 1, 2 and 4 states."""
    values = {1: (0.3, 0.5), 30: (0.9, 1.7), 1000: (4.0, 5.0)}
    machines = {
        age: pattern_machine(pair, sites=BLOCKS, visible="spin", hidden="spin")
        for age, pair in values.items()
    }
    return store(tmp_path_factory.mktemp("runs"), machines)


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return pattern_samples(40, sites=BLOCKS, visible="spin", flips=0.05)


@pytest.fixture(scope="module")
def tree(run: CheckpointSequence, samples: np.ndarray) -> Tree:
    return carving.build_tree(run, samples)


@pytest.fixture(scope="module")
def cascade(run: CheckpointSequence, tree: Tree, samples: np.ndarray) -> Cascade:
    return transitions(
        run,
        tree,
        samples,
        directions=DIRECTIONS,
        precision=1e-3,
        sampling=Sampling(chains=60, burn_in=50, steps=200),
        generator=torch.Generator().manual_seed(0),
    )


def test_the_softness_of_curie_weiss_states_is_the_closed_form(tmp_path: Path):
    ages = (3, 100, 1000)
    run = grown(tmp_path, lambda x: curie_weiss(10, (0.25 * x) ** 2), ages)
    tree = carving.build_tree(run, np.stack([np.ones(10), -np.ones(10)]).astype(np.int8), order=1)
    modes = soft_modes(tree, run)
    assert modes.age.tolist() == [1000, 1000, 100, 100, 3]
    for age, curvature in zip(modes.age.tolist(), modes.curvature.tolist(), strict=True):
        coupling = (0.25 * math.log1p(age)) ** 2
        m = 1.0 if coupling > 1 else 0.0
        for _ in range(2000):
            m = math.tanh(coupling * m)
        assert curvature == pytest.approx(1 - coupling * (1 - m * m), abs=1e-5)
    np.testing.assert_allclose(np.abs(modes.direction), 1 / math.sqrt(10), atol=1e-6)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("first", range(3))
def test_softness_has_the_sign_of_the_dense_hessian(cascade: Cascade, run: CheckpointSequence, first: int):
    modes = cascade.soft_modes
    assert modes is not None
    assert cascade.tree is not None
    states = cascade.tree.states
    assert modes.node.tolist() == states.node.tolist()
    for row in range(first, len(modes), 3):
        plefka = Plefka(run.at_age(int(modes.age[row])), 2)
        size = states.visible.shape[1]

        def energy(x: torch.Tensor, plefka: Plefka = plefka, size: int = size) -> torch.Tensor:
            return plefka.free_energy(x[None, :size], x[None, size:])[0]

        at = torch.from_numpy(np.concatenate([states.visible[row], states.hidden[row]]).astype(float))
        hessian = torch.autograd.functional.hessian(energy, at)
        assert isinstance(hessian, torch.Tensor)
        least = float(torch.linalg.eigvalsh(hessian)[0])
        assert (modes.curvature[row] > 0) == (least > 0)
        assert modes.curvature[row] < 1


def test_without_a_tree_there_are_the_spectrum_and_the_paramagnetic_state(
    run: CheckpointSequence, samples: np.ndarray
):
    bare = transitions(run, directions=2)
    assert (bare.tree, bare.soft_modes, bare.splits, bare.sampling) == (None, None, None, None)
    alone = spectrum_along_learning(run, count=2)
    np.testing.assert_array_equal(bare.spectrum.values, alone.values)
    assert np.isnan(bare.spectrum.data_variance).all()
    assert np.isfinite(transitions(run, samples=samples).spectrum.data_variance).all()
    assert bare.paramagnetic.ages.tolist() == [1, 30, 1000]


@pytest.mark.slow
def test_a_tree_has_the_order_to_be_used(run: CheckpointSequence, samples: np.ndarray):
    tree = carving.build_tree(run, samples, order=1)
    assert transitions(run, tree, order=3, precision=0.1).order == 1


def test_chains_of_the_youngest_machine_have_the_covariance_of_enumeration(
    cascade: Cascade, run: CheckpointSequence
):
    chains, rbm = cascade.sampling, run.at_age(1).to(torch.float64)
    assert chains is not None
    (row,) = np.flatnonzero(chains.age == 1)
    assert chains.node[row] == -1
    bits = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * sum(BLOCKS))
    log_weight = bits @ rbm.visible_bias + torch.log(
        2 * torch.cosh(rbm.hidden_bias + bits @ rbm.weights)
    ).sum(1)
    probability = torch.softmax(log_weight, 0)
    along = bits @ torch.from_numpy(cascade.spectrum.directions[0]).double().T
    mean = probability @ along
    exact = (probability @ (along - mean) ** 2).numpy()
    error = chains.susceptibility_error[row]
    assert (np.abs(chains.susceptibility[row] - exact) < 5 * error).all()
    assert (error < 0.2 * exact).all()


def test_every_state_is_sampled_where_there_are_several_and_all_together_at_every_age(cascade: Cascade):
    chains, tree = cascade.sampling, cascade.tree
    assert chains is not None
    assert tree is not None
    for age in (1, 30, 1000):
        nodes = sorted(set(tree.partition(age).tolist()))
        expected = [-1, *nodes] if len(nodes) > 1 else [-1]
        assert sorted(chains.node[chains.age == age].tolist()) == expected
    # four states far from each other hold chains for ever, which all of them together do not show
    old = chains.age == 1000
    between, within = old & (chains.node == -1), old & (chains.node >= 0)
    assert within.sum() == 4
    assert (chains.susceptibility[between, :2] > 3 * chains.susceptibility[within, :2].max()).all()


def test_states_with_few_samples_are_left_out(
    cascade: Cascade, run: CheckpointSequence, tree: Tree, samples: np.ndarray
):
    found = sample_states(
        tree, run, samples, cascade.spectrum,
        sampling=Sampling(chains=2, burn_in=0, steps=8, least_share=1.0),
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert set(found.node.tolist()) == {-1}


def test_chains_that_have_nowhere_to_begin_are_refused(
    cascade: Cascade, run: CheckpointSequence, tree: Tree, samples: np.ndarray
):
    draw, sampling = torch.Generator(), Sampling(chains=2)
    for given in ((None, samples, draw), (tree, None, draw), (tree, samples, None)):
        with pytest.raises(InvalidInput, match="sampling: chains begin in the states of a tree"):
            transitions(run, given[0], given[1], sampling=sampling, generator=given[2])
    with pytest.raises(InvalidInput, match="there are 39, but the tree has 40 leaves"):
        sample_states(tree, run, samples[:-1], cascade.spectrum, sampling=sampling, generator=draw)


@pytest.mark.parametrize(
    "settings",
    [{"chains": 1}, {"burn_in": -1}, {"thin": 0}, {"steps": 7}, {"least_share": 1.5}, {"least_share": -0.1}],
)
def test_settings_of_chains_that_say_nothing_are_refused(settings: dict[str, float]):
    with pytest.raises(InvalidInput, match=next(iter(settings))):
        Sampling(**settings)  # pyright: ignore[reportArgumentType]


def test_pandas_reads_every_table_as_the_arrays_are(cascade: Cascade, tmp_path: Path):
    written = write_cascade(cascade, tmp_path)
    assert written == ["spectrum.csv", "paramagnetic.csv", "states.csv", "splits.csv", "chains.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(written)
    table = {name.removesuffix(".csv"): pd.read_csv(tmp_path / name) for name in written}
    modes, splits, chains, tree = cascade.soft_modes, cascade.splits, cascade.sampling, cascade.tree
    assert modes is not None
    assert splits is not None
    assert chains is not None
    assert tree is not None
    names = tree.nodes.name

    spectrum = table["spectrum"]
    at = np.searchsorted(cascade.spectrum.ages, spectrum["age"].to_numpy())
    number = spectrum["direction"].to_numpy() - 1
    assert len({*zip(at.tolist(), number.tolist(), strict=True)}) == 3 * DIRECTIONS
    for column, values in (
        ("singular_value", cascade.spectrum.values),
        ("data_variance", cascade.spectrum.data_variance),
    ):
        np.testing.assert_allclose(spectrum[column], values[at, number], rtol=1e-6)
    assert len(spectrum) == 3 * DIRECTIONS
    # at the oldest age there is no next one
    assert np.isnan(spectrum["growth"].to_numpy()).sum() == DIRECTIONS

    np.testing.assert_allclose(table["paramagnetic"]["smallest_eigenvalue"], cascade.paramagnetic.curvature)

    states = table["states"]
    assert states["state"].tolist() == names[modes.node].tolist()
    np.testing.assert_allclose(states["smallest_eigenvalue"], modes.curvature, rtol=1e-6)
    for number in range(DIRECTIONS):
        at = [list(cascade.spectrum.ages).index(age) for age in modes.age]
        parts = np.abs((modes.direction * cascade.spectrum.directions[at, number]).sum(1))
        np.testing.assert_allclose(states[f"along_{number + 1}"], parts, atol=1e-5)

    rows = table["splits"]
    assert len(rows) == len(splits) == 3
    for column, values in (("node", splits.node), ("child", splits.child), ("other", splits.other)):
        assert rows[column].tolist() == names[values].tolist()
    assert rows["child_samples"].tolist() == [len(tree.members(int(node))) for node in splits.child]
    np.testing.assert_allclose(rows["age"], splits.age, rtol=1e-6)
    assert rows["kind"].tolist() == splits.kind.tolist()

    rows = table["chains"]
    assert len(rows) == len(chains) * DIRECTIONS
    assert set(rows["state"]) == {"all", *names[np.unique(chains.node[chains.node >= 0])]}
    np.testing.assert_allclose(rows["susceptibility"], chains.susceptibility.flatten(), rtol=1e-6)
    np.testing.assert_allclose(rows["relaxation_steps"], chains.relaxation.flatten(), rtol=1e-6)
    assert rows["relaxation_is_bound"].astype(bool).tolist() == chains.is_bound.flatten().tolist()


def test_what_is_not_known_has_no_table(run: CheckpointSequence, tmp_path: Path):
    assert write_cascade(transitions(run), tmp_path) == ["spectrum.csv", "paramagnetic.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["paramagnetic.csv", "spectrum.csv"]
