"""What went wrong, in one line, and the exit code that goes with it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from carving.errors import CarvingError

FAILED = 1
BAD_USAGE = 2
INTERRUPTED = 130


class Interrupted(Exception):
    """The user stopped the program; the message says what is kept and how to go on."""


def one_line(text: str) -> str:
    """The text with every run of white space, line ends included, as one blank."""
    return " ".join(text.split())


def describe(error: BaseException) -> str:
    """One line for any exception, with the remedy where there is one."""
    if isinstance(error, (CarvingError, Interrupted)):
        return one_line(str(error))
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; nothing was written"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory; use a smaller --batch-size, or fewer samples with --rows"
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename is not None else ""
        return one_line(f"{place}{error.strerror or error}; check the path, its permissions and free space")
    return one_line(f"unexpected {type(error).__name__}: {error}; run again with -v for the traceback")


def exit_code(error: BaseException) -> int:
    """1 for a failure, 130 for an interruption (as shells count it: 128 + SIGINT)."""
    return INTERRUPTED if isinstance(error, (KeyboardInterrupt, Interrupted)) else FAILED


@contextmanager
def option_errors(option: str) -> Iterator[None]:
    """Errors of the library about the value of an option become bad usage (exit code 2)."""
    try:
        yield
    except CarvingError as error:
        raise click.BadOptionUsage(option, f"{option}: {one_line(str(error))}") from error


@contextmanager
def interruptible(remedy: str | Callable[[], str]) -> Iterator[None]:
    """Ctrl-C inside the block ends the program with this word on what is kept and how to go on.

    The word may be a function that is asked when it happens. Where blocks are nested,
    as when a command runs another one, the outer one has the word.
    """
    try:
        yield
    except (KeyboardInterrupt, Interrupted) as error:
        kept = remedy if isinstance(remedy, str) else remedy()
        raise Interrupted(f"interrupted; {kept}") from error


@contextmanager
def deferred_interrupts() -> Iterator[Callable[[], bool]]:
    """Inside the block the first Ctrl-C (or SIGTERM) is only noted: the function says whether there was one.

    A second one ends the program as usual.
    """
    noted = False

    def note(number: int, _frame: FrameType | None) -> None:
        nonlocal noted
        noted = True
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {each: signal.signal(each, note) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: noted
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
