"""One writer a store: a lock that the kernel releases when its holder dies, however it dies.

Windows has no such lock in Python's library; there a second writer is not noticed.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from pathlib import Path

from carving.errors import InvalidInput

if sys.platform != "win32":
    import fcntl

# inside an array's folder, since zarr warns of files that it does not know in a group's
LOCK_FILE = "updates/.writer"


class WriterLock:
    """The right to write to a store, held until it is released, collected, or its process ends.

    Parameters
    ----------
    folder
        The store.

    Raises
    ------
    InvalidInput
        If another writer holds it, or the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        try:
            descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise InvalidInput(f"{folder}: cannot be written to ({reason}); choose another output") from None
        if not seize(descriptor):
            os.close(descriptor)
            raise InvalidInput(
                f"{folder}: is being written by another program; wait until it has ended, or stop it"
            )
        self.release = weakref.finalize(self, os.close, descriptor)


def seize(descriptor: int) -> bool:
    """Take the lock on an open file, unless another has it for longer than a moment."""
    if sys.platform == "win32":
        return True
    # a reader that asks whether there is a writer holds the lock for some microseconds
    for patience in (0.01, 0.02, 0.04, 0.08, 0):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(patience)
    return False


def is_locked(folder: Path) -> bool:
    """Whether some writer holds the store at this moment."""
    if sys.platform == "win32":
        return False
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
