"""A group of commands that loads each command's module only when it is used, and fails in one line."""

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from carving_cli._errors import describe, exit_code


class _Failure(click.ClickException):
    """An error of the library, or of the machine, as one line and an exit code."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(describe(error))
        self.exit_code = exit_code(error)  # type: ignore[misc]  # declared for the class, read from the instance


class CarveGroup(click.Group):
    """A click group whose commands live one in a module and whose every error is one line.

    Parameters
    ----------
    modules
        Name of each command, in the order of the help text, and the module that defines it.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = dict(modules)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands in the order of a working day, not of the alphabet."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command; its module in turn loads the library only when the command runs."""
        if cmd_name not in self._modules:
            return None
        return importlib.import_module(f"carving_cli.commands.{self._modules[cmd_name]}").command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for; any failure leaves as a ``ClickException`` of one line."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            raise
        except (Exception, KeyboardInterrupt) as error:
            verbosity = ctx.meta.get("carving_cli.verbosity", 0)
            if verbosity > 0:
                click.echo(traceback.format_exc(), err=True, nl=False)
            raise _Failure(error) from error

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run as a program; differs from click in that a usage error, too, is one line."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _fail(error)
        except (click.Abort, KeyboardInterrupt):
            click.echo("Error: interrupted", err=True)
            sys.exit(130)
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            # the reader of our output has gone (`carve info … | head`): stop without a word
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)


def _fail(error: click.ClickException) -> NoReturn:
    message = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        message = f"{message.rstrip('.')}; see {context.command_path} --help"
    click.echo(f"Error: {message}", err=True)
    sys.exit(error.exit_code)
