"""Whether an output folder may be written, and what ``--force`` may replace."""

from pathlib import Path

from carving._files import check_output
from carving.errors import OutputExists


def check_folder(output: Path, *, force: bool, mark: str) -> None:
    """Refuse what exists; with ``force``, refuse a folder that an earlier run has not made.

    Parameters
    ----------
    output
        The folder to write.
    force
        Whether to overwrite it.
    mark
        What such a folder always holds: someone's home, given by mistake, does not.
    """
    check_output(output, force=force)
    if output.is_dir() and any(output.iterdir()) and not (output / mark).exists():
        raise OutputExists(
            f"{output}: holds no {mark}, so it is no earlier output, and --force does not replace it; "
            "remove it, or choose another output"
        )
