"""The low-rank machine: a few modes of given strength in a bulk of noise (mathematics §7)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from carving.data.generators._settings import not_negative, whole_at_least
from carving.errors import InvalidInput
from carving.physics.models._pattern_machine import encoded, encoding_scale
from carving.rbm import RBM


@dataclass(frozen=True, kw_only=True)
class LowRank:
    """Machines w = Σ_α w_α u^α ū^αᵀ + r with r_ia ~ N(0, σ²/N_v), and the theory of their singular values.

    A = σ² and B = σ² N_h/N_v. Closed forms are for large machines of few modes (Benaych-Georges &
    Nadakuditi, J. Multivariate Anal. 111, 120, 2012), and for ±1 units unless others are asked for.

    Parameters
    ----------
    visible_size, hidden_size
        N_v and N_h.
    strengths
        w_α ≥ 0, at most as many as the smaller layer has units.
    noise
        σ ≥ 0.

    Raises
    ------
    InvalidInput
        For settings out of range.
    """

    visible_size: int
    hidden_size: int
    strengths: tuple[float, ...]
    noise: float

    def __post_init__(self) -> None:
        whole_at_least(1, visible_size=self.visible_size, hidden_size=self.hidden_size)
        not_negative(noise=self.noise)
        for strength in self.strengths:
            not_negative(strengths=strength)
        if len(self.strengths) > min(self.visible_size, self.hidden_size):
            raise InvalidInput(
                f"strengths: {len(self.strengths)} do not fit {self.visible_size} × {self.hidden_size}; "
                "take fewer"
            )
        object.__setattr__(self, "strengths", tuple(float(strength) for strength in self.strengths))

    def machine(self, generator: torch.Generator, *, visible: str = "spin", hidden: str = "spin") -> RBM:
        """A draw: u and ū random and orthonormal, without fields, float64.

        Draws of one seed differ by strengths and noise alone where sizes and number of modes agree.

        Parameters
        ----------
        generator
            Source of all randomness.
        visible
            ``"spin"`` or ``"bernoulli"``.
        hidden
            ``"spin"``, ``"bernoulli"`` or ``"gaussian"`` (precision 1).
        """
        shape = self.visible_size, self.hidden_size

        def normal(*size: int) -> Tensor:
            return torch.randn(*size, generator=generator, dtype=torch.float64, device=generator.device)

        noise = self.noise / math.sqrt(self.visible_size) * normal(*shape)
        left, right = (torch.linalg.qr(normal(size, len(self.strengths))).Q for size in shape)
        strengths = torch.tensor(self.strengths, dtype=torch.float64, device=generator.device)
        weights = (left * strengths) @ right.T + noise
        return encoded(
            weights, "gaussian" if hidden == "gaussian" else "spin", visible=visible, hidden=hidden
        )

    @property
    def _spread(self) -> tuple[float, float]:
        """A and B."""
        return self.noise**2, self.noise**2 * self.hidden_size / self.visible_size

    def bulk_edge(self, *, visible: str = "spin", hidden: str = "spin") -> float:
        """√A + √B: the largest singular value of the noise alone."""
        a, b = self._spread
        return _scale(visible, hidden) * (math.sqrt(a) + math.sqrt(b))

    @property
    def least_strength(self) -> float:
        """(AB)^{1/4}: only stronger modes have a singular value outside the bulk."""
        a, b = self._spread
        return (a * b) ** 0.25

    def outliers(self, *, visible: str = "spin", hidden: str = "spin") -> np.ndarray:
        """√((w² + A)(w² + B))/w of each mode, in the order of ``strengths``; the bulk edge where it has none.

        float64 (modes,).
        """
        a, b = self._spread
        least = max(self.least_strength, np.finfo(float).tiny)
        # at the least strength the formula is the bulk edge
        squared = np.maximum(np.array(self.strengths, dtype=np.float64), least) ** 2
        values = np.sqrt((squared + a) * (squared + b) / squared) if a > 0 else np.array(self.strengths)
        return _scale(visible, hidden) * values

    @property
    def largest_singular_value(self) -> float:
        """Of the machine between ±1 units: the largest outlier, or the bulk edge."""
        return max([self.bulk_edge(), *self.outliers().tolist()])

    @property
    def critical_strength(self) -> float:
        """The strength from which on the paramagnetic point is unstable at order 1: the outlier is 1.

        w² is the larger root of (w² + A)(w² + B) = w². 0 where the bulk edge is at 1 or beyond, so that the
        noise alone suffices. A Gaussian hidden layer of precision 1 has the same.
        """
        a, b = self._spread
        if self.bulk_edge() >= 1:
            return 0.0
        half = (1 - a - b) / 2
        return math.sqrt(half + math.sqrt(half**2 - a * b))


def _scale(visible: str, hidden: str) -> float:
    return encoding_scale(visible) * (1.0 if hidden == "gaussian" else encoding_scale(hidden))
