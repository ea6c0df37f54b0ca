"""The Curie–Weiss model: one pattern, one Gaussian hidden unit (mathematics §7)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from carving.data.generators import CurieWeissData, curie_weiss
from carving.data.generators._magnetisation import log_weights, pair_correlation, solve_magnetisation
from carving.data.generators._settings import not_negative, sign_pattern, whole_at_least
from carving.physics.models._magnetisation_chain import (
    MagnetisationChain,
    magnetisation_chain,
    transition_matrix,
)
from carving.physics.models._pattern_machine import encoding_scale, pattern_machine
from carving.rbm import RBM


@dataclass(frozen=True, eq=False, kw_only=True)
class CurieWeiss:
    """p(s) ∝ exp((β/N) Σ_{i<j} ξ_i ξ_j s_i s_j), its machine, and what is known of both.

    The machine's coupling x = Σ_i w_i²/N, and K of the field's formulas, are β. u = ξ/√N is the direction of
    the pattern, s_u = u·s, and M = ξ·s. Sites count as ±1 except where ``visible`` says otherwise.

    Parameters
    ----------
    sites
        N, at least 2.
    beta
        β ≥ 0; the transition is at 1.
    pattern
        ξ, ±1 on every site; all +1 by default.

    Raises
    ------
    InvalidInput
        For settings out of range.
    """

    sites: int
    beta: float
    pattern: np.ndarray | None = None

    def __post_init__(self) -> None:
        whole_at_least(2, sites=self.sites)
        not_negative(beta=self.beta)
        if self.pattern is not None:
            object.__setattr__(self, "pattern", sign_pattern(self.pattern, self.sites))

    def __repr__(self) -> str:
        return f"CurieWeiss(sites={self.sites}, beta={self.beta:g})"

    @property
    def signs(self) -> np.ndarray:
        """ξ, (N,) int8 of ±1."""
        return np.ones(self.sites, dtype=np.int8) if self.pattern is None else self.pattern

    def machine(self, *, visible: str = "spin", hidden: str = "gaussian", copies: int = 1) -> RBM:
        """The machine with this visible distribution, float64.

        Parameters
        ----------
        visible
            ``"spin"`` or ``"bernoulli"``: the same distribution, written as ±1 or {0, 1}.
        hidden
            ``"gaussian"``: one hidden unit of precision N and weights √β ξ. ``"spin"`` or ``"bernoulli"``:
            ``copies`` discrete units; their distribution differs by the term of
            :meth:`Hopfield.quartic_coefficient`, and the transition at order 1 does not.
        copies
            How many discrete hidden units.
        """
        return pattern_machine(self.signs[None], self.beta, visible=visible, hidden=hidden, copies=copies)

    def data(self, samples: int, generator: torch.Generator) -> CurieWeissData:
        """Independent samples, by :func:`carving.data.curie_weiss`."""
        return curie_weiss(
            sites=self.sites, samples=samples, beta=self.beta, pattern=self.signs, generator=generator
        )

    # ---- many sites

    @property
    def magnetisation(self) -> float:
        """m ≥ 0 with m = tanh βm."""
        return solve_magnetisation(self.beta)

    @property
    def growth_rate(self) -> float:
        """m²: small weights of a machine that learns these data grow as e^{m² t} along ξ."""
        return self.magnetisation**2

    def susceptibility(self, visible: str = "spin") -> float:
        """Variance of s_u within a state, (1 − m²)/(1 − β(1 − m²)); 1/(1 − x) before the transition.

        Infinite at the transition. For ``"bernoulli"`` that of u·v: a quarter.
        """
        variance = 1 - self.magnetisation**2
        rest = 1 - self.beta * variance
        return variance / rest / encoding_scale(visible) ** 2 if rest > 0 else math.inf

    def spinodal_field(self, visible: str = "spin") -> float:
        """κ_s = √N [K m_s − atanh m_s], m_s = √(1 − 1/K): the field along u that a state just withstands.

        At order 1, with κ u added to the visible bias against the state; 0 up to K = 1. For ``"bernoulli"``
        the bias is that of {0, 1} units: twice.
        """
        if self.beta <= 1:
            return 0.0
        m = math.sqrt(1 - 1 / self.beta)
        return encoding_scale(visible) * math.sqrt(self.sites) * (self.beta * m - math.atanh(m))

    # ---- this number of sites, exactly

    def distribution(self) -> tuple[np.ndarray, np.ndarray]:
        """M = −N, −N + 2, …, N and its probabilities, both float64 (N + 1,)."""
        total, weights = log_weights(self.sites, self.beta / self.sites)
        return total.numpy(), torch.softmax(weights, 0).numpy()

    def _moment(self, power: int) -> float:
        total, p = self.distribution()
        return float(p @ (np.abs(total) / math.sqrt(self.sites)) ** power)

    @property
    def second_moment(self) -> float:
        """⟨s_u²⟩."""
        return self._moment(2)

    @property
    def absolute_moment(self) -> float:
        """⟨|s_u|⟩."""
        return self._moment(1)

    @property
    def absolute_susceptibility(self) -> float:
        """⟨s_u²⟩ − ⟨|s_u|⟩² (mathematics §6)."""
        return self.second_moment - self.absolute_moment**2

    @property
    def binder_cumulant(self) -> float:
        """U₄ = 1 − ⟨M⁴⟩/3⟨M²⟩²: 0 far before the transition and ⅔ far after it."""
        return 1 - self._moment(4) / (3 * self.second_moment**2)

    @property
    def exact_growth_rate(self) -> float:
        """(⟨s_u²⟩ − 1)/N: the growth rate of (9) at this number of sites; m² for many."""
        return (self.sites - 1) / self.sites * pair_correlation(self.sites, self.beta / self.sites)

    def chain(self) -> MagnetisationChain:
        """Block Gibbs sampling with the Gaussian hidden unit, as an exact chain of M: gap and τ.

        Within seconds up to N = 30,000.
        """
        return magnetisation_chain(self.sites, self.beta)

    def transition_matrix(self) -> np.ndarray:
        """P(M → M′) of one block Gibbs step, float64 (N + 1, N + 1), in the order of :meth:`distribution`."""
        return transition_matrix(self.sites, self.beta)
