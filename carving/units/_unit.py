"""What every unit type answers: an exponential family, and a layer of it in Plefka's expansion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from torch import Tensor

from carving.errors import InvalidInput
from carving.units._sweeps import Sweeps

if TYPE_CHECKING:
    from carving.units._scalar import ScalarUnit

# r! for r = 1, 2, 3
FACTORIAL = (1.0, 2.0, 6.0)
NEWTON_STEPS = 200
# as many results of a sweep in buffers stay valid while further ones are made
RESULTS_KEPT = 4


class Unit(ABC):
    """An exponential family of units, equal for all sites of a layer.

    Attributes
    ----------
    name
        What stores and the command line call it.
    distance_scale
        Differences of magnetisations count this much in distances and errors (mathematics §5), so
        that a {0, 1} machine and its ±1 twin agree.
    in_visible, in_hidden
        Whether a layer of that kind may be made of it.
    site_shape
        Shape of one site's statistic: ``()`` for one number, ``(q,)`` for Potts.
    """

    name: ClassVar[str]
    distance_scale: ClassVar[float] = 1.0
    in_visible: ClassVar[bool] = True
    in_hidden: ClassVar[bool] = True
    registry: ClassVar[dict[str, type[Unit]]] = {}

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if "name" in cls.__dict__:
            Unit.registry[cls.name] = cls

    @property
    def site_shape(self) -> tuple[int, ...]:
        return ()

    @classmethod
    def from_options(cls, *, states: int | None, precision: float | None) -> Self:
        """The unit that a name and the options of a store or a command line mean."""
        return cls()

    # ---- the exponential family (mathematics §1)

    @abstractmethod
    def log_partition(self, field: Tensor) -> Tensor:
        """A(θ), one value a site."""

    @abstractmethod
    def mean(self, field: Tensor) -> Tensor:
        """The link m(θ) = ∂A/∂θ."""

    def mean_(self, field: Tensor) -> Tensor:
        """The link, written over ``field``."""
        return field.copy_(self.mean(field))

    @abstractmethod
    def natural(self, m: Tensor) -> Tensor:
        """The inverse link θ(m); infinite where m is at the edge of its range."""

    @abstractmethod
    def entropy(self, m: Tensor) -> Tensor:
        """S(m) = A(θ) − θ·m at θ = natural(m), one value a site, in nats."""

    @abstractmethod
    def sample(self, field: Tensor, generator: torch.Generator) -> Tensor:
        """Independent draws at the given fields, in the dtype of ``field``."""

    def draw(self, field: Tensor, room: Tensor, generator: torch.Generator) -> Tensor:
        """The draws of :meth:`sample`, written over ``field``; ``room``, a tensor like it, is used up."""
        return field.copy_(self.sample(field, generator))

    @abstractmethod
    def encode(
        self, samples: object, dtype: torch.dtype, *, source: str = "samples", first_row: int = 0
    ) -> Tensor:
        """Raw samples as statistics in ``dtype``: what v is in the energy (1).

        Raises
        ------
        InvalidInput
            Naming ``source``, row and column of the first value that this unit cannot take; rows are
            counted from ``first_row``.
        """

    @abstractmethod
    def configurations(self, sites: int, dtype: torch.dtype) -> Tensor:
        """All configurations of a layer of ``sites`` units, one a row. Discrete units only."""

    # ---- a layer in Plefka's expansion (mathematics §3)

    @abstractmethod
    def influences(self, m: Tensor, powers: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Σ_i κ_r(w_iμ·σ_i), r = 1, 2, …: what this layer does to each unit of the other. (n, N)"""

    @abstractmethod
    def reaction(self, m: Tensor, powers: Sequence[Tensor], conjugates: Sequence[Tensor]) -> Tensor:
        """∂/∂m of Σ_r (1/r!) Σ_iμ κ_r(w_iμ·σ_i) conjugate_r,μ: the field on this layer. Like m"""

    @abstractmethod
    def influence_changes(self, m: Tensor, powers: Sequence[Tensor], change: Tensor) -> tuple[Tensor, ...]:
        """Derivative of :meth:`influences` by m, times a ``change`` of it. Each (n, N)"""

    @abstractmethod
    def cross_curvature(self, m: Tensor, powers: Sequence[Tensor], slopes: Sequence[Tensor]) -> Tensor:
        """Derivative of :meth:`reaction` by the other layer's m, if κ_r′ there are ``slopes``.

        Its shape is ``(*m.shape, N)``.
        """

    @abstractmethod
    def curvature(self, m: Tensor, powers: Sequence[Tensor], conjugates: Sequence[Tensor]) -> Tensor:
        """−∂/∂m of :meth:`reaction`, site by site: like m, or (n, N, q, q) for Potts."""

    @abstractmethod
    def answer(self, m: Tensor, curvature: Tensor, x: Tensor) -> Tensor:
        """(1 + C·Q)⁻¹ C x, C the covariance of each site and Q the :meth:`curvature`: the layer's answer to
        a field x, ``(*m.shape, k)``."""

    @abstractmethod
    def screen(self, m: Tensor, curvature: Tensor, x: Tensor) -> Tensor:
        """(1 + C·Q)⁻¹ x: the layer's answer to itself alone."""

    @abstractmethod
    def self_action(self, m: Tensor, curvature: Tensor) -> Tensor:
        """Eigenvalues of √C·Q·√C, site by site: the layer alone is stable where all are above −1. (n, ·)"""

    @abstractmethod
    def settle(
        self, m: Tensor, bias: Tensor, powers: Sequence[Tensor], conjugates: Sequence[Tensor]
    ) -> Tensor:
        """m = mean(bias + reaction(m)) solved for this layer alone, from ``m`` (mathematics §4)."""

    def sweep_in_buffers(
        self,
        bias: Tensor,
        powers: Sequence[Tensor],
        hidden: ScalarUnit,
        hidden_bias: Tensor,
        rows: int,
    ) -> Sweeps | None:
        """Plain sweeps (6), (8) of at most ``rows`` rows with this layer visible, without new memory.

        Each result of ``sweep`` is good until the third one after it, those of ``last_three`` until the
        second call after. None where the type has no such sweep: then :meth:`influences` and
        :meth:`reaction` make it.
        """
        return None


def resolve_unit(unit: str | Unit, *, states: int | None = None, precision: float | None = None) -> Unit:
    """A unit from its name, or the unit itself.

    Parameters
    ----------
    unit
        ``"bernoulli"``, ``"spin"``, ``"gaussian"``, ``"potts"``, or a unit.
    states
        Number of states, for ``"potts"``.
    precision
        For ``"gaussian"``; 1 if not given.

    Raises
    ------
    InvalidInput
        For an unknown name, or ``"potts"`` without ``states``.
    """
    if isinstance(unit, Unit):
        return unit
    kind = Unit.registry.get(unit) if isinstance(unit, str) else None
    if kind is None:
        raise InvalidInput(f"unit {unit!r} is not known; choose one of {', '.join(sorted(Unit.registry))}")
    return kind.from_options(states=states, precision=precision)
