"""The process of a job, with the kinds that are there for tests as well; ``more_kinds`` for this process."""

import os
import sys
from pathlib import Path

from carving.service.jobs import _worker
from carving.service.jobs.kinds import kinds

FOLDER = str(Path(__file__).parent / "job_kinds")
COMMAND = ("-P", __file__)


def more_kinds() -> None:
    """Let there be the kinds of tests, too."""
    fewer_kinds()
    sys.modules["carving.service.jobs.kinds"].__path__.append(FOLDER)


def fewer_kinds() -> None:
    """Let there be only those that users have."""
    path = sys.modules["carving.service.jobs.kinds"].__path__
    path[:] = [folder for folder in path if folder != FOLDER]
    kinds.cache_clear()


if __name__ == "__main__":
    more_kinds()
    os._exit(_worker.main(*sys.argv[1:]))
