"""The Hopfield model: P random patterns (mathematics §7)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from carving.data.generators import HopfieldData, hopfield
from carving.data.generators._magnetisation import random_signs, solve_magnetisation
from carving.data.generators._recall import recall_state
from carving.data.generators._settings import not_negative, whole_at_least
from carving.errors import InvalidInput
from carving.physics.models import _hopfield_phases as phases
from carving.physics.models._pattern_machine import pattern_machine
from carving.rbm import RBM


@dataclass(frozen=True, kw_only=True)
class Hopfield:
    """p(s) ∝ exp((β/2N) Σ_μ (ξ^μ·s)²) with P random patterns, its machines, and what is known of them.

    Results at finite load α = P/N are replica-symmetric (Amit, Gutfreund & Sompolinsky 1985, 1987), for
    many sites.

    Parameters
    ----------
    sites
        N, at least 2.
    patterns
        P, at least 1.
    beta
        β ≥ 0.

    Raises
    ------
    InvalidInput
        For settings out of range.
    """

    sites: int
    patterns: int
    beta: float

    def __post_init__(self) -> None:
        whole_at_least(2, sites=self.sites)
        whole_at_least(1, patterns=self.patterns)
        not_negative(beta=self.beta)

    @property
    def load(self) -> float:
        """α = P/N."""
        return self.patterns / self.sites

    def draw_patterns(self, generator: torch.Generator) -> np.ndarray:
        """Random patterns ξ^μ, (P, N) int8 of ±1."""
        return random_signs((self.patterns, self.sites), generator).cpu().numpy()

    def data(self, samples: int, generator: torch.Generator, *, burn_in: int = 200) -> HopfieldData:
        """Samples by :func:`carving.data.hopfield`, for random patterns that are among what it returns."""
        return hopfield(
            sites=self.sites,
            patterns=self.patterns,
            samples=samples,
            beta=self.beta,
            burn_in=burn_in,
            generator=generator,
        )

    def machine(
        self, patterns: np.ndarray, *, visible: str = "spin", hidden: str = "gaussian", copies: int = 1
    ) -> RBM:
        """The machine of given patterns, float64.

        Parameters
        ----------
        patterns
            ξ^μ, (P, N) of ±1: of :meth:`draw_patterns` or of data.
        visible
            ``"spin"`` or ``"bernoulli"``: the same distribution, written as ±1 or {0, 1}.
        hidden
            ``"gaussian"``: P hidden units of precision N and weights √β ξ^μ, whose visible distribution is
            the model. ``"spin"`` or ``"bernoulli"``: discrete ones, which add the terms of
            :meth:`quartic_coefficient`.
        copies
            How many discrete hidden units a pattern.

        Raises
        ------
        InvalidInput
            If the patterns are not P × N of ±1, or for other units.
        """
        signs = np.asarray(patterns)
        if signs.shape != (self.patterns, self.sites) or not np.isin(signs, (-1, 1)).all():
            raise InvalidInput(
                f"patterns: have shape {signs.shape}; give ±1 of shape ({self.patterns}, {self.sites})"
            )
        return pattern_machine(signs, self.beta, visible=visible, hidden=hidden, copies=copies)

    def quartic_coefficient(self, *, copies: int = 1) -> float:
        """What discrete hidden units add to F(v): this times Σ_μ (ξ^μ·s)⁴, to the next order in W.

        Each pattern has c units of field x = √(β/(N c)) ξ·s, and −log cosh x = −x²/2 + x⁴/12 − …: so
        β²/(12 N² c). As long as the pattern is not condensed, ξ·s ~ √N, it vanishes for c ≫ 1; once it is,
        ξ·s ~ N, it is of the size of the quadratic term unless c ≫ N.
        """
        whole_at_least(1, copies=copies)
        return self.beta**2 / (12 * self.sites**2 * copies)

    # ---- order parameters

    @property
    def magnetisation(self) -> float:
        """m of one condensed pattern of finitely many, N → ∞: m = tanh βm."""
        return solve_magnetisation(self.beta)

    @property
    def edwards_anderson(self) -> float:
        """q of that state: m²."""
        return self.magnetisation**2

    def recall_state(self) -> tuple[float, float]:
        """m and q of the recall state at the load α; m = 0 where recall is not even metastable."""
        return recall_state(self.beta, self.load)

    # ---- phase boundaries at the load α

    @property
    def glass_temperature(self) -> float:
        """T_g = 1 + √α: below it the spin glass is frozen, q > 0; above all is paramagnetic."""
        return 1 + math.sqrt(self.load)

    @property
    def recall_temperature(self) -> float:
        """T_M: below it recall is metastable; 1 − 1.95 √α for small loads, 0 from α = 0.138 on."""
        return phases.recall_temperature(self.load)

    @property
    def crossing_temperature(self) -> float:
        """T_c: below it recall is the equilibrium; 1 − 2.6 √α for small loads, 0 from α = 0.051 on."""
        return phases.crossing_temperature(self.load)
