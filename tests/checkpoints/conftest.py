"""What several tests of checkpoints use."""

import warnings
from importlib import import_module
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def rbms() -> ModuleType:
    """The rbms package, which uses what torch will drop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in ("rbms.io", "rbms.map_model", "rbms.utils"):
            import_module(module)
        return import_module("rbms")
