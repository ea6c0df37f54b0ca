"""Jobs: what takes longer than a request may, each in a process of its own.

- ``kinds/``: what jobs there are, one file a kind;
- ``_jobs.py``: submitting them and asking what has become of them;
- ``_store.py``: the table of all jobs, in SQLite; ``_board.py``: what is newer than it, and who waits for it;
- ``_supervisor.py``: begins jobs and sees to their ends; ``_child.py`` and ``_worker.py``: the two ends of
  their processes; ``_folder.py``: how results appear whole or not at all;
- ``uploads.py``: files that clients have sent.

Every job that was accepted ends exactly once, whatever is killed when.
"""

from carving.service.jobs._job import Event, Job, JobProgress, Result, State
from carving.service.jobs._jobs import Jobs
from carving.service.jobs._kind import Kind
from carving.service.jobs.kinds import kinds
from carving.service.jobs.uploads import Uploads

__all__ = ["Jobs", "Job", "JobProgress", "State", "Event", "Result", "Kind", "kinds", "Uploads"]
