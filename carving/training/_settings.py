"""Everything that decides how a training goes, checked, and compared when it is resumed."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

from carving.errors import InvalidInput
from carving.training._machine import pace
from carving.training.estimators import read_method
from carving.training.optimisers import check_optimiser, is_scale_free
from carving.training.rates import rate_factor
from carving.training.saving import read_saving
from carving.units import Unit

# torch's generator on a CPU looks at no more of its seed
_LARGEST_SEED = 2**32 - 1
# suits {0, 1} units; other units: in proportion to the square of their paces
_LEARNING_RATE = 0.05
# of optimisers whose steps are as large as it says; other units: in proportion to their paces
_STEP_SIZE = 0.002
# parameters divided by it, and by one over it, stay far from the ends of single precision
_LARGEST_BETA = 1e6
_KINDS = {
    **dict.fromkeys(("hidden", "updates", "k", "chains", "batch_size", "seed"), int),
    **dict.fromkeys(("learning_rate", "weight_scale", "beta", "l1", "l2", "momentum"), float),
}
_LARGEST_SCALE = 100.0
# these may change on resuming a training that is to go on for longer
_EXTENSIBLE = ("updates", "save")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The hyperparameters of one training; see :func:`carving.train` for what they mean."""

    method: str
    hidden: int
    updates: int
    k: int
    chains: int
    batch_size: int
    # before the rate, which by default depends on it: the first setting that differs is what is told
    optimiser: str = "sgd"
    learning_rate: float
    weight_scale: float
    save: str
    seed: int
    device: str
    rate: str = "constant"
    momentum: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    beta: float = 1.0
    weights: str = "none"
    arithmetic: str = "plain"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        read_method(self.method)
        check_optimiser(self.optimiser)
        rate_factor(self.rate)
        for name in ("hidden", "updates", "k", "chains", "batch_size"):
            _check_count(name, getattr(self, name))
        if _is_number(self.weight_scale) and self.weight_scale > _LARGEST_SCALE:
            raise InvalidInput(f"weight_scale: {self.weight_scale!r} is too large to begin with; give 0.01")
        for name in ("learning_rate", "weight_scale", "beta"):
            _check_positive(name, getattr(self, name))
        if not 1 / _LARGEST_BETA <= self.beta <= _LARGEST_BETA:
            raise InvalidInput(
                f"beta: {self.beta!r} leaves parameters that single precision does not hold; give one from "
                f"{1 / _LARGEST_BETA:g} to {_LARGEST_BETA:g}"
            )
        for name in ("l1", "l2"):
            if not _is_number(getattr(self, name)) or not 0 <= getattr(self, name) < math.inf:
                raise InvalidInput(
                    f"{name}: {getattr(self, name)!r} is no number from 0 up; give one, such as 0.001"
                )
        if not _is_number(self.momentum) or not 0 <= self.momentum < 1:
            raise InvalidInput(
                f"momentum: {self.momentum!r} is no number from 0 to below 1; give one, such as 0.9"
            )
        if not _is_whole(self.seed) or not 0 <= self.seed <= _LARGEST_SEED:
            raise InvalidInput(
                f"seed: {self.seed!r} is not a seed; give a whole number from 0 to {_LARGEST_SEED}"
            )
        if read_saving(self.save, self.updates).needs_chains and not read_method(self.method)[0].chains_last:
            raise InvalidInput(
                f"save: {self.save} compares chains that last, which {self.method} has not; give "
                "exponential:N, or a method that has them, such as pcd"
            )
        # numbers of numpy's are as good as any, but are not kept in JSON
        for name, kind in _KINDS.items():
            object.__setattr__(self, name, kind(getattr(self, name)))

    def attributes(self) -> dict[str, Any]:
        """What the store keeps as its ``training`` attribute."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def check_resumes(self, stored: dict[str, Any], source: str) -> None:
        """Check that a training that began with ``stored`` settings can go on with these.

        It may be made longer: then ``save`` may be another one too, and says what is saved from there on.
        Not so if the rate depends on how long it is: a longer one would have been another from the start.

        Raises
        ------
        InvalidInput
            Naming the first setting that differs, or that was not kept.
        """
        longer = _is_whole(stored.get("updates")) and self.updates > stored["updates"]
        if longer and stored.get("rate") == self.rate == "cosine":
            raise InvalidInput(
                f"{source}: rate: cosine ends with the {stored['updates']} updates that the training began "
                "with, so it cannot be made longer; train into another folder"
            )
        for name, value in self.attributes().items():
            if name in _EXTENSIBLE and longer:
                continue
            if name not in stored:
                raise InvalidInput(
                    f"{source}: training: {name} was not kept, so it cannot be resumed; train elsewhere"
                )
            if stored[name] != value:
                raise InvalidInput(
                    f"{source}: {name}: the training began with {stored[name]!r}, not {value!r}; "
                    f"resume with {name}={stored[name]!r}, or train into another folder"
                )


def default_learning_rate(visible: Unit, hidden: Unit, optimiser: str = "sgd") -> float:
    """0.05 between {0, 1} units, 0.002 for optimisers whose steps have that size; and what corresponds to
    it between other units."""
    both = pace(visible) * pace(hidden)
    return _STEP_SIZE * both if is_scale_free(optimiser) else _LEARNING_RATE * both**2


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _check_count(name: str, value: object) -> None:
    if not _is_whole(value) or value < 1:  # type: ignore[operator]
        raise InvalidInput(f"{name}: {value!r} is not a positive whole number; give at least 1")


def _check_positive(name: str, value: object) -> None:
    if not _is_number(value) or not 0 < float(value) < math.inf:  # type: ignore[arg-type]
        raise InvalidInput(f"{name}: {value!r} is not a positive number; give one, for example 0.01")
