"""How well the machine guesses one site from all others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.training._configurations import Configurations

# hidden fields in memory at once: 4 MiB in float32, so that they stay in the cache of a processor
_FIELDS = 2**20


@dataclass(frozen=True)
class PseudoLikelihood:
    """Mean pseudo-log-likelihood of some samples.

    Attributes
    ----------
    per_site
        (1/N_v) Σ_i ⟨log p(v_i | v_j, j ≠ i)⟩, in nats: 0 at best, −log q for a machine that knows nothing.
    standard_error
        Of ``per_site``, if the samples are independent. NaN if only one counts.
    rows
        How many samples.
    """

    per_site: float
    standard_error: float
    rows: int


def pseudo_likelihood(
    machine: RBM, samples: Any, *, weights: Any = None, sites: str = "all"
) -> PseudoLikelihood:
    """Mean pseudo-log-likelihood a site (Besag 1975), with its standard error.

    Parameters
    ----------
    machine, samples, sites
        As of :func:`pseudo_log_likelihoods`.
    weights
        How much each sample counts, (n,), not negative. None: all alike.

    Raises
    ------
    InvalidInput
        As :func:`pseudo_log_likelihoods`, and if weights are not one a sample, finite and not negative.
    """
    rows = _rows(machine, samples, weights)
    values = _each(machine, rows, sites).cpu() / rows.sites
    mean = float(rows.shares @ values)
    single = int(rows.shares.count_nonzero()) < 2
    squares = float((rows.shares * (values - mean)).square().sum())
    error = math.nan if single else math.sqrt(squares * rows.unbiased)
    return PseudoLikelihood(per_site=mean, standard_error=error, rows=rows.rows)


def pseudo_log_likelihoods(machine: RBM, samples: Any, *, sites: str = "all") -> Tensor:
    """Σ_i log p(v_i | v_j, j ≠ i) of each sample, in nats.

    With F of (2) and v^{i→c} the sample with site i in state c,

        log p(v_i | v_j, j ≠ i) = −F(v) − log Σ_c e^{−F(v^{i→c})}
        F(v) − F(v^{i→c}) = β a_i·(c − v_i) + Σ_μ [A_h(θ_μ + β W_iμ·(c − v_i)) − A_h(θ_μ)]

    so the hidden fields θ = β(b + vᵀW) are computed once a sample, and changing one site adds one row of W.

    Parameters
    ----------
    machine
        The machine.
    samples
        (n, N_v), or one-hot (n, N_v, q): in any form that the visible unit encodes.
    sites
        ``"all"``: the sum over all sites. ``"one"``: N_v times the term of one site of each row, site
        r mod N_v of row r, which averaged over many rows estimates the same at a cost smaller by N_v.

    Returns
    -------
    Tensor
        (n,) float64, on the machine's device. Computed in the machine's precision: convert a float32
        machine with ``machine.to(torch.float64)`` for more than some six digits.

    Raises
    ------
    InvalidInput
        If the samples are empty, of other sites or states than the machine's, or hold a value that is none
        of its visible unit's; or if ``sites`` is neither.

    Notes
    -----
    For all sites, 2 · N_v · q · N_h flops a sample for θ, and (q − 1) · N_v · N_h log-partitions of one
    unit, which take almost all of the time (q = 2 where a state is one number).
    """
    return _each(machine, _rows(machine, samples), sites)


def _rows(machine: RBM, samples: Any, weights: Any = None) -> Configurations:
    rows = Configurations(samples, machine.visible, "samples", weights=weights)
    if rows.sites != machine.visible_size:
        raise InvalidInput(
            f"samples: have {rows.sites} sites, the machine {machine.visible_size}; give samples of its sites"
        )
    return rows


def _each(machine: RBM, rows: Configurations, sites: str) -> Tensor:
    if sites not in ("all", "one"):
        raise InvalidInput(f"sites: {sites!r} is not known; give 'all' or 'one'")
    changes = _SiteChanges(machine)
    results = []
    for chunk in rows.slices():
        v = rows.read(chunk, machine.dtype).to(machine.device)
        # few enough for the fields of one changed site to fit
        step = max(1, _FIELDS // machine.hidden_size)
        for start in range(0, len(v), step):
            part = v[start : start + step]
            first = chunk.start + start
            results.append(changes.every_site(part) if sites == "all" else changes.one_site(part, first))
    return torch.cat(results)


class _SiteChanges:
    """What each state of each site adds to the fields of the hidden units, and to −E."""

    def __init__(self, machine: RBM) -> None:
        self._machine = machine
        self._sites = machine.visible_size
        # (S, 1), or (S, q) for Potts: the statistics of one site's S states
        self._states = machine.visible.configurations(1, machine.dtype).flatten(1).to(machine.device)
        self._count = len(self._states)
        weights = machine.weights.reshape(self._sites, -1, machine.hidden_size)
        bias = machine.visible_bias.reshape(self._sites, -1)
        # site i in state c is row i·S + c
        self._fields = (machine.beta * (self._states @ weights)).flatten(0, 1)
        self._biases = (machine.beta * (bias @ self._states.T)).flatten()

    def every_site(self, v: Tensor) -> Tensor:
        """Σ_i log p(v_i | others). (n,) float64"""
        field, codes = self._hidden_field(v), self._codes(v)
        within = self._machine.hidden.log_partition(field)
        total = torch.zeros(len(v), dtype=torch.float64, device=v.device)
        for site in range(self._sites):
            total += self._log_conditional(field, within, site * self._count, codes[:, site])
        return total

    def one_site(self, v: Tensor, first: int) -> Tensor:
        """N_v log p(v_i | others) at i = r mod N_v of row r = ``first``, … . (n,) float64"""
        rows = torch.arange(len(v), device=v.device)
        site = (first + rows) % self._sites
        field, codes = self._hidden_field(v), self._codes(v)[rows, site]
        within = self._machine.hidden.log_partition(field)
        return self._sites * self._log_conditional(field, within, site * self._count, codes)

    def _hidden_field(self, v: Tensor) -> Tensor:
        return self._machine.hidden_field(v.view(len(v), *self._machine.visible_bias.shape))

    def _codes(self, v: Tensor) -> Tensor:
        """The number of each site's state, (n, N_v): of the state c with the least |v − c|²."""
        products = v.reshape(len(v), self._sites, -1) @ self._states.T
        return (products - self._states.square().sum(1) / 2).argmax(-1)

    def _log_conditional(self, field: Tensor, within: Tensor, site: int | Tensor, codes: Tensor) -> Tensor:
        """log p(v_i | others), site i given by its first row i·S in the tables. (n,) float64

        ``field`` holds θ and ``within`` A_h(θ), (n, N_h).
        """
        present = site + codes
        without = field - self._fields[present]
        logits = [torch.zeros(len(field), dtype=torch.float64, device=field.device)]
        for step in range(1, self._count):
            other = site + (codes + step) % self._count
            changed = self._machine.hidden.log_partition(without + self._fields[other])
            # the difference is taken unit by unit: sums of large log-partitions would cancel
            gain = (changed - within).sum(1) + self._biases[other] - self._biases[present]
            logits.append(gain.double())
        return -torch.logsumexp(torch.stack(logits), 0)
