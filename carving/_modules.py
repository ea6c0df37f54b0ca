"""Kinds of something that are a file each in a folder: found there, named nowhere else."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def names_in(package: str) -> list[str]:
    """Names of the public modules of a package, sorted."""
    path = import_module(package).__path__
    return sorted(module.name for module in iter_modules(path) if not module.name.startswith("_"))


def attribute_of(package: str, name: str, attribute: str) -> Any:
    """What the module ``name`` of the package calls ``attribute``."""
    return getattr(import_module(f"{package}.{name}"), attribute)
