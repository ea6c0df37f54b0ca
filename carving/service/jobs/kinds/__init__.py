"""One module a kind of job, each of which defines ``KIND``; nothing else need know of it."""

from functools import cache
from importlib import import_module

from carving._modules import names_in
from carving.service.jobs._kind import Kind


@cache
def kinds() -> dict[str, Kind]:
    """Every kind of job by its name."""
    found = (import_module(f"{__name__}.{module}").KIND for module in names_in(__name__))
    return {kind.name: kind for kind in found}
