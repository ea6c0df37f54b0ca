"""A kind of job for tests that makes a file."""

from carving.service.jobs._kind import JobParameters, Kind, Task


class Parameters(JobParameters):
    """What can be asked for."""

    text: str = "hello"


def _check(workspace, settings, asked):
    pass


def _run(task: Task[Parameters]) -> str:
    (task.folder.result / "letter.csv").write_text(task.parameters.text)
    return "letter.csv"


KIND = Kind("letter", "a letter", "A letter, for tests.", Parameters, "file", _check, _run)
