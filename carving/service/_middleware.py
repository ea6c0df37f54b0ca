"""What every request passes through: who may ask, how much, how long; and what is written down of it."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from carving.service._bodies import largest_body
from carving.service._problems import Refusal, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from carving.service._metrics import Metrics
    from carving.service._settings import Settings

_SAFE = ("GET", "HEAD", "OPTIONS")
_OPEN_PREFIXES = ("/api/", "/docs", "/metrics")
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))

log = logging.getLogger("carving.service.requests")


def _header(scope: Scope, name: bytes) -> str | None:
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if found else None


class Guard:
    """Refuses whoever may not ask: a wrong host, a foreign web page, or no token."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._token = None if settings.token is None else settings.token.encode()
        names = _LOOPBACK_NAMES | {settings.host.lower(), *map(str.lower, settings.trusted_hosts)}
        # who listens at all addresses is reached by names that it cannot know; there the token guards
        self._hosts = None if self._token is not None and not settings.trusted_hosts else names
        self._origins = frozenset(settings.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except Refusal as refusal:
            await problem(refusal.status, str(refusal), headers=refusal.headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        host = _header(scope, b"host") or ""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            raise Refusal(400, "the Host header is no host") from None
        if self._hosts is not None and name not in self._hosts:
            raise Refusal(403, f"host {host[:100]!r}: is no name of this service; start it with --trust-host")
        origin = _header(scope, b"origin")
        if origin is not None and scope["method"] not in _SAFE:
            same = origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())
            if not same and origin not in self._origins:
                raise Refusal(
                    403, f"origin {origin[:100]!r}: pages from there may not ask; start with --origin"
                )
        if self._token is None or scope["method"] == "OPTIONS":
            return
        if not scope["path"].startswith(_OPEN_PREFIXES):
            return
        given = (_header(scope, b"authorization") or "").partition(" ")
        if given[0].lower() != "bearer" or not hmac.compare_digest(given[2].strip().encode(), self._token):
            headers = {"WWW-Authenticate": 'Bearer realm="carving"'}
            raise Refusal(401, "send the header Authorization: Bearer TOKEN", headers=headers)


class Limits:
    """Bounds the size of bodies, the time that they take, and how many requests are under way."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a bounded body, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._under_way >= self._settings.requests_at_once and scope["path"] not in ("/health", "/ready"):
            answer = problem(503, "too many requests at once; try again", headers={"Retry-After": "1"})
            await answer(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._bounded(scope, receive, send)
        finally:
            self._under_way -= 1

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = (_header(scope, b"content-type") or "").partition(";")[0].strip().lower()
        most = largest_body(kind, self._settings)
        too_large = f"the body is larger than {most:,} bytes; send less at a time, or .npz"
        length = _header(scope, b"content-length")
        if length is not None and length.isdecimal() and int(length[:20]) > most:
            await problem(413, too_large, headers={"Connection": "close"})(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self._settings.receive_seconds
        received, whole, started = 0, False, False

        async def bounded_receive() -> Message:
            nonlocal received, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise Refusal(
                    408, "the request did not arrive in time", headers={"Connection": "close"}
                ) from None
            received += len(message.get("body", b""))
            if received > most:
                raise Refusal(413, too_large, headers={"Connection": "close"})
            whole = not message.get("more_body", False)
            return message

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, bounded_receive, watched_send)
        except Refusal as refusal:
            if started:
                raise
            await problem(refusal.status, str(refusal), headers=refusal.headers)(scope, receive, send)


class Record:
    """Writes one structured line a request, without anything of its content, and counts it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, sent = time.perf_counter(), 500, 0

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *_SECURITY_HEADERS]
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            seconds = time.perf_counter() - begun
            route = getattr(scope.get("route"), "path", "")
            self._metrics.request(scope["method"], route, status, seconds)
            facts: dict[str, Any] = {
                "method": scope["method"],
                "route": route or "none",
                "status": status,
                "milliseconds": round(1000 * seconds, 1),
                "bytes": sent,
                "client": (scope.get("client") or ("",))[0],
            }
            log.info("request", extra={"facts": facts})
