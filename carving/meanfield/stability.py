"""The second derivatives of Γ: Newton's correction, stability, and the Jacobian of the sweep.

Write the linearised equations (6) of a state that is off by δ = (δ_v, δ_h): with C the covariance
of each site, Q = −∂²(interaction)/∂m² within a layer, B the same between the layers, R the residual,

    (1 + C_v Q_v) δ_v = R_v + C_v B δ_h,      (1 + κ_h Q_h) δ_h = R_h + κ_h Bᵀ δ_v.

Eliminating δ_v leaves a system of N_h × N_h. The Hessian of Γ is positive definite exactly when
both layers are on their own and that system's symmetric form 1 − s Bᵀ(C_v⁻¹ + Q_v)⁻¹B s is,
s² = κ_h / (1 + κ_h Q_h). No inverse of a covariance is ever taken: saturated units cost nothing.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigs
from torch import Tensor

from carving._product import inner_products
from carving.meanfield.plefka import Plefka, State
from carving.rbm import RBM

_BYTES_AT_ONCE = 2**24
# mixed second derivatives are made and used while they lie in the cache
_BYTES_IN_CACHE = 2**20
# slow modes are found by inverse iteration of a few vectors, so many times
_VECTORS, _INVERSE_ITERATIONS = 3, 5


class Linearisation:
    """The linearised self-consistent equations at a few states.

    Costs 2 N_v N_h² + N_h³/3 flops and three arrays of N_h² numbers a row.

    Attributes
    ----------
    stable
        Whether the Hessian of Γ is positive definite, (n,) bool.

    Notes
    -----
    The gap of plain sweeps is the smaller of the smallest eigenvalue of the symmetric form above and
    1 − ‖s‖, where s are the eigenvalues of C_v Q_v and κ_h Q_h: how a layer acts on itself. For an
    eigenvalue λ of J off the positive axis would have to satisfy, with some x and z,

        Σ_i |x_i|² λ/(λ + s_i) = Σ_μ |z_μ|² (λ + s_μ),

    and for |λ| > ‖s‖ and arg λ = φ the arguments of all terms on the left are below φ/2, of those on
    the right above it. So a minimum of Γ at which ‖s‖ < 1 attracts plain sweeps. Where ‖s‖ ≥ 1, they
    may cycle around it. Layer-exact sweeps at orders 1 and 2 descend in Γ: there the smallest
    eigenvalue alone is the gap.
    """

    def __init__(self, plefka: Plefka, m_v: Tensor, m_h: Tensor) -> None:
        self._plefka, self._visible, self._hidden = plefka, plefka.visible, plefka.hidden
        hidden, powers = self._hidden, plefka.powers
        self._m_v, self._m_h = m_v, m_h
        self._curvature = self._visible.curvature(m_v, powers, hidden.cumulants(m_h, plefka.order))
        self._slopes = hidden.slopes(m_h, plefka.order)
        self._variance = hidden.cumulant(2, m_h)
        self._own = 1 - self._variance * hidden.field_slope(m_h, self._visible.influences(m_v, powers))
        self._gain = self._variance / self._own
        self._through = self._comes_back()
        self._root = self._gain.clamp(min=0).sqrt()
        symmetric = (self._root[:, :, None] * self._through).mul_(-self._root[:, None, :])
        symmetric.diagonal(dim1=1, dim2=2).add_(1)
        # the upper factor: for the lower one MKL's threads wait for each other, up to three times as long
        self._factor, failed = torch.linalg.cholesky_ex(symmetric, upper=True)
        own_v = self._visible.self_action(m_v, self._curvature)
        self._alone = (own_v.amin(1) > -1) & (self._own > 0).all(1)
        self.stable = self._alone & (failed == 0)
        self._itself = torch.maximum(own_v.abs().amax(1), (1 - self._own).abs().amax(1))

    def _comes_back(self) -> Tensor:
        """Bᵀ (C_v⁻¹ + Q_v)⁻¹ B: what comes back of a change of the hidden layer. (n, N_h, N_h)"""
        visible, m_v, powers, parts = self._visible, self._m_v, self._plefka.powers_by_hidden, []
        size = max(1, _BYTES_IN_CACHE // (2 * powers[0].numel() * powers[0].element_size()))
        for begin in range(0, max(1, len(m_v)), size):
            some = slice(begin, begin + size)
            cross = visible.cross_curvature(m_v[some], powers, [slope[some] for slope in self._slopes])
            answer = visible.answer(m_v[some], self._curvature[some], cross)
            parts.append(inner_products(cross.flatten(1, -2), answer.flatten(1, -2)))
        return torch.cat(parts)

    def _to_visible(self, hidden: Tensor) -> Tensor:
        """B times a change of the hidden layer: the change of the visible field. Like m_v"""
        changes = [slope * hidden for slope in self._slopes]
        return self._visible.reaction(self._m_v, self._plefka.powers, changes)

    def _answered(self, hidden: Tensor) -> Tensor:
        """How the visible layer answers to a change of the hidden one. Like m_v"""
        return self._visible.answer(self._m_v, self._curvature, self._to_visible(hidden)[..., None])[..., 0]

    def _to_hidden(self, visible: Tensor) -> Tensor:
        """Bᵀ times a change of the visible layer. (n, N_h)"""
        changes = self._visible.influence_changes(self._m_v, self._plefka.powers, visible)
        return self._hidden.field(self._m_h, changes)

    @property
    def smallest(self) -> Tensor:
        """Smallest eigenvalue of the symmetric form at a minimum, zero elsewhere, (n,)."""
        return self._attraction[0][:, 0]

    @property
    def gap(self) -> Tensor:
        """By how much sweeps contract: no eigenvalue of the sweep's Jacobian J exceeds 1 − gap in modulus,
        to first order in the gap, (n, 3, 2): for plain, layer-exact and damped sweeps, and without the
        slowest mode. Zero where that is not known."""
        exact = self._attraction[0]
        plain = torch.minimum(exact, 1 - self._itself[:, None]).clamp(min=0)
        unknown = torch.zeros_like(plain)
        return torch.stack([plain, exact if self._plefka.order < 3 else unknown, unknown], 1)

    @property
    def slowest(self) -> Tensor:
        """What gives the amount of the slowest mode in a difference of states when multiplied with its
        hidden layer, (n, N_h); a difference that is nothing but this mode has that Euclidean length."""
        return self._attraction[1]

    @property
    def slowest_after(self) -> State:
        """The same for the amount that is there a sweep later, when both layers of the difference have told:
        like m_v, and (n, N_h)."""
        return self._to_visible(self._variance * self.slowest), (1 - self._own) * self.slowest

    @cached_property
    def _attraction(self) -> tuple[Tensor, Tensor]:
        """The two smallest eigenvalues at a minimum, zero elsewhere, (n, 2), and :attr:`slowest`."""
        values, slowest = self._slow_modes()
        return torch.where(self.stable[:, None], values, 0), self._amount_of(slowest, self._plefka)

    def _slow_modes(self) -> tuple[Tensor, Tensor]:
        """The two smallest eigenvalues of the symmetric form (twice the only one of a single hidden unit),
        (n, 2), and the eigenvector of the first, (n, N_h). NaN where the form has no Cholesky factor."""
        n, size = self._gain.shape
        numbers = torch.arange(size, dtype=self._gain.dtype, device=self._gain.device)
        start = torch.cos(numbers[:, None] ** 2 + numbers[:_VECTORS]).expand(n, -1, -1)
        basis = torch.linalg.qr(start).Q
        for _ in range(_INVERSE_ITERATIONS - 1):
            basis = torch.linalg.qr(_solved(self._factor, basis)).Q
        inverse = basis.mT @ _solved(self._factor, basis)
        values, vectors = torch.linalg.eigh(inverse.nan_to_num())
        largest = values.flip(1)[:, [0, min(1, size - 1)]]
        return 1 / largest, (basis @ vectors[:, :, -1:])[..., 0]

    def _amount_of(self, mode: Tensor, plefka: Plefka) -> Tensor:
        """:attr:`slowest` from the eigenvector of the symmetric form."""
        hidden = self._root * mode
        visible = self._answered(hidden)
        amount = torch.where(self._root > 0, mode / self._root, 0)
        return amount * plefka.length(visible, hidden)[:, None]

    def lowest_mode(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The direction in which Γ curves least, where it may also fall.

        Returns
        -------
        value
            Smallest eigenvalue of the symmetric form, of either sign, (n,): zero exactly where J has an
            eigenvalue +1. NaN where a layer on its own has no minimum.
        index
            How many of its eigenvalues are negative, (n,) int64: the directions in which Γ falls.
        visible, hidden
            The change of state along it, of unit Euclidean length over both layers.

        Notes
        -----
        9 N_h³ flops a row.
        """
        size = self._gain.shape[1]
        form = torch.eye(size, dtype=self._gain.dtype, device=self._gain.device) - (
            self._root[:, :, None] * self._through * self._root[:, None, :]
        )
        values, vectors = torch.linalg.eigh((form + form.mT).nan_to_num() / 2)
        alone = self._alone & form.isfinite().all(2).all(1)
        hidden = self._root * vectors[:, :, 0]
        visible = self._answered(hidden).flatten(1)
        length = torch.hypot(
            torch.linalg.vector_norm(visible, dim=1), torch.linalg.vector_norm(hidden, dim=1)
        )
        scale = 1 / length.clamp(min=torch.finfo(length.dtype).tiny)[:, None]
        value = torch.where(alone, values[:, 0], torch.nan)
        return value, (values < 0).sum(1), (visible * scale).reshape(self._m_v.shape), hidden * scale

    @cached_property
    def _inverse(self) -> Tensor:
        """For states that are no minima, where the symmetric form has no Cholesky factor."""
        eye = torch.eye(self._gain.shape[1], dtype=self._gain.dtype, device=self._gain.device)
        return _inverse(eye - self._gain[:, :, None] * self._through)

    def __getitem__(self, rows: Tensor) -> Linearisation:
        """That of some of the states."""
        part = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(part, name, value[rows])
            elif isinstance(value, tuple):
                setattr(part, name, tuple(each[rows] for each in value))
        return part

    def correction(self, residual: State) -> State:
        """Newton's δ for a residual of these states (nearby ones give the chord method)."""
        visible, hidden = (x.to(self._gain.dtype) for x in residual)
        alone = self._visible.screen(self._m_v, self._curvature, visible[..., None])[..., 0]
        driven = self._to_hidden(alone)
        own = hidden / self._own
        if bool(self.stable.all()):
            passed = self._root * (driven + _times(own, self._through))
            delta_h = own + self._root * _solved(self._factor, passed[..., None])[..., 0]
        else:
            delta_h = _times(own + self._gain * driven, self._inverse.mT)
        delta_v = alone + self._answered(delta_h)
        return delta_v.to(residual[0].dtype), delta_h.to(residual[1].dtype)


def _solved(factor: Tensor, x: Tensor) -> Tensor:
    """(UᵀU)⁻¹ x: torch.cholesky_solve copies every factor first, which takes longer than to solve."""
    halfway = torch.linalg.solve_triangular(factor.mT, x, upper=False)
    return torch.linalg.solve_triangular(factor, halfway, upper=True)


def _times(vectors: Tensor, matrices: Tensor) -> Tensor:
    """A vector times a matrix for each row: from the right, batches of products are many times slower."""
    return torch.bmm(vectors[:, None], matrices)[:, 0]


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


def rows_at_once(plefka: Plefka) -> int:
    """How many rows a :class:`Linearisation` may take within some megabytes."""
    weights = plefka.powers[0]
    numbers = 4 * weights.shape[-1] ** 2 + 8 * weights[..., 0].numel()
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
    stable = bool(Linearisation(plefka, m_v.detach(), m_h.detach()).stable[0])
    return Stability(stable=stable, eigenvalues=values.astype(complex))
