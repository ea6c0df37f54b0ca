"""Whether a machine fits the store that it shall be appended to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carving.checkpoints._metadata import PARAMETERS, Metadata
from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving.rbm import RBM


def fitting_age(ages: np.ndarray, updates: int, *, source: str) -> int:
    """The age of the next checkpoint, after checking that it is more than those before it."""
    try:
        age = int(updates)
    except (TypeError, ValueError, OverflowError):
        age = -1
    if age != updates or not 0 <= age < 2**63:
        raise InvalidInput(f"{source}: updates {updates!r} is not a count; give a whole number")
    if len(ages) and age <= ages[-1]:
        raise InvalidInput(
            f"{source}: updates {age} does not follow the last checkpoint's {ages[-1]}; ages must increase"
        )
    return age


def fitting_parameters(rbm: RBM, metadata: Metadata, *, source: str) -> dict[str, np.ndarray]:
    """The machine's parameters in float32, after checking units, β and sizes."""
    attributes = metadata.attributes
    for layer, unit in (("visible", rbm.visible), ("hidden", rbm.hidden)):
        known = attributes[f"{layer}_unit"]
        if unit.name != known:
            raise InvalidInput(
                f"{source}: the machine's {layer} units are {unit.name}, the store's {known}; "
                f"create the store with {layer}={unit.name!r}"
            )
    for name, value in (
        ("beta", rbm.beta),
        ("states", rbm.states),
        ("hidden_precision", getattr(rbm.hidden, "precision", None)),
    ):
        known = attributes.get(name)
        if known != value and known is not None:
            raise InvalidInput(
                f"{source}: the machine's {name} is {value}, the store's {known}; "
                "one store holds machines of one kind"
            )
    parameters = {}
    for name in PARAMETERS:
        with np.errstate(over="ignore"):
            values = parameters[name] = getattr(rbm, name).cpu().numpy().astype(np.float32)
        if not np.isfinite(values).all():
            raise InvalidInput(f"{source}: {name} has values too large for float32; rescale the machine")
        expected = tuple(metadata.documents[name]["shape"][1:]) if metadata.committed else values.shape
        if values.shape != expected:
            raise InvalidInput(
                f"{source}: the machine's {name} has shape {values.shape}, those before it {expected}; "
                "one store holds machines of one size"
            )
    return parameters


def learn_states(attributes: dict[str, Any], rbm: RBM, *, source: str) -> None:
    """Note the number of Potts states, which a store may learn only from its first machine."""
    if rbm.states is None:
        return
    alphabet = attributes.get("alphabet")
    if alphabet is not None and len(alphabet) != rbm.states:
        raise InvalidInput(
            f"{source}: alphabet {alphabet!r} has {len(alphabet)} letters, the machine {rbm.states} states; "
            "give the alphabet of the data"
        )
    attributes["states"] = rbm.states
