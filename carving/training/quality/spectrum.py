"""Variance of chains along the data's principal directions, and their own spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from carving.errors import InvalidInput
from carving.training._configurations import (
    Configurations,
    configurations_alike,
    require_variance,
)
from carving.units import Unit

# columns up to which the covariance is formed, and diagonalised by LAPACK: 200 MB in float64
_DENSE_COLUMNS = 5000
_FEW_ROWS = 5000
# of Lanczos' vectors; eigenvalues are exact to its square
_TOLERANCE = 1e-5
# bits that Lanczos' method keeps, a byte each, rather than read them again in every pass
_KEPT_BITS = 2**30


@dataclass(frozen=True)
class PrincipalDirections:
    """Leading eigenvectors of the covariance of a set of configurations.

    In the coordinates of mathematics §5: a spin counts as (1 + s)/2.

    Attributes
    ----------
    vectors
        (d, N_v·q) float64, orthonormal, the largest entry of each positive.
    variances
        Their eigenvalues, (d,) float64, falling.
    mean
        ⟨v⟩, (N_v·q,) float64.
    total_variance
        Trace of the covariance.
    """

    vectors: Tensor
    variances: Tensor
    mean: Tensor
    total_variance: float

    def __repr__(self) -> str:
        share = float(self.variances.sum()) / self.total_variance
        size = " × ".join(map(str, self.vectors.shape))
        return f"PrincipalDirections({size}, {share:.1%} of a variance of {self.total_variance:.4g})"


@dataclass(frozen=True)
class SpectrumAgreement:
    """Variances of data and chains along the data's principal directions.

    In the coordinates of mathematics §5: a spin counts as (1 + s)/2.

    Attributes
    ----------
    data_variance
        Eigenvalues λ_α of the data's covariance, (d,) float64, falling.
    chain_variance
        u_αᵀ C_chains u_α, around the chains' own mean, (d,) float64.
    chain_error
        Its standard error for independent rows, √((μ₄ − μ₂²)/m), (d,) float64.
    chain_spectrum
        The largest eigenvalues of C_chains, whatever their directions, (d,) float64, falling; zeros beyond
        its rank.
    covered
        Σ_α λ_α / tr C_data: how much of the data's variance is in these directions.
    """

    data_variance: Tensor
    chain_variance: Tensor
    chain_error: Tensor
    chain_spectrum: Tensor
    covered: float

    @property
    def ratio(self) -> Tensor:
        """chain_variance / data_variance, (d,) float64."""
        return self.chain_variance / self.data_variance

    @property
    def reproduced(self) -> float:
        """Σ_α min(λ_α, chain_variance_α) / Σ_α λ_α: how much of the data's variance the chains have.

        Too much in one direction does not make up for too little in another.
        """
        least = torch.minimum(self.chain_variance, self.data_variance)
        return float(least.sum() / self.data_variance.sum())

    def __repr__(self) -> str:
        return (
            f"SpectrumAgreement({len(self.ratio)} directions with {self.covered:.1%} of the data's variance, "
            f"{self.reproduced:.1%} of it reproduced)"
        )


def principal_directions(
    data: Any, unit: str | Unit, *, weights: Any = None, count: int = 10
) -> PrincipalDirections:
    """Principal component analysis of configurations, with the covariance that ``numpy.cov`` gives.

    Parameters
    ----------
    data, unit, weights
        As of :func:`moment_agreement`.
    count
        Directions; fewer come back where the covariance has no more than that, since its rank is below n and
        at most N_v·(q − 1), N_v where a state is one number.

    Raises
    ------
    InvalidInput
        If the data are empty, of one row, or all alike, or hold a value that is none of the unit's; if
        weights are not one a row, finite and not negative; if ``count`` is below 1.

    Notes
    -----
    Where rows are fewer than columns and at most 5,000, their products with each other are diagonalised
    instead of C. Up to 5,000 columns C is formed, once, in 2 n · columns² flops, and diagonalised. Beyond,
    Lanczos' method (scipy.sparse.linalg.eigsh) multiplies by C without forming it, some 100 passes over the
    data of 4 · n · columns flops each; it starts from a vector that is always the same. Up to 1 GiB of data
    are kept as bytes for that, larger ones read anew in every pass.
    """
    rows = Configurations(data, unit, "data", weights=weights)
    require_variance(rows, "data")
    if count < 1:
        raise InvalidInput(f"count: {count} is not a number of directions; give at least 1")
    mean = rows.bit_mean()
    total = _total_variance(rows, mean)
    variances, vectors = _leading(rows, mean, count)
    if not len(variances):
        raise InvalidInput("data: all rows are alike, so there is no principal direction; give others")
    return PrincipalDirections(vectors, variances, mean, total)


def spectrum_agreement(
    data: Any, chains: Any, unit: str | Unit, *, weights: Any = None, directions: int = 10
) -> SpectrumAgreement:
    """Compare the variances of data and chains along the data's principal directions.

    A machine learns the strong directions of the data first (mathematics §6), so the ratios rise to 1
    one after the other. Directions are those in which these very rows vary most, noise
    included: any other sample of the same distribution varies less along them, the less the weaker
    a direction is. To see what a perfect machine would show, give samples that were held out as ``chains``.

    Parameters
    ----------
    data, chains, unit, weights
        As of :func:`moment_agreement`.
    directions
        How many, at most.

    Raises
    ------
    InvalidInput
        As :func:`principal_directions`, and if the chains are empty, of one row or of other sites than the
        data.
    """
    _, chain_rows = configurations_alike(data, chains, unit)
    found = principal_directions(data, unit, weights=weights, count=directions)
    mean = chain_rows.bit_mean()
    variance, error = _along(chain_rows, found.vectors, mean)
    own = torch.zeros_like(variance)
    leading = _leading(chain_rows, mean, len(own))[0]
    own[: len(leading)] = leading
    return SpectrumAgreement(
        data_variance=found.variances,
        chain_variance=variance,
        chain_error=error,
        chain_spectrum=own,
        covered=float(found.variances.sum()) / found.total_variance,
    )


def _total_variance(rows: Configurations, mean: Tensor) -> float:
    return float((mean * (1 - mean)).sum()) * rows.unbiased


def _along(rows: Configurations, vectors: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Variance along each vector of rows that count alike, and its standard error."""
    second = fourth = torch.zeros(len(vectors), dtype=torch.float64)
    for chunk in rows.slices():
        squares = ((rows.bits(chunk, torch.float64).cpu() - mean) @ vectors.T).square()
        second, fourth = second + squares.sum(0), fourth + squares.square().sum(0)
    second, fourth = second / rows.rows, fourth / rows.rows
    return second * rows.unbiased, ((fourth - second.square()).clamp(min=0) / rows.rows).sqrt()


def _leading(rows: Configurations, mean: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Largest eigenvalues of the covariance and their vectors, those that are zero left out."""
    total = _total_variance(rows, mean)
    rounding = rows.columns * torch.finfo(torch.float64).eps
    # of rows that are all alike, the mean is 0 or 1 but for rounding
    if total <= rounding:
        return torch.zeros(0, dtype=torch.float64), torch.zeros(0, rows.columns, dtype=torch.float64)
    count = min(count, rows.columns)
    if count < rows.rows < rows.columns and rows.rows <= _FEW_ROWS:
        values, vectors = _gram(rows, mean, count)
    elif rows.columns <= max(_DENSE_COLUMNS, count + 1):
        values, vectors = _dense(rows, mean, count)
    else:
        values, vectors = _lanczos(rows, mean, count)
    order = np.argsort(values)[::-1]
    kept = order[values[order] > rounding * total]
    return torch.from_numpy(values[kept]), _turned(torch.from_numpy(vectors.T[kept]))


def _dense(rows: Configurations, mean: Tensor, count: int) -> tuple[np.ndarray, np.ndarray]:
    size = rows.columns
    covariance = rows.bit_covariance(torch.arange(size), mean).numpy()
    return scipy.linalg.eigh(covariance, subset_by_index=(size - count, size - 1), overwrite_a=True)


def _gram(rows: Configurations, mean: Tensor, count: int) -> tuple[np.ndarray, np.ndarray]:
    """From the products of the rows with each other, which are fewer than those of the columns."""
    parts = [rows.bits(chunk, torch.float64).cpu() - mean for chunk in rows.slices()]
    centred = torch.cat(parts) * (rows.shares * rows.unbiased).sqrt()[:, None]
    products = (centred @ centred.T).numpy()
    size = len(products)
    values, mixtures = scipy.linalg.eigh(products, subset_by_index=(size - count, size - 1), overwrite_a=True)
    vectors = centred.T.numpy() @ mixtures
    return values, vectors / np.maximum(np.linalg.norm(vectors, axis=0), np.finfo(np.float64).tiny)


def _lanczos(rows: Configurations, mean: Tensor, count: int) -> tuple[np.ndarray, np.ndarray]:
    start = np.random.default_rng(0).standard_normal(rows.columns)
    basis = min(rows.columns, max(4 * count, 40))
    # what scipy declares of this function is of other types than it takes and gives
    solve: Any = eigsh
    return solve(_Covariance(rows, mean), k=count, v0=start, ncv=basis, tol=_TOLERANCE)


class _Covariance(LinearOperator):
    """The covariance of configurations, never formed."""

    def __init__(self, rows: Configurations, mean: Tensor) -> None:
        super().__init__(np.float64, (rows.columns, rows.columns))
        self._rows, self._mean = rows, mean
        self._kept: list[Tensor] | None = None
        if rows.rows * rows.columns <= _KEPT_BITS:
            self._kept = [rows.bits(chunk).to(torch.uint8).cpu() for chunk in rows.slices()]

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(x.reshape(-1))
        offset = self._mean @ given
        total = torch.zeros_like(given)
        for index, chunk in enumerate(self._rows.slices()):
            if self._kept is None:
                numbers = self._rows.bits(chunk, torch.float64).cpu()
            else:
                numbers = self._kept[index].double()
            total += ((numbers @ given - offset) * self._rows.shares[chunk]) @ numbers
        # the projections onto a direction add up to nothing, so the mean need not be taken off again
        return (total * self._rows.unbiased).numpy()


def _turned(vectors: Tensor) -> Tensor:
    """The same directions, the entry of largest size of each positive."""
    largest = vectors.abs().argmax(1, keepdim=True)
    return vectors * torch.sign(vectors.gather(1, largest))
