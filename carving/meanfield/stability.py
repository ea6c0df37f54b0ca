"""The second derivatives of Γ: Newton's correction, stability, and the Jacobian of the sweep.

Write the linearised equations (6) of a state that is off by δ = (δ_v, δ_h): with C the covariance
of each site, Q = −∂²(interaction)/∂m² within a layer, B the same between the layers, R the residual,

    (1 + C_v Q_v) δ_v = R_v + C_v B δ_h,      (1 + κ_h Q_h) δ_h = R_h + κ_h Bᵀ δ_v.

Eliminating δ_v leaves a system of N_h × N_h. The Hessian of Γ is positive definite exactly when
both layers are on their own and that system's symmetric form 1 − s Bᵀ(C_v⁻¹ + Q_v)⁻¹B s is,
s² = κ_h / (1 + κ_h Q_h). No inverse of a covariance is ever taken: saturated units cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigs
from torch import Tensor

from carving.meanfield.plefka import Plefka, State
from carving.rbm import RBM

_BYTES_AT_ONCE = 2**28


class Linearisation:
    """The linearised self-consistent equations at a few states.

    Costs 2 N_v N_h² + N_h³ flops and three arrays of N_v N_h numbers a row.
    """

    def __init__(self, plefka: Plefka, m_v: Tensor, m_h: Tensor) -> None:
        self._visible, hidden, powers = plefka.visible, plefka.hidden, plefka.powers
        conjugates = hidden.cumulants(m_h, plefka.order)
        slopes = hidden.slopes(m_h, plefka.order)
        self._m_v = m_v
        self._curvature = self._visible.curvature(m_v, powers, conjugates)
        cross = self._visible.cross_curvature(m_v, powers, slopes)
        answer = self._visible.covariance_times(m_v, cross)
        answer = self._visible.screen(m_v, self._curvature, answer)
        self._cross, self._answer = cross.flatten(1, -2), answer.flatten(1, -2)

        variance = hidden.cumulant(2, m_h)
        self._own = 1 - variance * hidden.field_slope(m_h, self._visible.influences(m_v, powers))
        self._gain = variance / self._own
        self._through = self._cross.transpose(1, 2) @ self._answer
        matrix = (
            torch.eye(m_h.shape[1], dtype=m_h.dtype, device=m_h.device)
            - self._gain[:, :, None] * self._through
        )
        self._inverse = _inverse(matrix)

    def correction(self, residual: State) -> State:
        """Newton's δ for a residual of these states (nearby ones give the chord method)."""
        visible, hidden = residual
        alone = self._visible.screen(self._m_v, self._curvature, visible[..., None])[..., 0]
        driven = torch.bmm(self._cross.transpose(1, 2), alone.flatten(1)[:, :, None])
        right = (hidden / self._own)[:, :, None] + self._gain[:, :, None] * driven
        delta_h = torch.bmm(self._inverse, right)
        delta_v = alone + torch.bmm(self._answer, delta_h)[..., 0].reshape(alone.shape)
        return delta_v, delta_h[..., 0]

    def stable(self) -> Tensor:
        """Whether the Hessian of Γ is positive definite. (n,) bool"""
        alone = self._visible.stable_alone(self._m_v, self._curvature) & (self._own > 0).all(1)
        root = self._gain.clamp(min=0).sqrt()
        eye = torch.eye(root.shape[1], dtype=root.dtype, device=root.device)
        symmetric = eye - root[:, :, None] * self._through * root[:, None, :]
        return alone & (_smallest_eigenvalue(symmetric) > 0)


def _inverse(matrices: Tensor) -> Tensor:
    """Inverses of a batch; on the CPU by numpy: torch 2.13's threaded LU errs or hangs from N_h = 200."""
    if matrices.device.type != "cpu":
        return torch.linalg.inv(matrices)
    try:
        return torch.from_numpy(np.linalg.inv(matrices.numpy()))
    except np.linalg.LinAlgError:
        # exactly at a transition there is no correction: NaN, which no test of a row survives
        if len(matrices) == 1:
            return torch.full_like(matrices, torch.nan)
        return torch.cat([_inverse(matrix) for matrix in matrices.split(1)])


def _smallest_eigenvalue(matrices: Tensor) -> Tensor:
    """Smallest eigenvalue of each symmetric matrix of a batch; numpy on the CPU as in :func:`_inverse`."""
    if matrices.device.type != "cpu":
        return torch.linalg.eigvalsh(matrices)[:, 0]
    return torch.from_numpy(np.linalg.eigvalsh(matrices.numpy())[:, 0])


def rows_at_once(plefka: Plefka) -> int:
    """How many rows a :class:`Linearisation` may take within a quarter of a GiB."""
    weights = plefka.powers[0]
    numbers = 4 * weights.numel() + 4 * weights.shape[-1] ** 2
    if weights.ndim == 3:
        numbers += 4 * weights.shape[0] * weights.shape[1] ** 2
    return max(1, _BYTES_AT_ONCE // (numbers * weights.element_size()))


@dataclass(frozen=True)
class Stability:
    """How a fixed point answers to small changes.

    Attributes
    ----------
    stable
        Whether it is a minimum of Γ.
    eigenvalues
        The leading eigenvalues of the sweep's Jacobian J, largest modulus first, complex.
    """

    stable: bool
    eigenvalues: np.ndarray

    @property
    def spectral_radius(self) -> float:
        """ρ: plain sweeps shrink a small error by this factor."""
        return float(np.abs(self.eigenvalues[0]))


def stability(rbm: RBM, visible: Tensor, hidden: Tensor, *, order: int = 2, count: int = 4) -> Stability:
    """Stability of one fixed point (mathematics §4).

    J is applied by automatic differentiation of the sweep and its leading eigenvalues are found by
    Arnoldi iteration; small machines are diagonalised whole.

    Parameters
    ----------
    rbm
        The machine.
    visible, hidden
        The point's magnetisations, (N_v,) or (N_v, q), and (N_h,).
    order
        Order of the expansion.
    count
        How many eigenvalues.
    """
    plefka = Plefka(rbm, order)
    m_v, m_h = visible[None].detach().double(), hidden[None].detach().double()
    size_v, size_h = m_v.numel(), m_h.numel()

    m_v, m_h = m_v.requires_grad_(), m_h.requires_grad_()
    swept = plefka.sweep(m_v, m_h)

    def transpose_times(x: np.ndarray) -> np.ndarray:
        # Jᵀ has the eigenvalues of J, and reverse mode gives it directly
        direction = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float64).reshape(-1)).to(m_v.device)
        weights = (direction[:size_v].reshape(m_v.shape), direction[size_v:].reshape(m_h.shape))
        out = torch.autograd.grad(swept, (m_v, m_h), weights, retain_graph=True, materialize_grads=True)
        return torch.cat([out[0].flatten(), out[1].flatten()]).cpu().numpy()

    total = size_v + size_h
    if total <= max(64, count + 2):
        matrix = np.stack([transpose_times(row) for row in np.eye(total)], axis=1)
        values = np.linalg.eigvals(matrix)
    else:
        start = np.ones(total)
        operator = LinearOperator((total, total), matvec=transpose_times, dtype=np.float64)  # pyright: ignore[reportCallIssue]
        values = np.asarray(eigs(operator, k=count, v0=start, return_eigenvectors=False))
    values = values[np.argsort(-np.abs(values), kind="stable")][:count]
    stable = bool(Linearisation(plefka, m_v.detach(), m_h.detach()).stable()[0])
    return Stability(stable=stable, eigenvalues=values.astype(complex))
