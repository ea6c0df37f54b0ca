"""The library's progress reports as one line on standard error that is written over."""

import shutil
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from carving._progress import Progress

REDRAW_SECONDS = 0.1
BAR_WIDTH = 20


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


class ProgressBar:
    """A progress callback: a bar on a terminal, a line a stage with ``-v``, else nothing."""

    def __init__(self, *, verbosity: int = 0) -> None:
        self._bar = verbosity >= 0 and sys.stderr.isatty()
        self._lines = verbosity > 0
        self._last: Progress | None = None
        self._started = 0.0
        self._first_done = 0
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._clear()
        if error is None:
            self._end_stage()

    def __call__(self, report: "Progress") -> None:
        """Take one report of the library."""
        now = time.monotonic()
        if self._last is None or report.stage != self._last.stage:
            self._end_stage()
            self._started, self._first_done, self._drawn = now, report.done, 0.0
        self._last = report
        if self._bar and now - self._drawn >= REDRAW_SECONDS:
            self._drawn = now
            self._draw(report, now - self._started)

    def _draw(self, report: "Progress", elapsed: float) -> None:
        left = max(report.total - report.done, 0)
        share = report.done / report.total if report.total else 0.0
        filled = round(BAR_WIDTH * min(max(share, 0.0), 1.0))
        parts = [report.stage, "█" * filled + "░" * (BAR_WIDTH - filled), f"{left:,} left"]
        gone = report.done - self._first_done
        # the first reports say nothing about the speed
        if gone > 0 and elapsed > 0.5 and left:
            parts.append(f"{duration(elapsed / gone * left)} to go")
        if report.message:
            parts.append(report.message)
        line = "  ".join(parts)[: shutil.get_terminal_size().columns - 1]
        click.echo(f"\r\x1b[2K{line}", err=True, nl=False)

    def _clear(self) -> None:
        if self._bar:
            click.echo("\r\x1b[2K", err=True, nl=False)

    def _end_stage(self) -> None:
        if self._lines and self._last is not None:
            self._clear()
            message = f", {self._last.message}" if self._last.message else ""
            elapsed = duration(time.monotonic() - self._started)
            click.echo(f"{self._last.stage}: {self._last.done:,}{message}, {elapsed}", err=True)
        self._last = None
