"""The model of two correlated patterns (mathematics §7)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from carving.data.generators import CorrelatedPatternsData, correlated_patterns
from carving.data.generators._magnetisation import solve_magnetisation
from carving.data.generators._settings import not_negative, whole_at_least, within
from carving.errors import InvalidInput
from carving.physics.models._pattern_machine import pattern_machine
from carving.rbm import RBM


@dataclass(frozen=True, kw_only=True)
class CorrelatedPatterns:
    """p(s) ∝ exp((β/2N) Σ_a (ξᵃ·s)²), a = 1, 2, its machine, and what is known of both.

    ξ¹ = η¹ + η² is +1 on every site (any other choice is this one with some sites turned over), ξ² = η¹ − η²
    differs from it on the last N(1 − κ)/2 sites.

    Parameters
    ----------
    sites
        N, at least 2.
    beta
        β ≥ 0.
    kappa
        κ, 0 … 1. Kept as the whole number of sites N(1 + κ)/2 makes it.

    Raises
    ------
    InvalidInput
        For settings out of range, or if no site is left on which the patterns differ.
    """

    sites: int
    beta: float
    kappa: float

    def __post_init__(self) -> None:
        whole_at_least(2, sites=self.sites)
        not_negative(beta=self.beta)
        within(0, 1, kappa=self.kappa)
        common = round(self.sites * (1 + self.kappa) / 2)
        if common == self.sites:
            raise InvalidInput(
                f"kappa: {self.kappa:g} leaves no site of {self.sites} where the patterns differ; take less"
            )
        object.__setattr__(self, "kappa", (2 * common - self.sites) / self.sites)

    @property
    def directions(self) -> np.ndarray:
        """η¹ and η², (2, N) int8 of 0 and 1."""
        common = round(self.sites * (1 + self.kappa) / 2)
        first = np.arange(self.sites) < common
        return np.stack([first, ~first]).astype(np.int8)

    @property
    def patterns(self) -> np.ndarray:
        """ξ¹ and ξ², (2, N) int8 of ±1."""
        one, other = self.directions
        return np.stack([one + other, one - other])

    def machine(self, *, visible: str = "spin", hidden: str = "gaussian", copies: int = 1) -> RBM:
        """The machine with this visible distribution, float64; settings as of :meth:`CurieWeiss.machine`.

        Two Gaussian hidden units of precision N and weights √β ξᵃ.
        """
        return pattern_machine(self.patterns, self.beta, visible=visible, hidden=hidden, copies=copies)

    def data(self, samples: int, generator: torch.Generator) -> CorrelatedPatternsData:
        """Independent samples, by :func:`carving.data.correlated_patterns`, for these patterns."""
        drawn = correlated_patterns(
            sites=self.sites, samples=samples, beta=self.beta, kappa=self.kappa, generator=generator
        )
        # the generator's ξ¹ is random
        signs = drawn.patterns[0]
        return replace(
            drawn,
            samples=drawn.samples * signs,
            patterns=drawn.patterns * signs,
            directions=drawn.directions * signs,
        )

    def transition_temperatures(self, *, order: int = 1) -> tuple[float, float]:
        """T = 1/β at which states split: 1 + κ, onto the common direction, and 1 − κ, where m₁ ≠ m₂ begins.

        Order 1 (and many sites); at order 2 and 3 both are lower by 2/N, the self-coupling.

        Raises
        ------
        InvalidInput
            For any other order.
        """
        if order not in (1, 2, 3):
            raise InvalidInput(f"order {order!r} of the expansion is not known; choose 1, 2 or 3")
        shift = 0.0 if order == 1 else 2 / self.sites
        return 1 + self.kappa - shift, 1 - self.kappa - shift

    @property
    def block_magnetisations(self) -> tuple[float, float]:
        """r and p: magnetisations along η¹ and η² of their own sites, r = tanh β(1 + κ)r and 1 − κ for p."""
        return (
            solve_magnetisation(self.beta * (1 + self.kappa)),
            solve_magnetisation(self.beta * (1 - self.kappa)),
        )

    @property
    def magnetisations(self) -> tuple[float, float]:
        """(m⁺, m⁻), m_a = ξᵃ·s/N: the larger and the smaller, for many sites; m⁺ ± m⁻ = (1 ± κ) (r, p)."""
        r, p = self.block_magnetisations
        both, difference = (1 + self.kappa) * r, (1 - self.kappa) * p
        return (both + difference) / 2, (both - difference) / 2

    @property
    def growth_rates(self) -> tuple[float, float]:
        """r²(1 + κ)/2 and p²(1 − κ)/2: small weights that learn these data grow so along η¹ and η²."""
        r, p = self.block_magnetisations
        return r**2 * (1 + self.kappa) / 2, p**2 * (1 - self.kappa) / 2
