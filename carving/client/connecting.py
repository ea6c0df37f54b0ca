"""How a connection to a service begins: its address, its token, and whether it is one of carving's."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from carving._version import version_of
from carving.client._http import Session
from carving.client.connection import Connection
from carving.errors import InvalidInput, MissingDependency, ServiceFailure

if TYPE_CHECKING:
    import httpx

TOKEN_VARIABLE = "CARVING_TOKEN"


def connect(
    url: str,
    *,
    token: str | None = None,
    timeout: float = 90.0,
    retries: int = 5,
    certificates: str | os.PathLike[str] | None = None,
) -> Connection:
    """Connect to a service that ``carve serve`` runs.

    Parameters
    ----------
    url
        Its address, for example ``"http://127.0.0.1:8765"``.
    token
        What it asks for, if anything; by default that of the environment variable ``CARVING_TOKEN``. It is
        sent to this address only, readable by the network unless that begins with ``https``.
    timeout
        Seconds without a sign of the service after which a request is given up. The service itself gives up
        after 60.
    retries
        How often a request is sent again while the service is busy or the connection breaks.
    certificates
        A file of certificates to trust, where those of the system do not have that of the service.

    Raises
    ------
    ServiceFailure
        If it cannot be reached, or is no service of carving, or one of another major version.
    InvalidInput
        If the address is none.
    MissingDependency
        If httpx, which is in the extra ``carving[client]``, is not installed.
    """
    client = _client(url, token or os.environ.get(TOKEN_VARIABLE) or None, timeout, certificates)
    return _checked(Session(client, retries=retries))


def _checked(session: Session) -> Connection:
    """A connection, once the service has said who it is."""
    try:
        # who mistypes an address shall know at once
        version = session.json("/health", retries=0).get("version")
        own = version_of("carving")
        if not isinstance(version, str):
            raise ServiceFailure(f"{session.url}: answers, but not as carve serve does; check the address")
        if "unknown" not in (version, own) and version.partition(".")[0] != own.partition(".")[0]:
            raise ServiceFailure(
                f"{session.url}: is carving {version}, this is {own}; install one of the same major version"
            )
    except BaseException:
        session.close()
        raise
    return Connection(session)


def _client(
    url: str, token: str | None, timeout: float, certificates: str | os.PathLike[str] | None
) -> httpx.Client:
    try:
        import httpx
    except ImportError as error:
        raise MissingDependency(
            "httpx: is not installed; connect() needs the extra: pip install 'carving[client]'"
        ) from error
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise InvalidInput(f"{url!r}: is no address of a service; give one as http://127.0.0.1:8765")
    if not timeout > 0:
        raise InvalidInput(f"timeout {timeout!r} is not a duration in seconds")
    headers = {"User-Agent": f"carving/{version_of('carving')}"}
    if token is not None:
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise InvalidInput("token: holds characters that no token has; give it as it was printed")
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Client(
        base_url=url,
        headers=headers,
        timeout=timeout,
        verify=True if certificates is None else _trusting(certificates),
        # a proxy of the environment does not lead to this very machine
        trust_env=not _is_loopback(host),
    )


def _trusting(certificates: str | os.PathLike[str]) -> Any:
    import ssl

    try:
        return ssl.create_default_context(cafile=os.fspath(certificates))
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"{os.fspath(certificates)}: holds no certificates ({error}); give a PEM file"
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
