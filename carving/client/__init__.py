"""The client of a service elsewhere (``carve serve``): what the library does, done there.

- ``connecting.py``: :func:`connect`, and ``connection.py``: what a service holds and does;
- ``checkpoints.py``, ``tree.py``: stores and trees that are elsewhere, with the verbs of the library;
- ``jobs.py``: what takes longer than a request may;
- ``_http.py``: requests, their retries, and errors as the library's own;
- ``_samples.py``, ``_tables.py``: what is sent, and what comes back.
"""

from carving.client.checkpoints import RemoteCheckpoints
from carving.client.connecting import connect
from carving.client.connection import Connection
from carving.client.jobs import Job
from carving.client.tree import RemoteTree

__all__ = ["connect", "Connection", "RemoteCheckpoints", "RemoteTree", "Job"]
