"""What every file of another program comes down to before it is stored: its checkpoints, one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from carving.checkpoints._metadata import PARAMETERS
from carving.errors import InvalidInput


@dataclass(frozen=True)
class ForeignCheckpoint:
    """One checkpoint of another program.

    Attributes
    ----------
    parameters
        Weights, visible bias and hidden bias, by our names.
    elapsed_seconds
        Duration of the training until then, where it is known.
    """

    parameters: dict[str, np.ndarray]
    elapsed_seconds: float | None = None


@dataclass(frozen=True)
class ForeignRun:
    """The checkpoints of a file or folder of another program.

    Attributes
    ----------
    source
        Where it is, for messages.
    kind
        Which program's format it is in.
    places
        Where in it each age is, by age, increasing.
    checkpoints
        The checkpoints themselves, in the order of ``places``; read as they are asked for, once.
    potts
        Whether the file says that its machines are Potts machines; None where it does not say.
    training
        The hyperparameters that it carries.
    """

    source: str
    kind: str
    places: Mapping[int, str]
    checkpoints: Iterable[ForeignCheckpoint]
    potts: bool | None = None
    training: Mapping[str, Any] = field(default_factory=dict)


def check_parameters(
    parameters: Mapping[str, np.ndarray], names: Mapping[str, str], *, place: str
) -> dict[str, np.ndarray]:
    """Parameters in float32, after checking their shapes, dtypes and values.

    Parameters
    ----------
    parameters
        By our names.
    names
        What the file calls each.
    place
        File and place in it, for messages.

    Raises
    ------
    InvalidInput
        If they are no machine's.
    """
    checked = {}
    for name in PARAMETERS:
        values = parameters[name]
        if values.dtype.kind not in "fiu":
            raise InvalidInput(f"{place}: {names[name]} holds {values.dtype}, not numbers; check the file")
        with np.errstate(over="ignore", invalid="ignore"):
            single = values.astype(np.float32)
        bad = np.argwhere(~np.isfinite(single))
        if len(bad):
            where = tuple(int(index) for index in bad[0])
            raise InvalidInput(
                f"{place}: {names[name]} holds {values[where]} at {where} ({len(bad)} such values); "
                "the training diverged, leave this checkpoint out"
            )
        checked[name] = single
    weights, visible, hidden = (checked[name].shape for name in PARAMETERS)
    if len(weights) not in (2, 3) or 0 in weights:
        raise InvalidInput(
            f"{place}: {names['weights']} has shape {weights}; (N_v, N_h) or (N_v, q, N_h) is needed"
        )
    if visible != weights[:-1] or hidden != weights[-1:]:
        raise InvalidInput(
            f"{place}: widths disagree: {names['weights']} {weights}, {names['visible_bias']} {visible}, "
            f"{names['hidden_bias']} {hidden}; all three must be of one machine"
        )
    return checked


def sorted_places(found: list[tuple[int, str]], *, source: str) -> dict[int, str]:
    """Places by age, increasing, after checking that no age occurs twice."""
    places: dict[int, str] = {}
    for age, place in sorted(found):
        if age in places:
            raise InvalidInput(
                f"{source}: {places[age]} and {place} are both of {age} updates; remove or rename one"
            )
        places[age] = place
    return places
