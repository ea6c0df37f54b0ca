"""Options of what is exported: what the formats may choose, each taking of it what it can express."""

from functools import wraps
from typing import Any

import click

from carving_cli._options import Function, format_branch_length_option


def export_options(function: Function) -> Function:
    """``--branch-length --keep-unary --precision --node-labels --color-by``, as one ``options``."""

    @wraps(function)
    def wrapped(
        *args: Any,
        branch_length: str | None,
        keep_unary: bool,
        precision: int | None,
        node_labels: str,
        color_by: str | None,
        **kwargs: Any,
    ) -> Any:
        from carving.export import ExportOptions

        options = ExportOptions(
            branch_length=branch_length,
            keep_unary=keep_unary,
            precision=precision,
            node_labels=node_labels,
            color_by=color_by,
        )
        return function(*args, options=options, **kwargs)

    for option in (
        click.option(
            "--color-by", default=None, metavar="COLUMN",
            help="The label column that gives nexus, phyloxml, auspice and the states of itol their "
            "colours.  [default: the first]",
        ),
        click.option(
            "--node-labels", type=click.Choice(["name", "support", "age"]), default="name",
            show_default=True, help="What newick says at its inner nodes.",
        ),
        click.option(
            "--precision", type=click.IntRange(1, 17), default=None, metavar="N",
            help="Significant digits of numbers in newick, nhx, nexus, phyloxml and microreact.  "
            "[default: as few as read back exactly]",
        ),
        click.option(
            "--keep-unary", is_flag=True, help="Keep nodes with one child instead of joining the two."
        ),
        format_branch_length_option,
    ):  # fmt: skip
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]
