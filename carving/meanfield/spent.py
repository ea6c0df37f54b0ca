"""What a solver has spent, in counts and in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from time import perf_counter


@dataclass
class Spent:
    """What was spent on fixed points; values of several solvers add up.

    Attributes
    ----------
    rows
        Starting points.
    single_precision_sweeps, double_precision_sweeps
        Plain row-sweeps: sweeps, counted once for each row under way. At order k each is 2k products of
        a row with W, Wᵀ or their elementwise powers.
    layer_exact_sweeps, damped_sweeps
        Row-sweeps of the other kinds, the same products each.
    tests
        How often a row was asked whether a known point captures it; a sweep each.
    captured
        Rows that a known point captured.
    arrived
        Rows that were swept until they were at a known point.
    proposals
        How often a row was accelerated: Newton's method looked for its point.
    linearisations
        Newton systems of N_h × N_h; to set one up costs about N_h/4 sweeps at order 2.
    points
        Different points that were found, each polished in double precision.
    sweeping, testing, proposing
        Seconds of these three; on a GPU, where work is queued, only where something was waited for.
    """

    rows: int = 0
    single_precision_sweeps: int = 0
    double_precision_sweeps: int = 0
    layer_exact_sweeps: int = 0
    damped_sweeps: int = 0
    tests: int = 0
    captured: int = 0
    arrived: int = 0
    proposals: int = 0
    linearisations: int = 0
    points: int = 0
    sweeping: float = 0.0
    testing: float = 0.0
    proposing: float = 0.0

    @property
    def sweeps(self) -> int:
        """Row-sweeps of every kind, those of tests included."""
        plain = self.single_precision_sweeps + self.double_precision_sweeps
        return plain + self.layer_exact_sweeps + self.damped_sweeps + self.tests

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def count(self, what: str, number: int) -> None:
        """Add to one of the attributes."""
        setattr(self, what, getattr(self, what) + number)

    @contextmanager
    def timing(self, what: str) -> Iterator[None]:
        """Add the seconds of what is done inside to one of the attributes."""
        begin = perf_counter()
        try:
            yield
        finally:
            setattr(self, what, getattr(self, what) + perf_counter() - begin)

    def as_dict(self) -> dict[str, float]:
        """All attributes by name."""
        return asdict(self)
