"""Everything that decides how a training goes, checked, and compared when it is resumed."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

from carving.errors import InvalidInput
from carving.training._machine import pace
from carving.training.estimators import find_estimator
from carving.training.schedule import save_ages
from carving.units import Unit

# torch's generator on a CPU looks at no more of its seed
_LARGEST_SEED = 2**32 - 1
# suits {0, 1} units; other units: in proportion to the square of their paces
_LEARNING_RATE = 0.05
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
    learning_rate: float
    weight_scale: float
    save: str
    seed: int
    device: str
    dtype: str = "float32"

    def __post_init__(self) -> None:
        find_estimator(self.method)
        for name in ("hidden", "updates", "k", "chains", "batch_size"):
            _check_count(name, getattr(self, name))
        for name in ("learning_rate", "weight_scale"):
            _check_positive(name, getattr(self, name))
        if not _is_whole(self.seed) or not 0 <= self.seed <= _LARGEST_SEED:
            raise InvalidInput(
                f"seed: {self.seed!r} is not a seed; give a whole number from 0 to {_LARGEST_SEED}"
            )
        save_ages(self.save, self.updates)

    def attributes(self) -> dict[str, Any]:
        """What the store keeps as its ``training`` attribute."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def check_resumes(self, stored: dict[str, Any], source: str) -> None:
        """Check that a training that began with ``stored`` settings can go on with these.

        It may be made longer: then ``save`` may be another one too, and says what is saved from there on.

        Raises
        ------
        InvalidInput
            Naming the first setting that differs, or that was not kept.
        """
        longer = _is_whole(stored.get("updates")) and self.updates > stored["updates"]
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


def default_learning_rate(visible: Unit, hidden: Unit) -> float:
    """0.05 between {0, 1} units, and what corresponds to it between others."""
    return _LEARNING_RATE * (pace(visible) * pace(hidden)) ** 2


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _check_count(name: str, value: object) -> None:
    if not _is_whole(value) or value < 1:  # type: ignore[operator]
        raise InvalidInput(f"{name}: {value!r} is not a positive whole number; give at least 1")


def _check_positive(name: str, value: object) -> None:
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < float(value) < math.inf:
        raise InvalidInput(f"{name}: {value!r} is not a positive number; give one, for example 0.01")
