"""The service: a workspace of checkpoint stores and trees, asked over HTTP.

``carve serve`` runs it. What a query answers is what the library answers; the service adds names for places,
limits, batches of small queries, and jobs for large ones.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from carving.service._settings import Settings
from carving.service.workspace import Workspace

if TYPE_CHECKING:
    from carving.service.app import create_app

__all__ = ["Settings", "Workspace", "create_app"]

_LATER = {"create_app": "carving.service.app"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
