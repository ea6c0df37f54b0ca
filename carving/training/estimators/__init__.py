"""How the machine's own averages are estimated: the part of the gradient that has no closed form.

An estimator is a file here whose name is the name of the method. It holds one subclass of
:class:`Estimator`, called ``METHOD``, and is found without being named anywhere else. Its own settings, if
it has any, follow the name: ``"emf:order=3,persistent=no"``.
"""

from dataclasses import fields
from typing import Any

from carving._modules import attribute_of, names_in
from carving.errors import InvalidInput
from carving.training.estimators._estimator import Estimator

__all__ = ["Estimator", "estimator_names", "find_estimator", "read_method"]

_WORDS = {"yes": True, "no": False}


def estimator_names() -> list[str]:
    """The names that ``method`` of :func:`carving.train` can begin with."""
    return names_in(__name__)


def find_estimator(name: str) -> type[Estimator]:
    """The estimator of that name.

    Raises
    ------
    InvalidInput
        If there is none, with the names that there are.
    """
    if name not in estimator_names():
        raise InvalidInput(f"method: {name!r} is not known; give one of {', '.join(estimator_names())}")
    return attribute_of(__name__, name, "METHOD")


def read_method(method: str) -> tuple[type[Estimator], Any]:
    """The estimator and its own settings that a ``method`` of :func:`carving.train` stands for.

    Raises
    ------
    InvalidInput
        If there is no such estimator, it has no such setting, or the value is none of it.
    """
    name, _, rest = str(method).partition(":")
    estimator = find_estimator(name)
    allowed = {field.name: field for field in fields(estimator.Options)}
    given = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if key not in allowed or not equals:
            known = ", ".join(f"{key}=…" for key in allowed) or "it takes none"
            raise InvalidInput(f"method: {name} has no setting {part!r}; {known}")
        given[key] = _value(name, key, value, type(allowed[key].default))
    return estimator, estimator.Options(**given)


def _value(name: str, key: str, value: str, kind: type) -> Any:
    try:
        return _WORDS[value] if kind is bool else kind(value)
    except (KeyError, ValueError):
        what = {bool: "yes or no", int: "a whole number", float: "a number"}[kind]
        raise InvalidInput(f"method: {name}: {key}={value}: give {what}") from None
