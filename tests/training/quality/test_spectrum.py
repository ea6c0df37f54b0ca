import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from carving.errors import InvalidInput
from carving.training.quality import principal_directions, spectrum_agreement
from carving.units import Potts
from tests.machines import random_machine
from tests.training.quality.exact import enumerated

UNITS = {"bernoulli": "bernoulli", "spin": "spin", "potts": Potts(3)}


def draws(visible: str, count: int, seed: int) -> np.ndarray:
    machine = random_machine(visible, "spin", sites=7, units=3, states=3, weights=0.9, bias=0.3)
    return enumerated(machine).draw(count, seed)


def as_bits(visible: str, rows: np.ndarray) -> np.ndarray:
    flat = rows.reshape(len(rows), -1)
    return (flat + 1) / 2 if visible == "spin" else flat


@pytest.fixture(params=["dense", "lanczos", "lanczos, reading again"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param.startswith("lanczos"):
        monkeypatch.setattr("carving.training.quality.spectrum._DENSE_COLUMNS", 1)
    if request.param == "lanczos, reading again":
        monkeypatch.setattr("carving.training.quality.spectrum._KEPT_BITS", 0)
    return request.param


@pytest.mark.parametrize("visible", UNITS)
def test_directions_are_those_of_scikit_learn(visible: str, way: str) -> None:
    data = draws(visible, 200, 1)
    found = principal_directions(data, UNITS[visible], count=4)
    expected = PCA(4).fit(as_bits(visible, data))
    np.testing.assert_allclose(found.variances, expected.explained_variance_, rtol=1e-10)
    overlap = np.abs(found.vectors.numpy() @ np.asarray(expected.components_).T)
    np.testing.assert_allclose(overlap, np.eye(4), atol=1e-6)
    np.testing.assert_allclose(found.mean, expected.mean_, atol=1e-14)
    share = found.variances.sum() / found.total_variance
    assert float(share) == pytest.approx(expected.explained_variance_ratio_.sum(), rel=1e-10)


@pytest.mark.parametrize("weights", [None, np.linspace(0.1, 3, 6)], ids=["alike", "weighted"])
@pytest.mark.parametrize("visible", UNITS)
def test_fewer_rows_than_columns_have_the_directions_of_numpy(
    visible: str, weights: np.ndarray | None
) -> None:
    data = draws(visible, 400, 2)
    data = np.unique(data, axis=0)[:6]
    found = principal_directions(data, UNITS[visible], weights=weights, count=3)
    values, vectors = np.linalg.eigh(np.cov(as_bits(visible, data).T, aweights=weights))
    np.testing.assert_allclose(found.variances, values[::-1][:3], rtol=1e-10)
    np.testing.assert_allclose(np.abs(found.vectors.numpy() @ vectors[:, ::-1][:, :3]), np.eye(3), atol=1e-6)


@pytest.mark.parametrize("visible", UNITS)
def test_weighted_directions_are_those_of_numpy(visible: str, way: str) -> None:
    data, weights = draws(visible, 200, 1), np.linspace(0, 3, 200)
    found = principal_directions(data, UNITS[visible], weights=weights, count=4)
    covariance = np.cov(as_bits(visible, data).T, aweights=weights)
    values, vectors = np.linalg.eigh(covariance)
    np.testing.assert_allclose(found.variances, values[::-1][:4], rtol=1e-10)
    np.testing.assert_allclose(np.abs(found.vectors.numpy() @ vectors[:, ::-1][:, :4]), np.eye(4), atol=1e-6)
    assert found.total_variance == pytest.approx(np.trace(covariance), rel=1e-12)


def test_the_largest_entry_of_each_direction_is_positive(way: str) -> None:
    vectors = principal_directions(draws("potts", 200, 1), Potts(3), count=4).vectors
    assert bool((vectors.amax(1) == vectors.abs().amax(1)).all())


@pytest.mark.parametrize("visible", UNITS)
def test_agreement_is_that_of_numpy(visible: str, way: str) -> None:
    data, chains = draws(visible, 200, 1), draws(visible, 90, 2)
    found = spectrum_agreement(data, chains, UNITS[visible], directions=4)
    values, vectors = np.linalg.eigh(np.cov(as_bits(visible, data).T))
    values, vectors = values[::-1][:4], vectors[:, ::-1][:, :4]
    covariance = np.cov(as_bits(visible, chains).T)
    along = np.diag(vectors.T @ covariance @ vectors)
    np.testing.assert_allclose(found.data_variance, values, rtol=1e-10)
    np.testing.assert_allclose(found.chain_variance, along, rtol=1e-6)
    np.testing.assert_allclose(found.chain_spectrum, np.linalg.eigvalsh(covariance)[::-1][:4], rtol=1e-10)
    np.testing.assert_allclose(found.ratio, along / values, rtol=1e-6)
    assert found.reproduced == pytest.approx(np.minimum(along, values).sum() / values.sum(), rel=1e-6)


def test_spins_and_their_bits_have_the_same_spectrum() -> None:
    data, chains = draws("spin", 200, 1), draws("spin", 90, 2)
    spins = spectrum_agreement(data, chains, "spin")
    bits = spectrum_agreement((data + 1) / 2, (chains + 1) / 2, "bernoulli")
    torch.testing.assert_close(spins.chain_variance, bits.chain_variance)
    torch.testing.assert_close(spins.data_variance, bits.data_variance)


def test_does_not_depend_on_chunks(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, chains = draws("potts", 200, 1), draws("potts", 90, 2)
    weights = np.linspace(0.1, 1, 200)
    whole = spectrum_agreement(data, chains, Potts(3), weights=weights, directions=4)
    monkeypatch.setattr("carving.training._configurations._CHUNK_NUMBERS", 17 * 21)
    parts = spectrum_agreement(data, chains, Potts(3), weights=weights, directions=4)
    for name in ("data_variance", "chain_variance", "chain_error", "chain_spectrum"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name), rtol=1e-9, atol=0)


def test_the_same_rows_are_reproduced_entirely() -> None:
    data = draws("bernoulli", 200, 1)
    found = spectrum_agreement(data, data, "bernoulli")
    assert found.reproduced == pytest.approx(1)
    torch.testing.assert_close(found.chain_spectrum, found.data_variance)
    # all 7 directions there are
    assert found.covered == pytest.approx(1)
    assert len(found.ratio) == 7


def test_error_is_the_spread_over_sets_of_chains() -> None:
    exact = enumerated(random_machine("spin", "spin", sites=7, units=3, weights=0.9, bias=0.3))
    data = exact.draw(200, 0)
    found = [spectrum_agreement(data, exact.draw(150, seed), "spin", directions=3) for seed in range(1, 300)]
    spread = torch.stack([x.chain_variance for x in found]).std(0)
    error = torch.stack([x.chain_error for x in found]).mean(0)
    torch.testing.assert_close(error, spread, rtol=0.15, atol=0)


def test_chains_that_are_all_alike_have_no_variance(way: str) -> None:
    data = draws("spin", 200, 1)
    found = spectrum_agreement(data, np.tile(data[:1], (5, 1)), "spin", directions=3)
    assert float(found.chain_variance.abs().max()) < 1e-28
    assert bool((found.chain_spectrum == 0).all())
    assert found.reproduced == pytest.approx(0)


def test_directions_of_no_variance_are_left_out(way: str) -> None:
    # 3 rows have a covariance of rank 2
    found = principal_directions(np.eye(3, 8), "bernoulli", count=5)
    assert len(found.variances) == 2


def test_repr_tells_the_share() -> None:
    data = draws("spin", 200, 1)
    assert "7 × 7, 100.0% of" in repr(principal_directions(data, "spin"))
    assert "7 directions with 100.0%" in repr(spectrum_agreement(data, data, "spin"))


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (np.zeros((0, 2)), {}, "have shape"),
        (np.zeros((1, 2)), {}, "one row"),
        (np.ones((4, 2)), {}, "all rows are alike"),
        (np.eye(2), {"count": 0}, "count"),
        (np.array([[0, np.nan], [1, 0]]), {}, "row 0, column 1"),
        (np.eye(2), {"weights": [1, np.inf]}, "infinite"),
    ],
)
def test_refuses(data: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        principal_directions(data, "bernoulli", **options)


def test_refuses_chains_of_other_sites() -> None:
    with pytest.raises(InvalidInput, match="chains: have 3 sites"):
        spectrum_agreement(np.eye(2), np.eye(3), "bernoulli")
