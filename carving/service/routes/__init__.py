"""One module a resource; each defines ``router``, and nothing else need know of it."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from fastapi import APIRouter


@cache
def routers() -> tuple[APIRouter, ...]:
    """All of them, by the name of their module."""
    modules = sorted(module.name for module in iter_modules(__path__))
    return tuple(import_module(f"{__name__}.{name}").router for name in modules)
