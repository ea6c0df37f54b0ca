"""Generated data follow their distribution: enumeration, closed forms, and the tree they claim."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special, stats

from carving.data.generators import correlated_patterns, curie_weiss, hopfield, random_tree
from carving.data.generators._magnetisation import pair_correlation, solve_magnetisation
from carving.data.generators._recall import recall_state
from carving.errors import InvalidInput


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def configurations(sites: int) -> np.ndarray:
    return np.array(list(itertools.product((-1, 1), repeat=sites)))


def agreement(samples: np.ndarray, log_weight: Callable[[np.ndarray], np.ndarray]) -> float:
    """P-value of χ² between the counts of all configurations and their exact probabilities."""
    states = configurations(samples.shape[1])
    probability = special.softmax(log_weight(states))
    number = ((samples > 0) @ (1 << np.arange(samples.shape[1])[::-1])).astype(int)
    counts = np.bincount(number, minlength=len(states))
    assert (probability * len(samples)).min() > 5, "too few samples for χ²"
    return float(stats.chisquare(counts, probability * len(samples)).pvalue)


# ---- Curie–Weiss


@pytest.mark.parametrize("beta", [0.0, 0.7, 1.5])
def test_curie_weiss_samples_follow_the_enumerated_distribution(beta):
    data = curie_weiss(sites=5, samples=40_000, beta=beta, generator=seeded())

    def log_weight(s: np.ndarray) -> np.ndarray:
        aligned = s * data.pattern
        pairs = itertools.combinations(range(5), 2)
        return beta / 5 * sum((aligned[:, i] * aligned[:, j] for i, j in pairs), np.zeros(len(s)))

    assert agreement(data.samples, log_weight) > 1e-3


@given(st.integers(2, 9), st.floats(0, 3))
def test_the_pair_correlation_is_the_enumerated_one(sites, coupling):
    states = configurations(sites)
    probability = special.softmax(0.5 * coupling * states.sum(1) ** 2)
    assert pair_correlation(sites, coupling) == pytest.approx(probability @ (states[:, 0] * states[:, 1]))


def test_curie_weiss_data_have_the_correlation_that_they_state():
    data = curie_weiss(sites=300, samples=4000, beta=1.5, generator=seeded())
    total = (data.samples * data.pattern).sum(1, dtype=np.int64).astype(float)
    squares = (total**2 - 300) / (300 * 299)
    assert squares.mean() == pytest.approx(data.correlation, abs=5 * squares.std() / math.sqrt(4000))


def test_the_pair_correlation_tends_to_the_square_of_the_magnetisation():
    data = curie_weiss(sites=20_000, samples=1, beta=1.5, generator=seeded())
    assert data.correlation == pytest.approx(data.magnetisation**2, rel=2e-4)


def test_curie_weiss_data_hold_both_signs_equally():
    data = curie_weiss(sites=500, samples=4000, beta=2.0, generator=seeded())
    positive = int(((data.samples @ data.pattern.astype(float)) > 0).sum())
    assert stats.binomtest(positive, 4000).pvalue > 1e-3


def test_a_given_pattern_is_used():
    pattern = np.array([1, -1, 1, -1, -1, 1])
    data = curie_weiss(sites=6, samples=200, beta=20.0, pattern=pattern, generator=seeded())
    assert {tuple(s) for s in data.samples.tolist()} == {tuple(pattern.tolist()), tuple((-pattern).tolist())}


@given(st.floats(1.0001, 50))
def test_the_magnetisation_solves_its_equation(beta):
    m = solve_magnetisation(beta)
    assert m > 0
    assert m == pytest.approx(math.tanh(beta * m), rel=1e-14)


@given(st.floats(0, 1))
def test_there_is_no_magnetisation_above_the_transition(beta):
    assert solve_magnetisation(beta) == 0


# ---- two correlated patterns


@pytest.mark.parametrize("beta", [0.5, 1.2])
def test_correlated_samples_follow_the_enumerated_distribution(beta):
    data = correlated_patterns(sites=6, samples=60_000, beta=beta, kappa=1 / 3, generator=seeded())
    p_value = agreement(data.samples, lambda s: beta / 12 * ((s @ data.patterns.T.astype(int)) ** 2).sum(1))
    assert p_value > 1e-3


def test_patterns_have_the_overlap_that_is_stated():
    data = correlated_patterns(sites=101, samples=1, kappa=0.4, generator=seeded())
    assert data.kappa == pytest.approx(0.4, abs=1 / 101)
    assert data.patterns[0] @ data.patterns[1].astype(int) == round(data.kappa * 101)


def test_directions_live_on_their_own_blocks():
    data = correlated_patterns(sites=10, samples=1, kappa=0.2, generator=seeded())
    assert np.abs(data.directions).tolist() == [[1] * 6 + [0] * 4, [0] * 6 + [1] * 4]


@given(st.floats(0.1, 5), st.floats(0, 0.9))
def test_magnetisations_of_correlated_patterns_solve_their_equations(beta, kappa):
    data = correlated_patterns(sites=1000, samples=1, beta=beta, kappa=kappa, generator=seeded())
    m1, m2 = data.magnetisation
    up, down = (1 + data.kappa) / 2, (1 - data.kappa) / 2
    common, opposite = up * math.tanh(beta * (m1 + m2)), down * math.tanh(beta * (m1 - m2))
    assert (m1, m2) == pytest.approx((common + opposite, common - opposite), abs=1e-12)


def test_correlated_data_have_the_magnetisations_that_they_state():
    data = correlated_patterns(sites=2000, samples=500, beta=2.5, kappa=0.4, generator=seeded())
    overlaps = np.sort(np.abs(data.samples @ data.patterns.T.astype(float)) / 2000, axis=1)
    assert overlaps.mean(0)[::-1] == pytest.approx(data.magnetisation, abs=0.01)


# ---- Hopfield


def test_hopfield_samples_follow_the_enumerated_distribution():
    data = hopfield(sites=6, patterns=2, samples=40_000, beta=0.6, burn_in=25, generator=seeded())
    p_value = agreement(data.samples, lambda s: 0.6 / 12 * ((s @ data.patterns.T.astype(int)) ** 2).sum(1))
    assert p_value > 1e-3


def test_hopfield_samples_recall_their_pattern_as_well_as_the_theory_says():
    data = hopfield(sites=1000, patterns=20, samples=200, beta=3.0, burn_in=60, generator=seeded())
    own = data.patterns[data.start] * data.start_sign[:, None]
    assert (data.samples * own).mean() == pytest.approx(data.magnetisation, abs=0.01)


def test_hopfield_chains_start_at_their_pattern():
    data = hopfield(sites=20, patterns=3, samples=50, burn_in=0, generator=seeded())
    np.testing.assert_array_equal(data.samples, data.patterns[data.start] * data.start_sign[:, None])


@pytest.mark.parametrize("beta", [1.1, 2.0, 5.0])
def test_one_pattern_among_many_sites_is_curie_weiss(beta):
    assert recall_state(beta, 1e-12)[0] == pytest.approx(solve_magnetisation(beta), abs=1e-6)


@pytest.mark.parametrize("load", [0.02, 0.08, 0.137])
def test_recall_tends_to_its_closed_form_without_temperature(load):
    # erf y = y (√2α + (2/√π) e^(−y²)), m = erf y: Amit, Gutfreund & Sompolinsky at T = 0
    def mismatch(y: float) -> float:
        return float(special.erf(y)) - y * (math.sqrt(2 * load) + 2 / math.sqrt(math.pi) * math.exp(-y * y))

    best = optimize.brentq(mismatch, 1.53, 1 / math.sqrt(2 * load))
    assert recall_state(4000.0, load)[0] == pytest.approx(float(special.erf(best)), abs=1e-3)


@pytest.mark.parametrize(("beta", "load"), [(4000.0, 0.139), (0.9, 0.01), (1.0, 0.5)])
def test_recall_is_lost_beyond_capacity_or_temperature(beta, load):
    assert recall_state(beta, load)[0] == pytest.approx(0, abs=1e-6)


# ---- a tree of states


def test_every_branch_flips_a_share_of_its_level():
    data = random_tree(samples=1, generator=seeded())
    ranges = {1: (30, 50), 2: (16, 24), 3: (8, 12)}
    for row in range(1, len(data.parent)):
        level = str(data.state_names[row]).count(".") + 1
        flips = int((data.states[row] != data.states[data.parent[row]]).sum())
        assert ranges[level][0] <= flips <= ranges[level][1]


def test_inner_states_have_two_or_three_children():
    counts = set()
    for seed in range(20):
        data = random_tree(samples=1, generator=seeded(seed))
        counts |= set(np.unique(data.parent[1:], return_counts=True)[1].tolist())
    assert counts == {2, 3}


def test_names_of_states_say_their_parents():
    data = random_tree(samples=1, generator=seeded())
    for name, parent in zip(data.state_names[1:], data.parent[1:], strict=True):
        assert name.rpartition(".")[0] == data.state_names[parent]


def test_labels_are_the_ancestors_of_the_state_of_a_sample():
    data = random_tree(generator=seeded())
    for sample, state in enumerate(data.sample_state.tolist()):
        for level in (3, 2, 1):
            assert data.labels[f"level{level}"][sample] == data.state_names[state]
            state = data.parent[state]
        assert state == 0


def test_samples_differ_from_their_state_by_the_noise():
    data = random_tree(samples=3000, noise=0.02, generator=seeded())
    wrong = int((data.samples != data.states[data.sample_state]).sum())
    assert stats.binomtest(wrong, data.samples.size, 0.02).pvalue > 1e-3


def test_leaves_have_equally_many_samples_on_average():
    data = random_tree(samples=6000, generator=seeded())
    counts = np.unique(data.sample_state, return_counts=True)[1]
    assert stats.chisquare(counts).pvalue > 1e-3


def test_a_tree_of_spins_is_the_same_tree_with_signs():
    zero_one, spins = (
        random_tree(samples=50, unit=unit, generator=seeded()) for unit in ("bernoulli", "spin")
    )
    np.testing.assert_array_equal(spins.samples, 2 * zero_one.samples.astype(np.int8) - 1)
    np.testing.assert_array_equal(spins.states, 2 * zero_one.states.astype(np.int8) - 1)


def test_the_number_of_levels_is_free():
    data = random_tree(
        levels=2, children=(3, 3), flips=((0.2, 0.2), (0.1, 0.1)), samples=10, generator=seeded()
    )
    assert len(data.parent) == 1 + 3 + 9
    assert list(data.labels) == ["level1", "level2"]


# ---- all of them

GENERATORS = (random_tree, curie_weiss, correlated_patterns, hopfield)


@pytest.mark.parametrize("generate", GENERATORS)
def test_the_generator_alone_decides_what_is_drawn(generate):
    torch.manual_seed(1)
    first = generate(samples=20, sites=40, generator=seeded(5)).samples
    torch.manual_seed(2)
    again, other = (generate(samples=20, sites=40, generator=seeded(seed)).samples for seed in (5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("generate", "settings", "words"),
    [
        (random_tree, {"flips": ((0.1, 0.2),)}, "1 ranges are given for 3 levels"),
        (random_tree, {"flips": ((0.3, 0.2),) * 3}, "flips: 0.2 is not a number from 0.3 to 1"),
        (random_tree, {"noise": 0.7}, "noise: 0.7 is not a number from 0 to 0.5"),
        (random_tree, {"noise": math.nan}, "noise: nan"),
        (random_tree, {"children": (3, 2)}, "children: 2 is not a whole number of at least 3"),
        (random_tree, {"samples": 0}, "samples: 0 is not a whole number of at least 1"),
        (random_tree, {"unit": "potts"}, "choose one of them"),
        (curie_weiss, {"sites": 1}, "sites: 1 is not a whole number of at least 2"),
        (curie_weiss, {"beta": -1.0}, "beta: -1.0 is not a finite number"),
        (curie_weiss, {"pattern": np.zeros(500)}, "pattern: .* must be ±1"),
        (correlated_patterns, {"kappa": 1.0}, "leaves no site"),
        (correlated_patterns, {"kappa": -0.1}, "kappa: -0.1 is not a number from 0 to 1"),
        (hopfield, {"patterns": 2.5}, "patterns: 2.5 is not a whole number"),
        (hopfield, {"burn_in": -1}, "burn_in: -1 is not a whole number"),
        (hopfield, {"beta": math.inf}, "beta: inf is not a finite number"),
    ],
)
def test_bad_settings_are_refused_by_name(generate, settings, words):
    with pytest.raises(InvalidInput, match=words):
        generate(**settings, generator=seeded())
