"""``carve completion``: the script that makes a shell complete carve's commands and options."""

import click

from carving_cli._options import version_option


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@version_option
def command(shell: str) -> None:
    """Print the script that lets your shell complete carve's commands and options.

    \b
    Example, for the current shell and then for good:
      eval "$(carve completion bash)"
      carve completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    from carving_cli.main import carve

    complete = get_completion_class(shell)
    assert complete is not None, "click knows the three shells of the choice above"
    # source_template without the check of the shell's version, which would start that shell
    script = complete(carve, {}, "carve", "_CARVE_COMPLETE")
    click.echo(script.source_template % script.source_vars())
