"""One owner a file: a lock that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Self

from carving.checkpoints._lock import seize

_LOOK_AGAIN_SECONDS = 0.05


class FileLock:
    """The right to something, held until it is released or its process ends.

    Parameters
    ----------
    path
        The file that is locked; it is made, and stays.
    patience
        Seconds to wait for another holder.

    Raises
    ------
    TimeoutError
        If another holds it for longer.
    OSError
        If the file cannot be opened.
    """

    def __init__(self, path: Path, *, patience: float = 0.0) -> None:
        self._descriptor: int | None = None
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        until = time.monotonic() + patience
        while not seize(descriptor):
            if time.monotonic() >= until:
                os.close(descriptor)
                raise TimeoutError(f"{path}: is held by another process")
            time.sleep(_LOOK_AGAIN_SECONDS)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
