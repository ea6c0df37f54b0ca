"""Agreement of chains with data in means, and in correlations of two and of three sites."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.training._configurations import (
    Configurations,
    configurations_alike,
    own_generator,
    random_order,
)
from carving.units import Unit

# products of three columns in memory at once: 16 MiB
_PRODUCTS = 2**21
# a variance below this share of the mean square is rounding
_ROUNDING = 1e-13


@dataclass(frozen=True)
class MomentComparison:
    """How the moments x of the data and y of the chains differ, over all moments of one order.

    Floors are what a perfect machine would show: as many independent draws as there are chains, from the
    distribution that the data are themselves drawn from.

    Attributes
    ----------
    error
        Root mean square of y − x, a site (a pair, a triple of sites). For Potts the square of a site is
        the sum over its states, of a pair over pairs of states: its Frobenius norm.
    error_floor
        Its floor. An error at the floor is noise.
    slope, slope_floor
        Of the least-squares line of y against x, and its floor: noise in the data makes it less than 1.
        NaN where all x are equal.
    correlation, correlation_floor
        Pearson's, between x and y, and its floor.
    count
        How many moments were compared.
    """

    error: float
    error_floor: float
    slope: float
    slope_floor: float
    correlation: float
    correlation_floor: float
    count: int


@dataclass(frozen=True)
class MomentAgreement:
    """Chains against data.

    In the coordinates of mathematics §5: a spin counts as (1 + s)/2, so a {0, 1} machine and its ±1
    twin have the same numbers.

    Attributes
    ----------
    mean
        ⟨v_i⟩, of all sites.
    pair
        ⟨v_i v_j⟩ − ⟨v_i⟩⟨v_j⟩ of all i < j among the sites compared; a site's own variance is not, since its
        mean fixes it. NaN with one site.
    triple
        ⟨(v_i − ⟨v_i⟩)(v_j − ⟨v_j⟩)(v_k − ⟨v_k⟩)⟩ of random triples of different sites; None if not asked for.
    """

    mean: MomentComparison
    pair: MomentComparison
    triple: MomentComparison | None = None


def moment_agreement(
    data: Any,
    chains: Any,
    unit: str | Unit,
    *,
    weights: Any = None,
    most_columns: int = 2000,
    triples: int = 0,
    generator: torch.Generator | None = None,
) -> MomentAgreement:
    """Compare means, covariances and, if asked for, three-site correlations of chains with those of data.

    Both sets carry noise. A moment that is the mean of n independent terms has the variance ν/n, and since
    columns are 0 or 1, ν follows from the data's own moments up to the same order. With n the rows of data
    (by effective number if they have weights), m the chains, V the variance of the data's moments x among
    themselves and S = V − ν̄/n what of it is signal, perfect chains would have

        error² = ν̄ (1/n + 1/m), slope = S / V, correlation = S / √(V (S + ν̄/m))

    with ν̄ the mean of ν over the moments, and those are the floors. A slope below 1 by itself says
    little: noise in the data lowers it (attenuation, Spearman 1904). Slope and correlation as a test of a
    learned model are those of the literature on direct coupling analysis (Figliuzzi, Barrat-Charlaix &
    Weigt 2018).

    Parameters
    ----------
    data, chains
        Configurations in any form that ``unit`` encodes: (n, N_v), or one-hot (n, N_v, q), of any
        number type; numpy, torch, zarr, dask or :class:`carving.Samples`. At least 2 rows each.
    unit
        The visible unit: bernoulli, spin or potts.
    weights
        How much each row of the data counts, (n,), not negative; only ratios matter. None: all alike.
    most_columns
        With more than so many columns N_v·q, covariances are compared between a random choice of sites
        only, all pairs of them. Means are compared on all sites.
    triples
        How many triples of columns are drawn at random. Those that repeat, or hold a site twice, are left
        out.
    generator
        For these choices; by default one with a fixed seed.

    Raises
    ------
    InvalidInput
        If a set is empty, has one row or a value that is none of the unit's, or sites differ; if weights are
        not one a row, finite and not negative; or if a number is out of range.

    Notes
    -----
    2 (n + m) · columns² flops, columns at most ``most_columns``, and 4 · n · triples. Three matrices of that
    size in float64 are in memory, 32 MB each by default, and one chunk of rows. The floors are of
    independent rows: related rows of data, and chains that have not forgotten each other's past, are
    further apart.
    """
    data_rows, chain_rows = configurations_alike(data, chains, unit, weights=weights)
    if most_columns < 2:
        raise InvalidInput(f"most_columns: {most_columns} leaves no pair to compare; give at least 2")
    if triples < 0:
        raise InvalidInput(f"triples: {triples} is not a number of triples; give 0 for none")
    generator = own_generator(generator)
    rows = data_rows, chain_rows
    means = data_rows.bit_mean(), chain_rows.bit_mean()
    pairs = _pairs(rows, means, _choose_columns(data_rows, most_columns, generator))
    return MomentAgreement(
        mean=_compare(*means, _variance(means[0]), rows, order=1),
        pair=_compare(*pairs, rows, order=2),
        triple=_triples(rows, means, triples, generator) if triples else None,
    )


def _choose_columns(data: Configurations, most_columns: int, generator: torch.Generator) -> Tensor:
    """All columns, or those of a random choice of sites; at least of two."""
    most = max(2, most_columns // data.states)
    sites = random_order(data.sites, generator)[:most].sort().values
    return (sites[:, None] * data.states + torch.arange(data.states)).flatten()


def _variance(mean: Tensor) -> Tensor:
    """Of a column of zeros and ones."""
    return mean * (1 - mean)


def _pairs(
    rows: tuple[Configurations, Configurations], means: tuple[Tensor, Tensor], columns: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Covariances of data and chains between different sites, and the variance of one row's term in them."""
    site = columns // rows[0].states
    different = site[:, None] < site
    found, other = (x.bit_covariance(columns, mean)[different] for x, mean in zip(rows, means, strict=True))
    mean = means[0][columns]
    skew, variance = 1 - 2 * mean, _variance(mean)
    # δ² = (1 − 2m) δ + m(1 − m) for δ = v − m, whether v is 0 or 1
    square = torch.outer(skew, skew)[different] * found + torch.outer(variance, variance)[different]
    return found, other, square - found**2


def _triples(
    rows: tuple[Configurations, Configurations],
    means: tuple[Tensor, Tensor],
    count: int,
    generator: torch.Generator,
) -> MomentComparison:
    data = rows[0]
    drawn = torch.randint(data.columns, (count, 3), generator=generator, device=generator.device).cpu()
    drawn = torch.unique(drawn.sort(1).values, dim=0)
    site = drawn // data.states
    drawn = drawn[(site[:, 0] < site[:, 1]) & (site[:, 1] < site[:, 2])]
    found, *pairs = _central_moments(data, means[0], drawn)
    other = _central_moments(rows[1], means[1], drawn)[0]
    return _compare(found, other, _triple_noise(found, pairs, means[0][drawn].unbind(1)), rows, order=3)


def _central_moments(rows: Configurations, mean: Tensor, triples: Tensor) -> list[Tensor]:
    """⟨xyz⟩, ⟨yz⟩, ⟨xz⟩ and ⟨xy⟩ of the deviations x, y, z of each triple of columns. (triples,) each"""
    total = torch.zeros(4, len(triples), dtype=torch.float64)
    step = max(1, _PRODUCTS // max(1, len(triples)))
    for chunk in rows.slices():
        centred = rows.bits(chunk, torch.float64).cpu() - mean
        for part, share in zip(centred.split(step), rows.shares[chunk].split(step), strict=True):
            x, y, z = (part[:, column] for column in triples.unbind(1))
            yz = y * z
            total += torch.stack([share @ product for product in (x * yz, yz, x * z, x * y)])
    return list(total)


def _triple_noise(found: Tensor, pairs: list[Tensor], means: tuple[Tensor, ...]) -> Tensor:
    """Variance of xyz − ⟨yz⟩x − ⟨xz⟩y − ⟨xy⟩z, one row's term in ⟨xyz⟩ around a mean of the same rows.

    Powers of a deviation are linear in it, x² = sx + V, so that only ⟨xyz⟩ and the ⟨xy⟩ are needed.
    """
    skews = [1 - 2 * mean for mean in means]
    variances = [_variance(mean) for mean in means]
    skew_product = skews[0] * skews[1] * skews[2]
    variance_product = variances[0] * variances[1] * variances[2]
    noise = skew_product * found + variance_product + 6 * pairs[0] * pairs[1] * pairs[2] - found**2
    for axis in range(3):
        skew, variance, pair = skews[axis], variances[axis], pairs[axis]
        others = skews[axis - 1] * skews[axis - 2]
        # of ⟨x²y²z²⟩, of ⟨(⟨yz⟩x)²⟩, and of −2⟨yz⟩⟨x²yz⟩
        noise += others * variance * pair + variance * pair**2 - 2 * pair * (skew * found + variance * pair)
    return noise


def _compare(
    first: Tensor,
    second: Tensor,
    noise: Tensor,
    rows: tuple[Configurations, Configurations],
    *,
    order: int,
) -> MomentComparison:
    """Moments of data and of chains, and the variance of one row's term in those of the data."""
    if not len(first):
        return MomentComparison(*[math.nan] * 6, count=0)
    data, chains = rows[0].effective_rows, rows[1].rows
    # states of a site, pairs of states of a pair, …: a mean over moments is turned into one over those
    states = rows[0].states ** order
    # rounding may leave a variance of zero below zero
    typical = max(float(noise.mean()), 0.0)
    total, other = _spread(first), _spread(second)
    common = float(((first - first.mean()) * (second - second.mean())).mean())
    signal = max(total - typical / data, 0.0)
    return MomentComparison(
        error=math.sqrt(states * float((second - first).square().mean())),
        error_floor=math.sqrt(states * typical * (1 / data + 1 / chains)),
        slope=_ratio(common, total),
        slope_floor=_ratio(signal, total),
        correlation=_ratio(common, math.sqrt(total * other)),
        correlation_floor=_ratio(signal, math.sqrt(total * (signal + typical / chains))),
        count=len(first),
    )


def _spread(values: Tensor) -> float:
    """Their variance; exactly zero where they are equal but for rounding."""
    variance = float(values.var(correction=0))
    return variance if variance > _ROUNDING * float(values.square().mean()) else 0.0


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan
