"""Requests to a service: sent again where that may help, refused with the library's own errors."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from carving.errors import CarvingError, InvalidInput, MissingFile, NotAllowed, ServiceFailure

if TYPE_CHECKING:
    import httpx

API = "/api/v1"

_ERRORS: dict[int, type[CarvingError]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: MissingFile,
    408: ServiceFailure,
    410: MissingFile,
    429: ServiceFailure,
}
_ERRORS_BY_NAME = {
    kind.__name__: kind for kind in CarvingError.__subclasses__() if kind.__module__ == "carving.errors"
}
_BUSY = (429, 502, 503)
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 10.0
_BLOCK = 2**18


def address(resource: str, name: str) -> str:
    """The path of a store or tree.

    Raises
    ------
    MissingFile
        If nothing can have that name.
    """
    if "/" in name or name in ("", ".", ".."):
        raise MissingFile(
            f"{name!r}: is no name that a service gives; list what it has (of run/tree the name is run~tree)"
        )
    return f"{API}/{resource}/{quote(name, safe='')}"


class Refused(Exception):
    """A status other than success, before it has become an error of the library."""

    def __init__(self, status: int, error: CarvingError) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error


class Session:
    """Requests over one client of httpx.

    Any request may be sent again: when the service is busy, starting, or the connection breaks. Queries
    change nothing there, and jobs have a key by which the service knows them. An answer that does not come
    in time is not asked for again, since to ask cost as much the first time.

    Parameters
    ----------
    client
        Knows the address, the token and the timeouts.
    retries
        How often a request is sent again.
    """

    def __init__(self, client: httpx.Client, *, retries: int) -> None:
        self._client = client
        self._retries = retries

    @property
    def url(self) -> str:
        """Where the service is."""
        return str(self._client.base_url).rstrip("/")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # ---- what is asked

    def json(
        self,
        path: str,
        *,
        method: str = "GET",
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        retries: int | None = None,
    ) -> dict[str, Any]:
        """The JSON object that is answered."""
        with own_errors():
            answer = self._answer(
                method, path, parameters=parameters, headers=headers, body=body, retries=retries
            )
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ServiceFailure(f"{self.url}{path}: answers, but not as carve serve does; check the address")
        return document

    def content(
        self,
        method: str,
        path: str,
        *,
        accept: str,
        parameters: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        kind: str | None = None,
    ) -> bytes:
        """The whole answer.

        Raises
        ------
        Refused
            With the status, for who can do something about it; others use :func:`own_errors`.
        """
        headers = {"Accept": accept} | ({} if kind is None else {"Content-Type": kind})
        return self._answer(method, path, parameters=parameters, headers=headers, body=body).content

    def download(self, path: str, file: IO[bytes], *, parameters: Mapping[str, Any] | None = None) -> None:
        """Write the answer to a file, from its beginning again where the connection breaks."""
        with own_errors():
            self._answer("GET", path, parameters=parameters, file=file)

    def events(self, path: str, *, after: int) -> Iterator[dict[str, str]]:
        """Server-sent events as they come, until the service ends them.

        Raises
        ------
        ServiceFailure
            If it is out of reach, or the connection breaks; what was heard is left to the caller.
        """
        import httpx

        self._check_open()
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        try:
            with own_errors(), self._client.stream("GET", path, headers=headers) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self._refused(answer, path)
                yield from _events(answer.iter_raw())
        except httpx.RequestError as error:
            raise self._unreachable(error) from None

    # ---- how

    def _answer(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        file: IO[bytes] | None = None,
        retries: int | None = None,
    ) -> httpx.Response:
        import httpx

        self._check_open()
        retries = self._retries if retries is None else retries
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        request = self._client.build_request(method, path, params=given, headers=headers, content=body)
        for attempt in range(retries + 1):
            wait = min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT) * random.uniform(0.8, 1.2)
            try:
                answer = self._client.send(request, stream=True)
                with closing(answer):
                    _receive(answer, file if answer.is_success else None)
            except httpx.RequestError as error:
                is_late = isinstance(error, httpx.TimeoutException) and not isinstance(
                    error, httpx.ConnectTimeout
                )
                if is_late or attempt == retries:
                    raise self._unreachable(error) from None
            else:
                if answer.is_success:
                    return answer
                asked_to_wait = _seconds(answer.headers.get("Retry-After"))
                is_busy = answer.status_code in _BUSY and (
                    answer.status_code != 429 or asked_to_wait is not None
                )
                if not is_busy or attempt == retries:
                    raise self._refused(answer, path)
                wait = max(wait, min(asked_to_wait or 0.0, _LONGEST_WAIT))
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _check_open(self) -> None:
        if self._client.is_closed:
            raise InvalidInput(f"{self.url}: the connection was closed; connect again")

    def _unreachable(self, error: Exception) -> ServiceFailure:
        import httpx

        if isinstance(error, httpx.TimeoutException):
            return ServiceFailure(
                f"{self.url}: no answer in time; ask for less at once, or give connect() a longer timeout"
            )
        words = " ".join(str(error).split()) or type(error).__name__
        return ServiceFailure(
            f"{self.url}: cannot be reached ({words}); check the address and that carve serve runs there"
        )

    def _refused(self, answer: httpx.Response, path: str) -> Refused:
        status = answer.status_code
        detail, name = _detail(answer)
        kind = _ERRORS.get(status, InvalidInput if status < 500 else ServiceFailure)
        kind = _ERRORS_BY_NAME.get(name, kind)
        if status < 400:
            target = answer.headers.get("Location", "elsewhere")
            return Refused(status, ServiceFailure(f"{self.url}: leads to {target}; connect to that address"))
        if detail is None:
            words = f"answers with {status} {answer.reason_phrase}, and not as carve serve does"
            return Refused(status, kind(f"{self.url}{path}: {words}; check the address"))
        if status == 401:
            detail = "asks for a token; give connect() the right one, or set CARVING_TOKEN"
            return Refused(status, kind(f"{self.url}: {detail}"))
        return Refused(status, kind(f"{self.url}: {detail}"))


def _events(blocks: Iterable[bytes]) -> Iterator[dict[str, str]]:
    """The fields of each event of a stream (HTML, section 9.2.6)."""
    rest, event = b"", {}
    for block in blocks:
        *lines, rest = (rest + block).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if not line:
                if event:
                    yield event
                event = {}
            elif not line.startswith(b":"):
                name, _, value = line.decode("utf-8", "replace").partition(":")
                value = value.removeprefix(" ")
                event[name] = f"{event[name]}\n{value}" if name == "data" and name in event else value


def _receive(answer: httpx.Response, file: IO[bytes] | None) -> None:
    """The body of an answer, kept in it or written to a file."""
    if file is None:
        answer.read()
        return
    file.seek(0)
    file.truncate()
    for block in answer.iter_bytes(_BLOCK):
        file.write(block)


@contextmanager
def own_errors() -> Iterator[None]:
    """What was refused inside becomes an error of the library."""
    try:
        yield
    except Refused as refused:
        raise refused.error from None


def _detail(answer: httpx.Response) -> tuple[str | None, str]:
    """What a problem document says, and what the library calls it; None and "" where it is none."""
    if not answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        return None, ""
    try:
        document = answer.json()
        return " ".join(str(document["detail"]).split()), str(document.get("error", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, ""


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
