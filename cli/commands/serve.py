"""``carve serve``: a workspace over HTTP, with a page to look at."""

import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carving_cli._console import Console
from carving_cli._options import common_options, shared_computing_options

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

TOKEN_VARIABLE = "CARVING_TOKEN"


@click.command(name="serve")
@click.argument("workspace", type=click.Path(path_type=Path))
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen at."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    metavar="N",
    help="Port to listen at; 0: any that is free.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help=f"A file with the token that requests must carry; or set {TOKEN_VARIABLE}.  [default: none on "
    "127.0.0.1; a new one, which is printed, elsewhere]",
)
@click.option(
    "--trust-host",
    "trusted_hosts",
    multiple=True,
    metavar="NAME",
    help="A name under which the service is reached, as behind a proxy. May be repeated.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="URL",
    help="A web origin whose pages may read answers (CORS). May be repeated.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Jobs at once."
)
@click.option(
    "--most-samples",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Most samples in one request.",
)
@click.option(
    "--upload-mebibytes",
    type=click.IntRange(1, 65536),
    default=64,
    show_default=True,
    metavar="N",
    help="Largest upload, packed and unpacked.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@shared_computing_options
@common_options
def command(
    workspace: Path,
    host: str,
    port: int,
    token_file: Path | None,
    trusted_hosts: tuple[str, ...],
    origins: tuple[str, ...],
    jobs: int,
    most_samples: int,
    upload_mebibytes: int,
    open_page: bool,
    device: str,
    other_threads: int,
) -> None:
    """Serve a folder of checkpoint stores and trees: a page to look at, and an interface over HTTP.

    Colleagues place their samples in a tree, follow them through the ages, fetch trees in every format, and
    build new ones, in the browser or from programs. Listens to this machine only unless --host says
    otherwise; then a token is needed. The interface is described at /docs.
    Ctrl-C ends it; jobs go on at the next start.

    \b
    Examples:
      carve serve demo/ --open
      carve serve /data/machines --host 0.0.0.0 --token-file token.txt
    """  # fmt: skip
    try:
        import uvicorn

        from carving.service import Settings, create_app
    except ImportError as error:
        from carving.errors import MissingDependency

        raise MissingDependency(
            f"{error.name}: is not installed; the service needs the extra: pip install 'carving[service]'"
        ) from error
    console = Console()
    token = _token(token_file)
    is_new = token is None and not Settings(token="-" * 16, host=host).is_loopback
    if is_new:
        token = secrets.token_urlsafe(32)
    settings = Settings(
        host=host,
        port=port,
        token=token,
        origins=origins,
        trusted_hosts=trusted_hosts,
        rows=most_samples,
        jobs_at_once=jobs,
        job_threads=max(1, other_threads // jobs),
        upload_bytes=upload_mebibytes * 2**20,
        device=device,
    )
    app = create_app(workspace, settings)
    listening = _listen(host, port)
    address = _address(host, listening.getsockname()[1])
    page = f"{address}/#token={token}" if is_new else f"{address}/"
    contents = app.state.service.workspace.contents()
    console.summary(
        {"address": address, "stores": len(contents.stores), "trees": len(contents.trees)},
        [
            f"{workspace}: {len(contents.trees):,} trees and {len(contents.stores):,} checkpoint stores",
            f"  the page:       {page}",
            f"  the interface:  {address}/docs",
            "  Ctrl-C ends it",
        ],
    )
    if open_page:
        # it listens already: the browser waits until it is answered
        click.launch(page)
    server = uvicorn.Server(_configuration(app))
    # once everything has ended, uvicorn raises what it was stopped by again; being stopped is no failure
    with listening, suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def _configuration(app: "FastAPI") -> "uvicorn.Config":
    import uvicorn

    formatter = {"()": "carving.service._log.JsonLines"}
    handler = {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
    return uvicorn.Config(
        app,
        # a parser that bounds lines and headers
        http="h11",
        h11_max_incomplete_event_size=2**15,
        limit_concurrency=1024,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
        server_header=False,
        access_log=False,
        log_config={
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": formatter},
            "handlers": {"lines": handler},
            "loggers": {
                "carving.service": {"handlers": ["lines"], "level": "INFO", "propagate": False},
                "uvicorn": {"handlers": ["lines"], "level": "WARNING", "propagate": False},
            },
        },
    )


def _token(file: Path | None) -> str | None:
    """The token that is given, if any; never on the command line, which every user of the machine reads."""
    from carving.errors import InvalidInput, MissingFile

    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        token = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise MissingFile(f"{file}: no such file; write a token of at least 16 characters into it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: cannot be read as a token ({error}); write plain characters") from error
    if not token:
        raise InvalidInput(f"{file}: is empty; write a token of at least 16 characters into it")
    return token


def _listen(host: str, port: int) -> socket.socket:
    from carving.errors import InvalidInput

    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(1024)
    except OSError as error:
        raise InvalidInput(
            f"{host}:{port}: cannot be listened at ({error.strerror or error}); choose another --host or "
            "--port"
        ) from error
    return listening


def _address(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
