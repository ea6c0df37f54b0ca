"""Rows of a visible layer, read a chunk at a time, and their weighted first and second moments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carving.data import Samples
from carving.errors import InvalidInput
from carving.training._rows import for_torch
from carving.units import Unit, resolve_unit

# numbers in one chunk: 32 MiB in float32
_CHUNK_NUMBERS = 2**23
# of everything drawn at random when no generator is given
_SEED = 0


class Configurations:
    """Configurations in any form that a unit can encode, and how much each counts.

    Their *bits* are the statistics in the coordinates of mathematics §5, in which each column is 0 or 1
    whatever the unit: a {0, 1} machine and its ±1 twin then have the same moments, and a power of a column
    is linear in it.

    Parameters
    ----------
    values
        :class:`carving.Samples`, or a table (n, N_v) or one-hot (n, N_v, q): numpy, torch, zarr or dask.
        Only slices of rows are ever asked of it, so it may be larger than memory.
    unit
        The visible unit, or its name.
    name
        What messages call them.
    weights
        How much each row counts, (n,), not negative; only ratios matter. None: all alike.

    Attributes
    ----------
    rows, sites, columns, states
        n, N_v, N_v·q, and q (N_v and 1 where a state is one number).
    shares
        Each row's share of all weight, (n,) float64 on the CPU.
    effective_rows
        1 / Σ share²: as many independent rows of equal weight would give means as exact (Kish 1965).

    Raises
    ------
    InvalidInput
        If ``values`` are no table or empty, the unit cannot be visible, or weights are not one a row, finite
        and not negative; while they are read, if a value is none of the unit's.
    """

    def __init__(self, values: Any, unit: str | Unit, name: str, *, weights: Any = None) -> None:
        self._values = values.values if isinstance(values, Samples) else values
        if not hasattr(self._values, "shape"):
            self._values = np.asarray(self._values)
        self._unit, self._name = resolve_unit(unit), name
        if not self._unit.in_visible:
            raise InvalidInput(
                f"unit: {self._unit.name} units cannot be visible; choose bernoulli, spin or potts"
            )
        shape = tuple(int(size) for size in self._values.shape)
        if len(shape) not in (2, 3) or 0 in shape:
            raise InvalidInput(f"{name}: have shape {shape}; give a table (rows, sites) that is not empty")
        self.rows, self.sites = shape[:2]
        self.states = int(np.prod(self._unit.site_shape))
        self.columns = self.sites * self.states
        self._weighted = weights is not None
        self.shares = _shares(weights, self.rows)
        self.effective_rows = 1 / float(self.shares.square().sum())
        values_of_a_column = self._unit.configurations(1, torch.float64)
        self._lowest = float(values_of_a_column.min())
        self._range = float(values_of_a_column.max()) - self._lowest

    def slices(self, *, beside: int = 0) -> Iterator[slice]:
        """The rows of each chunk, in order; fewer a chunk where each needs ``beside`` more numbers."""
        step = max(1, _CHUNK_NUMBERS // (self.columns + beside))
        return (slice(start, min(start + step, self.rows)) for start in range(0, self.rows, step))

    def read(self, rows: slice, dtype: torch.dtype) -> Tensor:
        """Statistics of these rows, what v is in the energy (1). (rows, N_v·q)"""
        values = self._values[rows]
        if not isinstance(values, Tensor):
            values = torch.from_numpy(for_torch(np.asarray(values)))
        return self._unit.encode(values, dtype, source=self._name, first_row=rows.start).flatten(1)

    def bits(self, rows: slice, dtype: torch.dtype = torch.float32) -> Tensor:
        """These rows as zeros and ones, (rows, N_v·q)."""
        return (self.read(rows, dtype) - self._lowest) / self._range

    def pick(self, count: int, generator: torch.Generator) -> Tensor:
        """Bits of as many different rows chosen at random. (count, N_v·q) float32"""
        chosen = torch.zeros(self.rows, dtype=torch.bool)
        chosen[random_order(self.rows, generator)[:count]] = True
        parts = (self.bits(rows)[chosen[rows]] for rows in self.slices() if chosen[rows].any())
        return torch.cat(list(parts))

    def bit_mean(self) -> Tensor:
        """Mean of the bits, (N_v·q,) float64 on the CPU."""
        total = torch.zeros(self.columns, dtype=torch.float64)
        for rows in self.slices():
            chunk = self.bits(rows, torch.float64)
            total += (self.shares[rows].to(chunk.device) @ chunk).cpu()
        return total

    def bit_covariance(self, columns: Tensor, mean: Tensor) -> Tensor:
        """⟨v vᵀ⟩ − ⟨v⟩⟨v⟩ᵀ of the bits of some columns, without bias, as ``numpy.cov`` with ``aweights``.

        2 · n · columns² flops, and the memory of two such matrices.

        Parameters
        ----------
        columns
            Which, (c,) int64.
        mean
            :meth:`bit_mean`, (N_v·q,).

        Returns
        -------
        Tensor
            (c, c) float64 on the CPU. At least two rows must count.
        """
        total = torch.zeros(len(columns), len(columns), dtype=torch.float64)
        for rows in self.slices():
            if self._weighted:
                chunk = self.bits(rows, torch.float64)[:, columns]
                weighted = chunk * self.shares[rows, None].to(chunk.device)
                total += (weighted.T @ chunk).cpu()
            else:
                # counts of a chunk's rows, which float32 holds exactly, at half the cost
                chunk = self.bits(rows)[:, columns]
                total += (chunk.T @ chunk).double().cpu() / self.rows
        total.addr_(mean[columns], mean[columns], alpha=-1)
        return total.mul_(self.unbiased)

    @property
    def unbiased(self) -> float:
        """1 / (1 − Σ share²), n/(n − 1) without weights: turns a mean square deviation into a variance."""
        return self.effective_rows / (self.effective_rows - 1)


def _shares(weights: Any, rows: int) -> Tensor:
    if weights is None:
        return torch.full((rows,), 1 / rows, dtype=torch.float64)
    values = torch.as_tensor(weights).detach().cpu().double()
    if values.shape != (rows,):
        raise InvalidInput(f"weights: have shape {tuple(values.shape)}; give one for each of {rows} rows")
    if not bool((torch.isfinite(values) & (values >= 0)).all()):
        raise InvalidInput("weights: hold NaN, an infinite or a negative value; give finite ones from 0 on")
    if not bool(values.any()):
        raise InvalidInput("weights: are all zero; give at least one row some weight")
    # by the largest first, so that the sum cannot overflow
    values = values / values.max()
    return values / values.sum()


def configurations_alike(
    data: Any, chains: Any, unit: str | Unit, *, weights: Any = None
) -> tuple[Configurations, Configurations]:
    """Data and chains, checked to be of the same sites and to have a variance."""
    first = Configurations(data, unit, "data", weights=weights)
    second = Configurations(chains, unit, "chains")
    if first.sites != second.sites:
        raise InvalidInput(
            f"chains: have {second.sites} sites, data {first.sites}; give both as (rows, sites)"
        )
    require_variance(first, "data")
    require_variance(second, "chains")
    return first, second


def require_variance(configurations: Configurations, name: str) -> None:
    """Refuse a set of which only one row counts."""
    if int(configurations.shares.count_nonzero()) < 2:
        raise InvalidInput(f"{name}: one row has no variance; give at least 2 that count")


def own_generator(generator: torch.Generator | None) -> torch.Generator:
    """The generator given, or one of a fixed seed."""
    return torch.Generator().manual_seed(_SEED) if generator is None else generator


def random_order(count: int, generator: torch.Generator) -> Tensor:
    """The numbers from 0 to count − 1 in random order, on the CPU."""
    return torch.randperm(count, generator=generator, device=generator.device).cpu()
