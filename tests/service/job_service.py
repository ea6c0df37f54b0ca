"""A service with nothing but its jobs, as a process that can be killed.

Reads lines of JSON, ``[key, kind, parameters]``, and answers each with the name of the job, or null where it
was refused; says ``ready`` before the first. Ends with its standard input, as soon as all jobs have ended.
"""

import asyncio
import json
import sys
from typing import Any

from carving.errors import CarvingError
from carving.service import Settings, Workspace
from carving.service.jobs import Jobs, _child
from tests.service import job_worker


async def serve(folder: str) -> None:
    """Accept jobs until no more are sent, and end when all have ended."""
    jobs = Jobs(Workspace(folder), Settings(jobs_at_once=3))
    await jobs.start()
    answer(["ready", None])
    while line := await asyncio.to_thread(sys.stdin.readline):
        key, kind, parameters = json.loads(line)
        try:
            answer([key, (await jobs.submit(kind, parameters, key)).id])
        except CarvingError as error:
            print(f"{kind} {parameters}: {error}", file=sys.stderr)
            answer([key, None])
    while jobs.list(state="waiting")[1] or jobs.list(state="running")[1]:
        await asyncio.sleep(0.05)
    # once more, now that nothing is under way
    jobs._forget()
    await jobs.stop()


def answer(document: list[Any]) -> None:
    sys.stdout.write(f"{json.dumps(document)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    job_worker.more_kinds()
    _child.WORKER = job_worker.COMMAND
    asyncio.run(serve(sys.argv[1]))
