"""How the machine's own averages are estimated: the part of the gradient that has no closed form.

An estimator is a file here whose name is the name of the method. It holds one subclass of
:class:`Estimator`, called ``METHOD``, and is found without being named anywhere else.
"""

from importlib import import_module
from pkgutil import iter_modules

from carving.errors import InvalidInput
from carving.training.estimators._estimator import Estimator

__all__ = ["Estimator", "estimator_names", "find_estimator"]


def estimator_names() -> list[str]:
    """The names that ``method`` of :func:`carving.train` can take."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def find_estimator(name: str) -> type[Estimator]:
    """The estimator of that name.

    Raises
    ------
    InvalidInput
        If there is none, with the names that there are.
    """
    if name not in estimator_names():
        raise InvalidInput(f"method: {name!r} is not known; give one of {', '.join(estimator_names())}")
    return import_module(f"{__name__}.{name}").METHOD
