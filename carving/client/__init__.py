"""The client of a service elsewhere (``carve serve``): what the library does, done there.

- ``connection.py``: :func:`connect`, and what a service holds;
- ``checkpoints.py``, ``tree.py``: stores and trees that are elsewhere, with the verbs of the library;
- ``_http.py``: requests, their retries, and errors as the library's own;
- ``_samples.py``, ``_tables.py``: what is sent, and what comes back.
"""

from carving.client.checkpoints import RemoteCheckpoints, Trajectories
from carving.client.connection import Connection, connect
from carving.client.tree import RemoteTree

__all__ = ["connect", "Connection", "RemoteCheckpoints", "RemoteTree", "Trajectories"]
