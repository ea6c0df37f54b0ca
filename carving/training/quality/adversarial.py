"""Nearest-neighbour adversarial accuracy: can generated samples be told from data?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.training._configurations import Configurations, own_generator, random_order
from carving.units import Unit

# distances in memory at once: 16 MiB
_DISTANCES = 2**22
# random divisions of the pooled rows: a standard deviation from as many is right to 5 %
_DIVISIONS = 200
# float32 counts every whole number up to here
_LARGEST_COUNT = 2**24


@dataclass(frozen=True)
class AdversarialAccuracy:
    """How well a nearest neighbour tells data from generated samples.

    Attributes
    ----------
    truth
        AA_truth: share of the data whose nearest neighbour is data. Near 0, generated samples sit on the
        data; near 1, they stay away from where the data are.
    synthetic
        AA_syn: share of the generated samples whose nearest neighbour is generated. Near 1 with a low
        AA_truth, they crowd in the midst of the data and lack their diversity.
    truth_error, synthetic_error, accuracy_error
        Standard deviations of these and of ``accuracy`` if data and generated samples were of the same
        distribution.
    count
        Rows that were compared, as many of each set.
    test
        The same of a held-out test set in place of the data, if there was one.
    """

    truth: float
    synthetic: float
    truth_error: float
    synthetic_error: float
    accuracy_error: float
    count: int
    test: AdversarialAccuracy | None = None

    @property
    def accuracy(self) -> float:
        """AA = (AA_truth + AA_syn)/2: ½ if none can be told, 1 if all can, 0 if one set copies the other."""
        return (self.truth + self.synthetic) / 2

    @property
    def privacy_loss(self) -> float:
        """Test AA − train AA: above 0 if generated samples are nearer to the data than to the test set.

        NaN without a test set.
        """
        return math.nan if self.test is None else self.test.accuracy - self.accuracy

    @property
    def privacy_loss_error(self) -> float:
        """Its standard error as if both were independent; the synthetic set they share makes it smaller."""
        return math.nan if self.test is None else math.hypot(self.accuracy_error, self.test.accuracy_error)


def adversarial_accuracy(
    data: Any,
    chains: Any,
    unit: str | Unit,
    *,
    test: Any = None,
    most: int = 2000,
    generator: torch.Generator | None = None,
) -> AdversarialAccuracy:
    """Nearest-neighbour adversarial accuracy of Yale, Dash, Dutta, Guyon, Pavao & Bennett (2020).

    With T the data and S the chains, d the Hamming distance, d_TS(i) = min_j d(T_i, S_j),
    d_TT(i) = min_{j≠i} d(T_i, T_j) and so on,

        AA_truth = (1/n) Σ_i [d_TS(i) > d_TT(i)]
        AA_syn = (1/n) Σ_i [d_ST(i) > d_SS(i)]

    **Ties.** [d > d′] counts ½ where d = d′. In genomes and alignments duplicates are common, and a
    row with a copy in its own set and one in the other has no nearer side: counted as 0 (as > is
    read literally) they would make two samples of one distribution look like copies of each other.
    So copies of data without duplicates give AA = 0, but copies of data in which every row is there twice
    give ½, as do two samples of a distribution with few states.

    **Sizes.** More rows make nearer neighbours, so all sets are cut to the size of the smallest, and
    to ``most``, at random. One distribution then gives (n − 1)/(2n − 1) without ties, ½ but for 1/4n. Cutting
    also hides copies: with f of the rows of both sets left, a copy is seen with probability f. To look for
    copies, give as many chains as data and let ``most`` be no less.

    **Errors.** All 2n rows are divided at random into two sets of n anew, 200 times; the standard
    deviation of what that gives is that of sets which cannot be told apart. It knows of ties, and of
    rows that are the nearest neighbour of many, which a binomial error does not.

    Parameters
    ----------
    data, chains, test
        Configurations in any form that ``unit`` encodes, as of :func:`moment_agreement`; at least 2 rows
        each. ``data`` are what the machine was trained on, ``test`` what it has not seen.
    unit
        The visible unit: bernoulli, spin or potts.
    most
        Rows of a set that are compared at the most.
    generator
        For the choice of rows and the divisions; by default one with a fixed seed.

    Raises
    ------
    InvalidInput
        If a set is empty, has fewer than 2 rows, other sites than the others, or a value that is none of the
        unit's; or if ``most`` is below 2.

    Notes
    -----
    With v of zeros and ones, ‖v − v′‖² is the Hamming distance (twice that for Potts), and a product of
    matrices: 8 n² · N_v·q flops, twice as many with a test set. float32 is exact: sums of up to 2²⁴ zeros and
    ones are whole numbers that it holds. In memory are the chosen rows, 4 · 2n · N_v·q bytes, and some
    blocks of distances of 16 MiB.
    """
    sets = {"data": Configurations(data, unit, "data"), "chains": Configurations(chains, unit, "chains")}
    if test is not None:
        sets["test"] = Configurations(test, unit, "test")
    _check(sets)
    count = min(most, *(rows.rows for rows in sets.values()))
    if count < 2:
        raise InvalidInput(f"most or the smallest set: is {count}; at least 2 rows are needed of each")
    generator = own_generator(generator)
    chosen = {name: rows.pick(count, generator) for name, rows in sets.items()}
    # the same divisions for both
    divisions = _divisions(count, generator)
    held_out = _compare(chosen["test"], chosen["chains"], divisions) if "test" in chosen else None
    return _compare(chosen["data"], chosen["chains"], divisions, held_out)


def _check(sets: dict[str, Configurations]) -> None:
    expected = sets["data"]
    for name, rows in sets.items():
        if rows.sites != expected.sites:
            raise InvalidInput(
                f"{name}: have {rows.sites} sites, data {expected.sites}; give all as (rows, sites)"
            )
    if expected.columns > _LARGEST_COUNT:
        raise InvalidInput(f"data: have {expected.columns} columns; give at most {_LARGEST_COUNT}")


def _divisions(count: int, generator: torch.Generator) -> Tensor:
    """Whether each of 2n pooled rows is in the first set, (2n, 1 + 200): as given, and at random."""
    given = torch.arange(2 * count)[:, None] < count
    orders = [random_order(2 * count, generator)[:, None] < count for _ in range(_DIVISIONS)]
    return torch.cat([given, *orders], 1)


def _compare(
    truth: Tensor, synthetic: Tensor, divisions: Tensor, test: AdversarialAccuracy | None = None
) -> AdversarialAccuracy:
    pooled = torch.cat([truth.to(synthetic.device), synthetic])
    sizes = pooled.sum(1)
    first = divisions.to(pooled.device)
    inside = first.float()
    sums = torch.zeros(2, first.shape[1], dtype=torch.float64, device=pooled.device)
    block = max(1, _DISTANCES // len(pooled))
    for start in range(0, len(pooled), block):
        rows = slice(start, start + block)
        # ‖v − v′‖² of zeros and ones
        distances = sizes[rows, None] + sizes - 2 * (pooled[rows] @ pooled.T)
        distances.diagonal(start).fill_(torch.inf)
        nearest = (distances == distances.amin(1, keepdim=True)).float()
        # how many of the nearest rows are in the first set, under each division
        there = nearest @ inside
        in_first = there > 0
        in_second = there < nearest.sum(1, keepdim=True)
        own = first[rows]
        # 1 if all the nearest are of the row's own set, 0 if none, ½ if both sets hold some
        score = 0.5 + 0.5 * (in_first.double() - in_second.double()) * torch.where(own, 1.0, -1.0)
        sums += torch.stack([(score * own).sum(0), (score * ~own).sum(0)])
    shares = (sums / len(truth)).cpu()
    errors = shares[:, 1:].std(1)
    return AdversarialAccuracy(
        truth=float(shares[0, 0]),
        synthetic=float(shares[1, 0]),
        truth_error=float(errors[0]),
        synthetic_error=float(errors[1]),
        accuracy_error=float(shares[:, 1:].mean(0).std()),
        count=len(truth),
        test=test,
    )
