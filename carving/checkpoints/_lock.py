"""One writer a store: a lock that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from pathlib import Path

from carving.errors import InvalidInput

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
        # a reader that asks whether there is a writer holds the lock for some microseconds
        for patience in (0.01, 0.02, 0.04, 0.08, None):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if patience is None:
                    os.close(descriptor)
                    raise InvalidInput(
                        f"{folder}: is being written by another program; wait until it has ended, or stop it"
                    ) from None
                time.sleep(patience)
        self.release = weakref.finalize(self, os.close, descriptor)


def is_locked(folder: Path) -> bool:
    """Whether some writer holds the store at this moment."""
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
