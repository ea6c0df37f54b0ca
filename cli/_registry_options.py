"""Names that the library's registries hold, as arguments and as a list: formats, kinds of picture."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import click

from carving_cli._options import Function


class Described(Protocol):
    """What a registry holds."""

    @property
    def description(self) -> str:
        """What it is, in a few words."""
        ...


Registry = Callable[[], Mapping[str, Described]]


class RegistryType(click.ParamType):
    """A name that a registry of the library has, whichever those are.

    Parameters
    ----------
    name
        What the names are of.
    entries
        Gives the registry when it is needed: the library is loaded only then.
    """

    def __init__(self, name: str, entries: Registry) -> None:
        self.name = name
        self._entries = entries

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse other names with those that there are."""
        if value not in self._entries():
            self.fail(f"{value!r} is not known; give one of {', '.join(self._entries())}", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Offer the names."""
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=entry.description)
            for name, entry in self._entries().items()
            if name.startswith(incomplete)
        ]


def list_option(entries: Registry, *, what: str, width: int) -> Callable[[Function], Function]:
    """``--list``: print the names, in so many columns, with what they are, and stop."""

    def show(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
        if asked and not context.resilient_parsing:
            for name, entry in entries().items():
                click.echo(f"{name:<{width}} {entry.description}")
            context.exit()

    return click.option(
        "--list", is_flag=True, is_eager=True, expose_value=False, callback=show,
        help=f"List the {what} and stop.",
    )  # fmt: skip
