"""What the user sees: results on standard output, everything else on standard error."""

import json
from collections.abc import Sequence
from typing import Any

import click

from carving_cli._errors import one_line
from carving_cli._progress import ProgressBar


class Console:
    """Talks as much as ``-q``, ``-v`` and ``--json`` of the current command ask for."""

    def __init__(self) -> None:
        context = click.get_current_context()
        self.verbosity: int = context.meta.get("carving_cli.verbosity", 0)
        self.as_json: bool = context.meta.get("carving_cli.json", False)
        self._is_part: bool = context.meta.get("carving_cli.part", False)

    def say(self, text: str) -> None:
        """Tell a story on standard output; not with ``-q``, nor where JSON is expected."""
        if self.verbosity >= 0 and not self.as_json:
            click.echo(text)

    def note(self, text: str) -> None:
        """Say something in passing, on standard error; not with ``-q``."""
        if self.verbosity >= 0:
            click.echo(text, err=True)

    def detail(self, text: str) -> None:
        """Say something that only ``-v`` asks for."""
        if self.verbosity > 0:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """Say what the user must not miss, even with ``-q``."""
        click.echo(f"Warning: {one_line(text)}", err=True)

    def progress(self) -> ProgressBar:
        """A bar for the library's progress callback; use as a context manager."""
        return ProgressBar(verbosity=self.verbosity)

    def summary(self, values: dict[str, Any], lines: Sequence[str], *, is_result: bool = False) -> None:
        """End a command: JSON when asked for, else a few lines; silent with ``-q`` unless it is the result.

        A command that runs as a part of another one leaves the last word to that.
        """
        if self._is_part:
            return
        if self.as_json:
            click.echo(json.dumps(jsonable(values), ensure_ascii=False, indent=2, allow_nan=False))
        elif is_result or self.verbosity >= 0:
            click.echo("\n".join(lines))


def jsonable(value: Any) -> Any:
    """The value in types that JSON has: arrays as lists, NaN and infinities as null."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not float("-inf") < value < float("inf"):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
