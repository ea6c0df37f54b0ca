"""The Curie–Weiss model against enumeration, exact transition matrices and fixed points of its machine."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special

from carving import RBM, fixed_points
from carving.errors import InvalidInput
from carving.meanfield import stability
from carving.physics.models import CurieWeiss
from carving.training.quality.autocorrelation import autocorrelation_time, gibbs_series


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pattern_of(sites: int) -> np.ndarray:
    return np.where(np.arange(sites) % 3 == 0, -1, 1)


def all_signs(sites: int) -> torch.Tensor:
    numbers = torch.arange(2**sites)[:, None]
    return 2.0 * ((numbers >> torch.arange(sites)) & 1).double() - 1


def transition_by_brute_force(machine: RBM, sites: int) -> np.ndarray:
    """P(s → s′) of a block Gibbs step over all 2^N states, by adaptive quadrature over h."""
    states = all_signs(sites)

    def integrand(h: float) -> np.ndarray:
        hidden = torch.tensor([[h]], dtype=torch.float64)
        mean = (machine.hidden_mean(states)[:, 0]).numpy()
        weight = np.exp(-0.5 * sites * (h - mean) ** 2) * math.sqrt(sites / (2 * math.pi))
        up = torch.sigmoid(2 * machine.visible_field(hidden))
        arrive = torch.where(states > 0, up, 1 - up).prod(1).numpy()
        return np.outer(weight, arrive)

    return integrate.quad_vec(integrand, -8, 8, epsabs=1e-13, epsrel=1e-13)[0]


# ---- machines and data


@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
def test_the_machine_has_the_models_distribution(visible: str) -> None:
    model = CurieWeiss(sites=7, beta=1.3, pattern=pattern_of(7))
    s = all_signs(7)
    v = s if visible == "spin" else (1 + s) / 2
    p = torch.softmax(-model.machine(visible=visible).free_energy(v), 0).numpy()
    total = s.numpy() @ pattern_of(7)
    np.testing.assert_allclose(p, special.softmax(0.5 * 1.3 / 7 * total**2), rtol=1e-12)


@pytest.mark.parametrize("hidden", ["spin", "bernoulli"])
def test_many_discrete_hidden_units_come_near_to_the_gaussian_one(hidden: str) -> None:
    model = CurieWeiss(sites=6, beta=1.2)
    s = all_signs(6)

    def distance(copies: int) -> float:
        machine = model.machine(hidden=hidden, copies=copies)
        difference = torch.softmax(-machine.free_energy(s), 0) - torch.softmax(
            -model.machine().free_energy(s), 0
        )
        return float(difference.abs().max())

    # the quartic term falls as 1/copies
    assert distance(2000) < 1e-3
    assert distance(1000) / distance(2000) == pytest.approx(2, rel=0.01)


def test_data_are_of_the_models_own_pattern() -> None:
    model = CurieWeiss(sites=50, beta=2.5, pattern=pattern_of(50))
    data = model.data(400, seeded())
    assert np.abs(data.samples @ pattern_of(50)).mean() / 50 == pytest.approx(model.magnetisation, abs=0.01)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match="beta"):
        CurieWeiss(sites=5, beta=-1.0)
    with pytest.raises(InvalidInput, match="pattern"):
        CurieWeiss(sites=5, beta=1.0, pattern=np.zeros(5))
    with pytest.raises(InvalidInput, match="unit"):
        CurieWeiss(sites=5, beta=1.0).machine(visible="potts")
    with pytest.raises(InvalidInput, match="copies"):
        CurieWeiss(sites=5, beta=1.0).machine(copies=2)


# ---- exact averages


@pytest.mark.parametrize("beta", [0.4, 1.0, 2.0])
def test_exact_averages_are_the_enumerated_ones(beta: float) -> None:
    sites = 9
    model = CurieWeiss(sites=sites, beta=beta, pattern=pattern_of(sites))
    s = all_signs(sites)
    p = torch.softmax(-model.machine().free_energy(s), 0).numpy()
    total = s.numpy() @ pattern_of(sites)
    second, absolute = p @ total**2 / sites, p @ np.abs(total) / math.sqrt(sites)
    assert model.second_moment == pytest.approx(second, rel=1e-12)
    assert model.absolute_susceptibility == pytest.approx(second - absolute**2, rel=1e-11)
    assert model.binder_cumulant == pytest.approx(
        1 - p @ total**4 / (3 * (p @ total**2) ** 2), rel=1e-11, abs=1e-12
    )
    # the growth rate of (9): (⟨s_u²⟩ − 1)/γ, γ = N
    assert model.exact_growth_rate == pytest.approx((second - 1) / sites, rel=1e-11)


def test_the_second_moment_tends_to_the_susceptibility_before_the_transition() -> None:
    model = CurieWeiss(sites=200_000, beta=0.8)
    assert model.susceptibility() == pytest.approx(5)
    assert model.second_moment == pytest.approx(5, rel=1e-3)
    assert model.susceptibility("bernoulli") == pytest.approx(5 / 4)
    # ⟨|s|⟩² of a Gaussian is 2/π of its variance (mathematics §6)
    assert model.absolute_susceptibility == pytest.approx(5 * (1 - 2 / math.pi), rel=1e-3)


def test_the_absolute_susceptibility_tends_to_that_of_a_state_after_the_transition() -> None:
    model = CurieWeiss(sites=20_000, beta=1.5)
    assert model.absolute_susceptibility == pytest.approx(model.susceptibility(), rel=2e-3)


def test_the_susceptibility_diverges_at_the_transition() -> None:
    assert CurieWeiss(sites=10, beta=1.0).susceptibility() == math.inf


def test_the_growth_rate_is_that_of_many_sites_within_a_percent() -> None:
    # mathematics §7: for β ≥ 1.5 and N ≥ 500
    model = CurieWeiss(sites=500, beta=1.5)
    assert model.exact_growth_rate == pytest.approx(model.growth_rate, rel=0.01)


# ---- the field that a state withstands


@pytest.mark.parametrize("visible", ["spin", "bernoulli"])
@pytest.mark.parametrize("beta", [1.2, 2.0])
def test_a_state_vanishes_at_the_spinodal_field(visible: str, beta: float) -> None:
    sites = 60
    model = CurieWeiss(sites=sites, beta=beta, pattern=pattern_of(sites))
    rbm, u = model.machine(visible=visible), torch.tensor(pattern_of(sites)) / math.sqrt(sites)
    start = np.where(pattern_of(sites) > 0, 1, 0 if visible == "bernoulli" else -1)[None]

    def overlap(share: float) -> float:
        field = -share * model.spinodal_field(visible) * u
        pushed = RBM(rbm.weights, rbm.visible_bias + field, rbm.hidden_bias, rbm.visible, rbm.hidden)
        point = fixed_points(pushed, start, order=1)
        assert bool(point.converged)
        spins = point.visible[0] if visible == "spin" else 2 * point.visible[0] - 1
        return float(spins @ torch.tensor(pattern_of(sites)).double()) / sites

    assert overlap(0.999) > 0
    assert overlap(1.001) < 0


def test_there_is_no_spinodal_before_the_transition() -> None:
    assert CurieWeiss(sites=10, beta=1.0).spinodal_field() == 0


def test_the_fixed_point_of_the_pattern_has_the_magnetisation() -> None:
    model = CurieWeiss(sites=30, beta=1.7, pattern=pattern_of(30))
    point = fixed_points(model.machine(), pattern_of(30)[None], order=1)
    overlap = point.visible[0].numpy() @ pattern_of(30) / 30
    assert overlap == pytest.approx(model.magnetisation, abs=2e-6)


@pytest.mark.parametrize(("beta", "stable"), [(0.999, True), (1.001, False)])
def test_the_paramagnetic_point_is_lost_at_one(beta: float, stable: bool) -> None:
    rbm = CurieWeiss(sites=20, beta=beta).machine()
    assert stability(rbm, torch.zeros(20), torch.zeros(1), order=1).stable is stable


# ---- block Gibbs sampling


@pytest.mark.parametrize(("sites", "beta"), [(2, 1.0), (5, 0.3), (7, 1.0), (8, 1.0), (8, 2.5)])
def test_the_chain_of_the_magnetisation_has_the_eigenvalues_of_that_of_all_states(
    sites: int, beta: float
) -> None:
    model = CurieWeiss(sites=sites, beta=beta, pattern=pattern_of(sites))
    full = transition_by_brute_force(model.machine(), sites)
    np.testing.assert_allclose(full.sum(1), 1, atol=1e-12)
    p = torch.softmax(-model.machine().free_energy(all_signs(sites)), 0).sqrt().numpy()
    # reversible: similar to a symmetric matrix
    expected = np.linalg.eigvalsh(p[:, None] * full / p)[::-1]
    ours = model.chain().eigenvalues
    np.testing.assert_allclose(ours, expected[: len(ours)], atol=1e-12)
    assert np.abs(expected[len(ours) :]).max() < 1e-12
    assert model.chain().relaxation_time == pytest.approx(-1 / math.log(expected[1]), rel=1e-9)


@pytest.mark.parametrize("beta", [0.5, 1.6])
def test_the_transition_matrix_is_the_brute_force_one_summed_over_arrangements(beta: float) -> None:
    sites = 6
    model = CurieWeiss(sites=sites, beta=beta, pattern=pattern_of(sites))
    full = transition_by_brute_force(model.machine(), sites)
    up = ((all_signs(sites).numpy() @ pattern_of(sites) + sites) / 2).round().astype(int)
    into = np.stack([full[:, up == k].sum(1) for k in range(sites + 1)], 1)
    expected = np.stack([into[up == k].mean(0) for k in range(sites + 1)])
    np.testing.assert_allclose(model.transition_matrix(), expected, atol=1e-12)


@pytest.mark.parametrize(("sites", "beta"), [(40, 0.6), (300, 1.0), (300, 1.15)])
def test_autocorrelations_are_powers_of_the_transition_matrix(sites: int, beta: float) -> None:
    model = CurieWeiss(sites=sites, beta=beta)
    total, p = model.distribution()
    matrix, lags = model.transition_matrix(), np.arange(8)
    np.testing.assert_allclose(p @ matrix, p, atol=1e-13)
    moved, expected = total, []
    for _ in lags:
        expected.append(float(p @ (total * moved)) / float(p @ total**2))
        moved = matrix @ moved
    np.testing.assert_allclose(model.chain().autocorrelation(lags), expected, atol=1e-11)
    # Σ_t ρ(t) by a linear system, without its mean
    answer = np.linalg.solve(np.eye(len(p)) - matrix + p, total)
    time = float(p @ (total * answer)) / float(p @ total**2) - 0.5
    assert model.chain().integrated_time == pytest.approx(time, rel=1e-8)


def test_the_relaxation_time_is_that_of_a_dense_transition_matrix_at_1024_sites() -> None:
    model = CurieWeiss(sites=1024, beta=1.0)
    x, matrix = model.distribution()[0], model.transition_matrix()
    for _ in range(400):
        x = matrix @ x
        x = x / np.linalg.norm(x)
    # power iteration on odd functions, whose leading eigenvalue is λ₂
    second = float(x @ matrix @ x)
    assert model.chain().relaxation_time == pytest.approx(-1 / math.log(second), rel=1e-9)


def test_without_coupling_a_sweep_forgets_all() -> None:
    assert CurieWeiss(sites=12, beta=0.0).chain().eigenvalues[1] == pytest.approx(0, abs=1e-14)


def test_before_the_transition_the_second_eigenvalue_tends_to_the_coupling() -> None:
    # in the linear regime a sweep multiplies s_u by x
    assert CurieWeiss(sites=6000, beta=0.7).chain().eigenvalues[1] == pytest.approx(0.7, rel=2e-3)


def test_the_relaxation_time_grows_as_the_square_root_of_the_size_at_the_transition() -> None:
    sizes = [256, 512, 1024, 2048, 4096]
    times = [CurieWeiss(sites=n, beta=1.0).chain().relaxation_time for n in sizes]
    assert np.polyfit(np.log(sizes), np.log(times), 1)[0] == pytest.approx(0.5, abs=0.01)


def test_sampled_chains_have_the_exact_integrated_time() -> None:
    sites = 64
    model = CurieWeiss(sites=sites, beta=1.0)
    start = torch.tensor(model.data(200, seeded(1)).samples).double()
    u = torch.ones(1, sites, dtype=torch.float64) / math.sqrt(sites)
    series = gibbs_series(model.machine(), start, u, times=1500, generator=seeded(2))
    measured = autocorrelation_time(series)
    error = float(measured.standard_error)
    assert error < 0.05 * model.chain().integrated_time
    assert float(measured.integrated) == pytest.approx(model.chain().integrated_time, abs=4 * error)
