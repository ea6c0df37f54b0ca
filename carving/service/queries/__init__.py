"""Queries: what the library answers, asked by many at once.

All of them compute in one thread, so that they do not fight for the cores and the others are never held up.
Queries of the same kind that wait while it is busy are solved together: rows are independent of each other,
and many rows cost far less each than few. What one batch has found makes the next one cheaper.
"""

from carving.service.queries._placements import Placed
from carving.service.queries._queries import Queries

__all__ = ["Placed", "Queries"]
